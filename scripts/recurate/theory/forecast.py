"""The forecast: the whole infinite-capacity trajectory from the rewards of generation 0 alone.

With all densities allowed, curated retraining is p_{t+1} = a p_ref + (1 - a) p_t H_t, where a is the
fraction of real data and H_t the keep ratio (the retraining step of Ferbach et al., arXiv 2407.09499). When
p_ref = p_0, the quotient p_t / p_0 is a function of the reward, so that a sample of p_0 carries every later
generation as weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from recurate.curation.parts.keep_operator import Operator, check_rewards
from recurate.curation.parts.reward_moments import class_shares, exceeds, reward_moments
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.mixing.mass import Mass
from recurate.mixing.regimes import REGIMES, TrainedRegime
from recurate.mixing.trained import Mixing

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]


def forecast(operator: Operator, count: int, mixing: Mixing, generations: int) -> Iterator[FloatArray]:
    """Give the weights of the generation-0 samples in generations 0, 1, .., `generations`.

    Parameters
    ----------
    operator : Operator
        The keep ratio H of the curation for the rewards of the generation-0 samples (`Curation.operator`).
    count : int
        n, the number of these samples.
    mixing : Mixing
        What stays in training sets; where data accumulate, p_{t+1} is the mean of p_ref and of all p_i H_i so far, the
        first with weight a, the others with 1 - a. Fresh real data have the law p_ref too, so that only their weights
        count: with contamination 1 + a t of t + 1 in generation t.
    generations : int
        Number of retrainings.

    Returns
    -------
    iterator of (n,) float64 arrays
        `generations` + 1 normalised weight vectors; w_0 = 1/n, w_{t+1} = a w_0 + (1 - a) w_t H_t.
    """
    if generations < 0:
        raise RecurateError(f"generations is {generations}, but a forecast needs 0 or more of them.")
    return _trajectory(operator, count, mixing, generations)


def infinite(regime: TrainedRegime | None, real_fraction: float) -> Mixing:
    """The mixing rule with these weights, whatever the numbers of samples."""
    fresh = regime is not None and REGIMES[regime].real == "fresh"
    return Mixing(regime=regime, real_fraction=real_fraction, real=1 if fresh else None)


def _trajectory(operator: Operator, count: int, mixing: Mixing, generations: int) -> Iterator[FloatArray]:
    """Iterate the retraining step on weights (n,)."""
    synthetic = 1 - mixing.real_fraction

    def curated(_: int, pool: Mass) -> Mass:
        kept = pool.law * operator.ratio(pool.law)
        return Mass(synthetic, synthetic * kept / kept.sum())

    def real(weight: float) -> Mass:
        return Mass(weight, np.full(count, weight / count))

    pools = mixing.pools(real(mixing.real_weight), real(mixing.real_fraction), curated)
    for pool in islice(pools, generations + 1):
        yield pool.law


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
    if exceeds(values, supremum):
        raise RecurateError(f"The largest reward is {values.max():g}, but its supremum is said to be {supremum:g}.")
    result = reward_moments(values, supremum, weights)
    if classes is not None:
        of_samples = np.asarray(classes)
        if of_samples.shape != weights.shape or class_count is None:
            raise RecurateError(
                f"{weights.size} samples need as many classes, not {of_samples.shape}, and a class_count."
            )
        result |= class_shares(of_samples, class_count, weights)
    return result | _divergences(weights)


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
