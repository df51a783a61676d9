"""What every generation is measured by: the metrics that each arm has, and the feature spaces that others look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from recurate.curation.parts.prompts import by_prompt
from recurate.curation.parts.reward_moments import TOP_TOLERANCE
from recurate.files.arrays import read_arrays
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.measuring.metrics import DATA, Space

if TYPE_CHECKING:
    from recurate.foundation.types import Array


def reward_statistics(rewards: Array, supremum: float) -> dict[str, float]:
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


def variance_of_answers(rewards: Array, supremum: float, prompts: Array) -> float:
    """Variance of e^(r - r*) among the answers to a prompt, mean over prompts.

    `rewards` (n,), `prompts` (n,) their numbers, each as often as another. Where people choose among the answers to a
    prompt, Lemma 2.2 of Ferbach et al. (2024) holds for every prompt, and so on average with this variance.
    """
    scaled = np.exp(rewards - supremum)[by_prompt(prompts)]
    return float(scaled.var(axis=1).mean())


def class_shares(labels: Array, classes: int) -> dict[str, float]:
    """Share of samples in every class, and the entropy of the shares in nats; `labels` (n,) int64."""
    shares = np.bincount(labels, minlength=classes) / len(labels)
    present = shares[shares > 0]
    return {
        **{f"share_{number}": float(share) for number, share in enumerate(shares)},
        "share_entropy": float(-(present * np.log(present)).sum()),
    }


def curation_statistics(rewards: Array, kept: Array) -> dict[str, float]:
    """Mean reward of the kept samples, what curation gained, and the share of kept samples that are repeats.

    `rewards` (n,) of all samples, `kept` (m,) their indices.
    """
    return {
        "curation_reward_before": float(rewards.mean()),
        "curation_reward_after": float(rewards[kept].mean()),
        "curation_duplicate_share": 1.0 - len(np.unique(kept)) / len(kept),
    }


def real_spaces(train: Array, test: Array, reference: str | None, names: Iterable[str]) -> dict[str, dict[str, Array]]:
    """Real data in the named spaces: `train` and `test` (m, d), of feature spaces also `mean` and `factor`.

    `train`, `test` (m, *shape) are the data themselves; `reference` is the file with the features, and without it there
    are none.
    """
    found: dict[str, dict[str, Array]] = {
        DATA: {"train": train.reshape(len(train), -1), "test": test.reshape(len(test), -1)}
    }
    parts = ("train", "test", "mean", "factor")
    if reference is not None:
        for name in set(names) - {DATA}:
            arrays = read_arrays(reference, [f"{name}/{part}" for part in parts])
            found[name] = dict(zip(parts, arrays.values(), strict=True))
    return found


def space(name: str, x: Array, real: Mapping[str, Array] | None, split: str) -> Space:
    """Samples `x` (n, *shape) beside one of the `real_spaces`, of which `split` is the part to compare with, or none.

    Raises RecurateError if they have not as many dimensions.
    """
    x = x.reshape(len(x), -1)
    if real is None:
        return Space(name, x, reference=x[:0], other=x[:0], reference_is_training=split == "train")
    if x.shape[1] != real[split].shape[1]:
        raise RecurateError(
            f"features {name}: samples have {x.shape[1]} dimensions, real data {real[split].shape[1]}; "
            "delete features.safetensors and reference.safetensors and run the study again"
        )
    return Space(
        name=name,
        x=x,
        reference=real[split],
        other=real["test" if split == "train" else "train"],
        reference_is_training=split == "train",
        statistics={part: real[part] for part in ("mean", "factor") if part in real},
    )
