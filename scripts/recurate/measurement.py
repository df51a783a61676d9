"""The metrics every generation of every arm has: rewards, class shares, and what curation did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recurate.lazy import np
from recurate.rewards import TOP_TOLERANCE

if TYPE_CHECKING:
    import numpy


def reward_statistics(rewards: numpy.ndarray, supremum: float) -> dict[str, float]:
    """Mean reward, mean and variance of e^(r - r*), and the share of samples at the supremum.

    `rewards` (n,), `supremum` r*. The variance is that of the sample itself (divided by n), as Lemma 2.2 of Ferbach et
    al. (2024) reads for the empirical distribution.
    """
    scaled = np.exp(rewards - supremum)
    return {
        "reward_mean": float(rewards.mean()),
        "exp_reward_mean": float(scaled.mean()),
        "exp_reward_variance": float(scaled.var()),
        "top_share": float((rewards >= supremum - TOP_TOLERANCE).mean()),
    }


def class_shares(labels: numpy.ndarray, classes: int) -> dict[str, float]:
    """Share of samples in every class, and the entropy of the shares in nats; `labels` (n,) int64."""
    shares = np.bincount(labels, minlength=classes) / len(labels)
    present = shares[shares > 0]
    return {
        **{f"share_{number}": float(share) for number, share in enumerate(shares)},
        "share_entropy": float(-(present * np.log(present)).sum()),
    }


def curation_statistics(rewards: numpy.ndarray, kept: numpy.ndarray) -> dict[str, float]:
    """Mean reward of the kept samples, what curation gained, and the share of kept samples that are repeats.

    `rewards` (n,) of all samples, `kept` (m,) their indices.
    """
    return {
        "curation_reward_before": float(rewards.mean()),
        "curation_reward_after": float(rewards[kept].mean()),
        "curation_duplicate_share": 1.0 - len(np.unique(kept)) / len(kept),
    }
