"""Published claims, checked generation by generation on the measured loop and on the forecast.

A claim is a function of a closed loop and of its recorded metrics. It returns `Evidence`, a number and its
bound for every seed and generation, or an `Exemption`, which says why the claim has nothing to say here.
`checking` turns both into rows of the claims table, judged as `verdicts` says; a claim of one's own joins by being
added to `CLAIMS`.

Forecasts are exact: every seed must satisfy the claim. Measured loops are noisy: their mean slack over seeds is tested
with a standard error that is pooled over the generations and arms of one study which the claim speaks of (`pooling`),
where it gives the scale of its noise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.mixing.ratios import synthetic_ratio_of
from recurate.mixing.regimes import REGIMES, TrainedRegime
from recurate.theory import bounds
from recurate.theory.verdicts import NOT_APPLICABLE, VACUOUS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]
    Metrics = Mapping[str, FloatArray]

# Squared correlation of the errors of two rows: differences of successive generations; differences to generation 0.
OF_STEPS, OF_ONE_START = 0.05, 0.25

NEEDS_PURE_LOOP = "the claim is about the loop without real data"
NEEDS_PROPORTIONS = "the claim is about training sets of constant proportions, here data accumulate"
NEEDS_UNBIASED_SAMPLES = "the claim is about samples of what was learnt, here sampling is biased"
NEEDS_ONE_POOL = "the highest reward is each prompt's own where people choose among its answers"
NEEDS_BRADLEY_TERRY = "the claim is about K-wise Bradley-Terry choices"
NO_OPERATOR = "this curation gives no exact operator, so that there is no forecast"
NEEDS_REAL_DATA = "the claim is about loops with real data"
NEEDS_DENSITIES = "samples do not bound this divergence from above"


@dataclass(frozen=True)
class ClosedLoop:
    """What theory needs to know of an arm.

    Parameters
    ----------
    study, arm : str
        Names, for the table.
    choices : int or inf, or None
        K, the number of samples shown to the user; None where people do not choose one of K by Bradley-Terry.
    real_fraction : float
        Fraction of real data in every training set; 0 is the pure loop.
    regime : str
        What stays in training sets, as in `Mixing`.
    is_biased : bool
        Whether samples are drawn from another law than the one learnt, as with guidance.
    by_prompt : bool
        Whether people choose among answers to one prompt; the claims then hold for every prompt, and on average.
    has_operator : bool
        Whether the curation gives an exact keep ratio, by which the loop can be forecast.
    """

    study: str
    arm: str
    choices: float | None
    real_fraction: float
    regime: TrainedRegime = "augmentation"
    is_biased: bool = False
    by_prompt: bool = False
    has_operator: bool = True

    @property
    def pure(self) -> bool:
        """Whether training sees no real data."""
        return self.real_fraction == 0

    @property
    def synthetic_ratio(self) -> float:
        """Ferbach et al.'s lambda, synthetic to real data."""
        return synthetic_ratio_of(self.real_fraction)


@dataclass(frozen=True)
class Evidence:
    """A recorded quantity and its bound in generations 1..T, both (seeds, T).

    Parameters
    ----------
    is_upper_bound : bool
        On which side of it the claim has the quantity.
    is_equality : bool
        Whether the claim has it at the bound, which is then tested on both sides.
    scale : (T,) array, optional
        What the noise of the slack is proportional to, so that its standard errors can be pooled over generations and
        arms; None where nothing is known of it.
    likeness : float
        Squared correlation of the errors of two rows that are pooled.
    """

    measured: FloatArray
    bound: FloatArray
    is_upper_bound: bool
    is_equality: bool = False
    scale: FloatArray | None = None
    likeness: float = OF_STEPS

    @property
    def slack(self) -> FloatArray:
        """Distance to the bound, (seeds, T), not negative where the claim is satisfied; measured - bound if equal."""
        with np.errstate(invalid="ignore"):
            return self.bound - self.measured if self.is_upper_bound else self.measured - self.bound


@dataclass(frozen=True)
class Exemption:
    """Why a claim says nothing of a loop: its bound is `vacuous`, or it is `not applicable`."""

    verdict: str
    reason: str


class _UnrecordedMetricError(Exception):
    """A claim asked for a metric that the records do not hold."""


def recorded(metrics: Metrics, name: str) -> FloatArray:
    """Look up a metric, (seeds, generations + 1); a claim whose metric is missing becomes not applicable."""
    if name not in metrics:
        raise _UnrecordedMetricError(f"metric {name} was not recorded")
    return metrics[name]


