"""What is said of many samples by their rewards and classes: of a sample set, or of one whose samples have weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from recurate.curation.parts.prompts import by_prompt
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from recurate.foundation.types import Array

TOP_TOLERANCE = 1e-6  # rewards this close below their supremum count as reaching it
SUPREMUM_TOLERANCE = 1e-4  # a reward may exceed its supremum by so much, as single-precision networks do


def above(rewards: Array, supremum: float) -> Array:
    """How far rewards lie above r*, in units of max(1, |r*|), in which tolerances are said.

    Rewards are stored in single precision, and so is r* for this comparison.
    """
    return (rewards - float(np.float32(supremum))) / max(1.0, abs(supremum))


def reaches(rewards: Array, supremum: float) -> Array:
    """Which rewards (n,) count as r*, bool."""
    return above(rewards, supremum) >= -TOP_TOLERANCE


def exceeds(rewards: Array, supremum: float) -> bool:
    """Whether a reward lies above r* by more than rounding; none may, and r* must be finite."""
    return math.isinf(supremum) or not above(rewards.max(), supremum) <= SUPREMUM_TOLERANCE


def above_supremum(kind: str, rewards: Array, supremum: float) -> str:
    """What is said where a reward `exceeds`."""
    return f"reward: {kind} gave {rewards.max():g}, above its supremum {supremum:g}; mend it"


def one_number(rewards: Array, components: Sequence[str]) -> Array:
    """Rewards (.., n): as they are, or of vectors (.., n, k) with these components the sum of their parts."""
    return rewards.sum(axis=-1) if components else rewards


def reward_moments(rewards: Array, supremum: float, weights: Array | None = None) -> dict[str, float]:
    """Mean reward, mean and variance of e^(r - r*), and the share of samples at the supremum.

    `rewards` (n,), `supremum` r*, `weights` (n,) normalised, or None for equal ones. The variance is that of the
    samples themselves (not divided by n - 1), as Lemma 2.2 of Ferbach et al. (2024) reads for their distribution.
    """
    scaled = exponential(rewards, supremum)
    mean = _mean(scaled, weights)
    top = reaches(rewards, supremum)
    return {
        "reward_mean": _mean(rewards, weights),
        "exp_reward_mean": mean,
        "exp_reward_variance": _mean((scaled - mean) ** 2, weights),
        "top_share": float(top.mean() if weights is None else weights[top].sum()),
    }


def variance_of_answers(rewards: Array, supremum: float, prompts: Array, weights: Array | None = None) -> float:
    """Variance of e^(r - r*) among the answers to a prompt, mean over prompts of equal weight.

    `rewards` (n,), `prompts` (n,) their numbers, each as often as another, `weights` (n,) or None for equal ones. Where
    people choose among the answers to a prompt, Lemma 2.2 of Ferbach et al. (2024) holds for every prompt, and so on
    average with this variance. The lemma is about the law of the answers, of which there are few: without weights this
    is the unbiased estimate, divided by one less than their number (0 where a prompt has one answer, of which nobody
    chooses). Samples with weights are a law themselves.
    """
    answers = by_prompt(prompts)
    scaled = exponential(rewards, supremum)[answers]
    if weights is None:
        each = answers.shape[1]
        return float(scaled.var(axis=1, ddof=1).mean()) if each > 1 else 0.0
    shares = weights[answers] / weights[answers].sum(axis=1, keepdims=True)
    mean = (shares * scaled).sum(axis=1, keepdims=True)
    return float((shares * (scaled - mean) ** 2).sum(axis=1).mean())


def class_shares(classes: Array, count: int, weights: Array | None = None) -> dict[str, float]:
    """Share of samples in each of `count` classes; `classes` (n,) int64, `weights` (n,) or None for equal ones.

    Raises RecurateError for classes out of range.
    """
    if classes.min() < 0 or classes.max() >= count:
        raise RecurateError(f"Classes run from {classes.min()} to {classes.max()}, not from 0 to {count - 1}.")
    counts = np.bincount(classes, weights, minlength=count)
    shares = counts / len(classes) if weights is None else counts
    return {f"share_{number}": float(share) for number, share in enumerate(shares)}


def exponential(rewards: Array, supremum: float) -> Array:
    """e^(r - r*), at most 1."""
    return np.exp(np.minimum(rewards - supremum, 0.0))


def _mean(values: Array, weights: Array | None) -> float:
    return float(values.mean() if weights is None else weights @ values)
