"""The forecast: the whole infinite-capacity trajectory from the rewards of generation 0 alone.

With all densities allowed, curated retraining is p_{t+1} = a p_ref + (1 - a) p_t H_t, where a is the
fraction of real data and H_t the keep ratio (the retraining step of Ferbach et al., arXiv 2407.09499). When
p_ref = p_0, the quotient p_t / p_0 is a function of the reward, so that a sample of p_0 carries every later
generation as weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Protocol, cast

from recurate.curation import by_prompt
from recurate.curation.parts.keep_operator import MEMORY_BUDGET, KeepOperator, check_rewards
from recurate.curation.rewards import TOP_TOLERANCE
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.mixing.regimes import REGIMES, TrainedRegime
from recurate.mixing.trained import Mixing

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]
    RewardMixture = list[tuple[float, ArrayLike]]

SUPREMUM_TOLERANCE = 1e-4  # single-precision rewards may exceed a supremum by rounding, times 1 + |r*|


def forecast(
    rewards: ArrayLike | RewardMixture,
    choices: float,
    real_fraction: float,
    generations: int,
    regime: TrainedRegime | None = None,
    prompts: ArrayLike | None = None,
) -> Iterator[FloatArray]:
    """Give the weights of the generation-0 samples in generations 0, 1, .., `generations`.

    Parameters
    ----------
    rewards : (n,) array, or list of (probability, (n,) array)
        Rewards of the generation-0 samples. A list means that each curation event uses the j-th reward with
        probability q_j, which gives H = sum_j q_j H^(j).
    choices : int or inf
        K, the number of samples shown to the user.
    real_fraction : float
        Fraction of real data in every training set, 1/(1 + lambda); 0 is the pure loop.
    generations : int
        Number of retrainings.
    regime : str, optional
        What stays in training sets, as in `Mixing`; where data accumulate, p_{t+1} is the mean of p_ref and of all
        p_i H_i so far, the first with weight a, the others with 1 - a. Fresh real data have the law p_ref too, so
        that only their weights count: with contamination 1 + a t of t + 1 in generation t.
    prompts : (n,) integer array, optional
        Prompts that the samples answer, each as many. Then people choose among answers to one prompt, so that H is
        computed prompt by prompt, and no prompt gains on another.

    Returns
    -------
    iterator of (n,) float64 arrays
        `generations` + 1 normalised weight vectors; w_0 = 1/n, w_{t+1} = a w_0 + (1 - a) w_t H_t.

    Raises
    ------
    RecurateError
        At the call, not at the first step, when an argument is not as described.
    """
    if not 0 <= real_fraction <= 1:
        raise RecurateError(f"real_fraction is {real_fraction}, but it must lie between 0 and 1.")
    if generations < 0:
        raise RecurateError(f"generations is {generations}, but a forecast needs 0 or more of them.")
    mixture = _as_mixture(rewards)
    budget = MEMORY_BUDGET // len(mixture)
    rows = None if prompts is None else by_prompt(np.asarray(prompts))
    operators = [(share, _operator(values, choices, budget, rows)) for share, values in mixture]
    return _trajectory(operators, mixture[0][1].size, infinite(regime, real_fraction), generations)


def infinite(regime: TrainedRegime | None, real_fraction: float) -> Mixing:
    """The mixing rule with these weights, whatever the numbers of samples."""
    fresh = regime is not None and REGIMES[regime].real == "fresh"
    return Mixing(regime=regime, real_fraction=real_fraction, real=1 if fresh else None)


class Operator(Protocol):
    """The keep ratio H for fixed rewards."""

    def ratio(self, weights: ArrayLike) -> FloatArray:
        """H (n,) for the distribution with these weights (n,)."""


@dataclass(frozen=True)
class PromptwiseOperator:
    """The keep ratio where people choose among the answers to one prompt: `answers` (prompts, each) are their rows."""

    operators: list[KeepOperator]
    answers: NDArray[np.int64]

    def ratio(self, weights: ArrayLike) -> FloatArray:
        """H (n,), of every prompt for the distribution of its own answers."""
        values = np.asarray(weights, dtype=np.float64)
        ratio = np.empty_like(values)
        for rows, operator in zip(self.answers, self.operators, strict=True):
            ratio[rows] = operator.ratio(values[rows])
        return ratio


def _operator(rewards: FloatArray, choices: float, budget: int, answers: NDArray[np.int64] | None) -> Operator:
    if answers is None:
        return KeepOperator(rewards, choices, budget)
    return PromptwiseOperator(
        [KeepOperator(rewards[rows], choices, budget // len(answers)) for rows in answers], answers
    )


@dataclass(frozen=True)
class _Mass:
    """A part of a training set: its weight, and that times the weights (n,) of the generation-0 samples in it."""

    weight: float
    shares: FloatArray

    def __add__(self, other: _Mass) -> _Mass:
        return _Mass(self.weight + other.weight, self.shares + other.shares)


def _trajectory(
    operators: list[tuple[float, Operator]], count: int, mixing: Mixing, generations: int
) -> Iterator[FloatArray]:
    """Iterate the retraining step on weights (n,)."""
    synthetic = 1 - mixing.real_fraction

    def curated(_: int, pool: _Mass) -> _Mass:
        weights = pool.shares / pool.weight
        kept = weights * sum(share * operator.ratio(weights) for share, operator in operators)
        return _Mass(synthetic, synthetic * kept / kept.sum())

    def real(weight: float) -> _Mass:
        return _Mass(weight, np.full(count, weight / count))

    pools = mixing.pools(real(mixing.real_weight), real(mixing.real_fraction), curated)
    for pool in islice(pools, generations + 1):
        yield pool.shares / pool.weight


def _as_mixture(rewards: ArrayLike | RewardMixture) -> list[tuple[float, FloatArray]]:
    """Bring one reward and several rewards to the same form, and check the probabilities."""
    if not (isinstance(rewards, list) and rewards and isinstance(rewards[0], tuple)):
        return [(1.0, check_rewards(cast("ArrayLike", rewards)))]
    mixture = [(float(share), check_rewards(values)) for share, values in rewards]
    shares = [share for share, _ in mixture]
    if not (min(shares) >= 0 and math.isclose(sum(shares), 1, abs_tol=1e-9)):
        raise RecurateError(f"Probabilities of rewards must be >= 0 and add up to 1, but are {shares}.")
    if len({values.size for _, values in mixture}) > 1:
        raise RecurateError("All rewards of a mixture must be given for the same samples.")
    return mixture


def effective_sample_size(weights: FloatArray) -> float:
    """Compute 1 / sum w^2 of normalised weights (n,): how many samples the forecast still rests on."""
    return float(1.0 / np.sum(weights**2))


def statistics(
    weights: FloatArray,
    rewards: ArrayLike,
    supremum: float,
    classes: ArrayLike | None = None,
    class_count: int | None = None,
) -> dict[str, float]:
    """Predict the metrics of a generation from its weights.

    Parameters
    ----------
    weights : (n,) array
        Normalised weights of the generation-0 samples.
    rewards : (n,) array
        Their rewards (of several, the one to report).
    supremum : float
        r*, the largest reward possible, finite.
    classes : (n,) integer array, optional
        Class of every sample, 0 .. class_count - 1.
    class_count : int, optional
        Number of classes; needed with `classes`.

    Returns
    -------
    dict
        `reward_mean`; `exp_reward_mean` and `exp_reward_variance`, of e^(r - r*); `top_share`, the mass of
        r = r*; `share_<class>`; `kl_to_origin`, KL(p_t||p_0) = sum w log(n w), and `kl_from_origin`,
        KL(p_0||p_t), in nats; `sup_ratio`, the maximum of p_t/p_0.

    Raises
    ------
    RecurateError
        When a reward exceeds the supremum by more than rounding, or classes are out of range.
    """
    values = check_rewards(rewards)
    if values.shape != np.shape(weights):
        raise RecurateError(f"There are {values.size} rewards, but weights of shape {np.shape(weights)}.")
    result = _reward_statistics(weights, values, supremum)
    if classes is not None:
        result |= _class_shares(weights, np.asarray(classes), class_count)
    return result | _divergences(weights)


def _reward_statistics(weights: FloatArray, rewards: FloatArray, supremum: float) -> dict[str, float]:
    """Compute the moments of r and of e^(r - r*), and the mass of the highest level set."""
    excess = float(rewards.max()) - supremum
    if not excess <= SUPREMUM_TOLERANCE * (1 + abs(supremum)) or math.isinf(supremum):
        raise RecurateError(f"The largest reward is {rewards.max():g}, but its supremum is said to be {supremum:g}.")
    exponential = np.exp(np.minimum(rewards - supremum, 0.0))
    mean = float(weights @ exponential)
    return {
        "reward_mean": float(weights @ rewards),
        "exp_reward_mean": mean,
        "exp_reward_variance": float(weights @ (exponential - mean) ** 2),
        "top_share": float(weights[rewards >= supremum - TOP_TOLERANCE].sum()),
    }


def _class_shares(weights: FloatArray, classes: NDArray[np.int64], class_count: int | None) -> dict[str, float]:
    """Add up the weights of every class."""
    if classes.shape != weights.shape or class_count is None:
        raise RecurateError(f"{weights.size} samples need as many classes, not {classes.shape}, and a class_count.")
    if classes.min() < 0 or classes.max() >= class_count:
        raise RecurateError(f"Classes run from {classes.min()} to {classes.max()}, not from 0 to {class_count - 1}.")
    shares = np.bincount(classes, weights, minlength=class_count)
    return {f"share_{index}": float(share) for index, share in enumerate(shares)}


def _divergences(weights: FloatArray) -> dict[str, float]:
    """Compare the weights with equal weights; a weight of zero makes `kl_from_origin` infinite."""
    ratio = weights * weights.size
    with np.errstate(divide="ignore"):
        logs = np.log(ratio)
    present = weights > 0
    return {
        "kl_to_origin": float(weights[present] @ logs[present]),
        "kl_from_origin": float(-logs.mean()),
        "sup_ratio": float(ratio.max()),
    }


def variance_of_answers(weights: FloatArray, rewards: ArrayLike, supremum: float, prompts: ArrayLike) -> float:
    """Predict the variance of e^(r - r*) among the answers to a prompt, mean over prompts of equal weight.

    `weights`, `rewards` and `prompts` are (n,).
    """
    answers = by_prompt(np.asarray(prompts))
    scaled = np.exp(np.minimum(check_rewards(rewards) - supremum, 0.0))[answers]
    shares = weights[answers] / weights[answers].sum(axis=1, keepdims=True)
    mean = (shares * scaled).sum(axis=1, keepdims=True)
    return float((shares * (scaled - mean) ** 2).sum(axis=1).mean())