def lemma_2_2(loop: ClosedLoop, metrics: Metrics, source: str) -> Evidence | Exemption:
    """Check that the exponential reward of generation t + 1 exceeds that of t by its variance (Lemma 2.2).

    Without a choice (K = 1) p_{t+1} = p_t for an ideal learner: the lemma is an equality, and neither a fall nor a rise
    is in order. It is supported there only in that the mean stays the same within a tenth.
    """
    if loop.choices is None:
        return Exemption(NOT_APPLICABLE, NEEDS_BRADLEY_TERRY)
    if not loop.pure:
        return Exemption(NOT_APPLICABLE, NEEDS_PURE_LOOP)
    mean, variance = recorded(metrics, "exp_reward_mean"), recorded(metrics, bounds.chosen_variance(loop.by_prompt))
    bound = bounds.next_exponential_reward(mean[:, :-1], variance[:, :-1], loop.choices)
    noise = _spread_of_rewards(metrics)
    scale = np.hypot(noise[1:], noise[:-1])
    return Evidence(mean[:, 1:], bound, is_upper_bound=False, is_equality=loop.choices == 1, scale=scale)


def theorem_2_1(loop: ClosedLoop, metrics: Metrics, source: str) -> Evidence | Exemption:
    """Check that KL(p*||p_t) never grows, p* being p_0 restricted to the highest reward (Theorem 2.1).

    p_t/p_0 depends on the reward alone in the infinite-capacity loop, so there it
    is -log p_t(r = r*). In a trained loop this is a lower bound of the divergence, by data processing.
    """
    if loop.choices is None:
        return Exemption(NOT_APPLICABLE, NEEDS_BRADLEY_TERRY)
    if not loop.pure:
        return Exemption(NOT_APPLICABLE, NEEDS_PURE_LOOP)
    if loop.choices == 1:
        return Exemption(NOT_APPLICABLE, "without a choice (K = 1) nothing approaches the highest reward")
    if loop.by_prompt:
        return Exemption(NOT_APPLICABLE, NEEDS_ONE_POOL)
    share = recorded(metrics, "top_share")
    without = int((share[:, 0] == 0).sum())
    if without:
        who = f"{without} of {len(share)} seeds"
        return Exemption(VACUOUS, f"in generation 0 of {who} no sample has the highest reward")
    with np.errstate(divide="ignore", invalid="ignore"):
        divergence = -np.log(share)
    average = share.mean(axis=0)
    with np.errstate(divide="ignore"):
        noise = np.sqrt((1 - average) / average)  # of log share, of one sample
    scale = np.hypot(noise[1:], noise[:-1])
    return Evidence(divergence[:, 1:], divergence[:, :-1], is_upper_bound=True, scale=scale)


def theorem_2_3(loop: ClosedLoop, metrics: Metrics, source: str) -> Evidence | Exemption:
    """Check that the exponential reward stays above the reference's, which is generation 0 (Theorem 2.3)."""
    if loop.choices is None:
        return Exemption(NOT_APPLICABLE, NEEDS_BRADLEY_TERRY)
    if loop.pure:
        return Exemption(NOT_APPLICABLE, NEEDS_REAL_DATA)
    if loop.choices == 1:
        return Exemption(VACUOUS, "without a choice (K = 1) the promised gain is zero")
    if loop.synthetic_ratio == 0:
        return Exemption(VACUOUS, "without synthetic data (lambda = 0) the promised gain is zero")
    mean, variance = recorded(metrics, "exp_reward_mean"), recorded(metrics, bounds.chosen_variance(loop.by_prompt))
    bound = bounds.mixed_exponential_reward(mean[:, :1], variance[:, :1], loop.choices, loop.synthetic_ratio)
    scale = _distance_from_start(_spread_of_rewards(metrics), 1 - loop.real_fraction)
    constant = np.broadcast_to(bound, mean[:, 1:].shape)
    return Evidence(mean[:, 1:], constant, is_upper_bound=False, scale=scale, likeness=OF_ONE_START)


def _spread_of_rewards(metrics: Metrics) -> FloatArray:
    """Standard deviation of e^(r - r*) in every generation, (T + 1,): what the noise of its mean is proportional to.

    Nan where it was not recorded.
    """
    variance = metrics.get("exp_reward_variance")
    mean = recorded(metrics, "exp_reward_mean")
    return np.full(mean.shape[1], np.nan) if variance is None else np.sqrt(variance.mean(axis=0))


def _distance_from_start(noise: FloatArray, kept: float) -> FloatArray:
    """How far noise takes the mean from that of generation 0, (T,), up to a factor.

    Every generation adds noise (T + 1,) of its own and passes on the share `kept` of what was there: to first order the
    mean is an autoregressive process, whose memory of generation 0 fades.
    """
    passed_on = np.zeros(len(noise))
    for generation in range(1, len(noise)):
        passed_on[generation] = noise[generation] ** 2 + kept**2 * passed_on[generation - 1]
    forgotten = (1 - kept ** np.arange(len(noise))) * noise[0]
    return np.hypot(np.sqrt(passed_on), forgotten)[1:]


def theorem_2_4(loop: ClosedLoop, metrics: Metrics, source: str) -> Evidence | Exemption:
    """Check the bound on KL(p_t||p_ref) when little synthetic data is mixed in (Theorem 2.4)."""
    if loop.choices is None:
        return Exemption(NOT_APPLICABLE, NEEDS_BRADLEY_TERRY)
    if loop.pure:
        return Exemption(NOT_APPLICABLE, NEEDS_REAL_DATA)
    bound = bounds.divergence_to_reference(loop.choices, loop.synthetic_ratio)
    if bound is None:
        numbers = f"lambda = {loop.synthetic_ratio:.4g} is not below 1/(K-1) = {1 / (loop.choices - 1):.4g}"
        return Exemption(VACUOUS, f"{numbers}, so there is no bound")
    return _divergence_evidence("kl_to_origin", bound, metrics, source)


def kl_from_reference(loop: ClosedLoop, metrics: Metrics, source: str) -> Evidence | Exemption:
    """Check that KL(p_ref||p_t) <= log(1 + lambda), as every p_t holds p_ref/(1 + lambda)."""
    if loop.pure:
        return Exemption(VACUOUS, "without real data the bound log(1 + lambda) is infinite")
    bound = bounds.divergence_from_reference(loop.synthetic_ratio)
    return _divergence_evidence("kl_from_origin", bound, metrics, source)


def _divergence_evidence(name: str, bound: float, metrics: Metrics, source: str) -> Evidence | Exemption:
    """Compare a divergence with a constant; only the forecast knows densities."""
    if source == "measured":
        return Exemption(NOT_APPLICABLE, NEEDS_DENSITIES)
    divergence = recorded(metrics, name)[:, 1:]
    return Evidence(divergence, np.full_like(divergence, bound), is_upper_bound=True)


Claim = Callable[[ClosedLoop, "Metrics", str], "Evidence | Exemption"]

CLAIMS: dict[str, Claim] = {
    "lemma_2_2": lemma_2_2,
    "theorem_2_1": theorem_2_1,
    "theorem_2_3": theorem_2_3,
    "theorem_2_4": theorem_2_4,
    "kl_from_reference": kl_from_reference,
}


def find(name: str) -> Claim:
    """Look up a claim by name."""
    if name not in CLAIMS:
        raise RecurateError(f"There is no claim {name!r}; known claims are {', '.join(CLAIMS)}.")
    return CLAIMS[name]


def assess(claim: Claim, loop: ClosedLoop, metrics: Metrics, source: str) -> Evidence | Exemption:
    """Call a claim; a metric that is not there exempts the loop, so do biased samples and data that accumulate."""
    if loop.is_biased:
        return Exemption(NOT_APPLICABLE, NEEDS_UNBIASED_SAMPLES)
    if REGIMES[loop.regime].accumulates:
        return Exemption(NOT_APPLICABLE, NEEDS_PROPORTIONS)
    if not loop.has_operator:
        why = NO_OPERATOR if claim is kl_from_reference else f"{NEEDS_BRADLEY_TERRY}; {NO_OPERATOR}"
        return Exemption(NOT_APPLICABLE, why)
    try:
        return claim(loop, metrics, source)
    except _UnrecordedMetricError as error:
        return Exemption(NOT_APPLICABLE, str(error))


def reward_bound(loop: ClosedLoop, metrics: Metrics) -> FloatArray | None:
    """Published lower bound on E[e^(r - r*)] in generations 1..T, (seeds, T); None where none is promised.

    Without real data that of Lemma 2.2 of Ferbach et al. (2024), from the generation before; with real data that of
    their Theorem 2.3, from generation 0.
    """
    result = assess(lemma_2_2 if loop.pure else theorem_2_3, loop, metrics, "measured")
    return result.bound if isinstance(result, Evidence) else None
