"""Published claims, checked generation by generation on the measured loop and on the forecast.

A claim is a function of a closed loop and of its recorded metrics. It returns `Evidence`, a number and its
bound for every seed and generation, or an `Exemption`, which says why the claim has nothing to say here.
`check_claims` turns both into rows of the claims table; a claim of one's own joins by being added to
`CLAIMS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.mixing.ratios import synthetic_ratio_of
from recurate.mixing.regimes import REGIMES, TrainedRegime
from recurate.theory import bounds
from recurate.theory.verdicts import ClaimRow, Judgement, standard_error

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]
    Metrics = Mapping[str, FloatArray]

SOURCES = ("forecast", "measured")
ROUNDING = 1e-9  # a claim that holds with equality must not fail by rounding
CONFIDENCE = 0.975  # one-sided

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
    """A recorded quantity and its bound in generations 1..T, both (seeds, T)."""

    measured: FloatArray
    bound: FloatArray
    is_upper_bound: bool

    @property
    def slack(self) -> FloatArray:
        """Distance to the bound, (seeds, T), not negative where the claim is satisfied."""
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
    """Check that the exponential reward of generation t + 1 exceeds that of t by its variance (Lemma 2.2)."""
    if loop.choices is None:
        return Exemption("not applicable", NEEDS_BRADLEY_TERRY)
    if not loop.pure:
        return Exemption("not applicable", NEEDS_PURE_LOOP)
    mean, variance = recorded(metrics, "exp_reward_mean"), recorded(metrics, bounds.chosen_variance(loop.by_prompt))
    bound = bounds.next_exponential_reward(mean[:, :-1], variance[:, :-1], loop.choices)
    return Evidence(mean[:, 1:], bound, is_upper_bound=False)


def theorem_2_1(loop: ClosedLoop, metrics: Metrics, source: str) -> Evidence | Exemption:
    """Check that KL(p*||p_t) never grows, p* being p_0 restricted to the highest reward (Theorem 2.1).

    p_t/p_0 depends on the reward alone in the infinite-capacity loop, so there it
    is -log p_t(r = r*). In a trained loop this is a lower bound of the divergence, by data processing.
    """
    if loop.choices is None:
        return Exemption("not applicable", NEEDS_BRADLEY_TERRY)
    if not loop.pure:
        return Exemption("not applicable", NEEDS_PURE_LOOP)
    if loop.choices == 1:
        return Exemption("not applicable", "without a choice (K = 1) nothing approaches the highest reward")
    if loop.by_prompt:
        return Exemption("not applicable", NEEDS_ONE_POOL)
    share = recorded(metrics, "top_share")
    without = int((share[:, 0] == 0).sum())
    if without:
        who = f"{without} of {len(share)} seeds"
        return Exemption("vacuous", f"in generation 0 of {who} no sample has the highest reward")
    with np.errstate(divide="ignore", invalid="ignore"):
        divergence = -np.log(share)
    return Evidence(divergence[:, 1:], divergence[:, :-1], is_upper_bound=True)


def theorem_2_3(loop: ClosedLoop, metrics: Metrics, source: str) -> Evidence | Exemption:
    """Check that the exponential reward stays above the reference's, which is generation 0 (Theorem 2.3)."""
    if loop.choices is None:
        return Exemption("not applicable", NEEDS_BRADLEY_TERRY)
    if loop.pure:
        return Exemption("not applicable", NEEDS_REAL_DATA)
    if loop.choices == 1:
        return Exemption("vacuous", "without a choice (K = 1) the promised gain is zero")
    if loop.synthetic_ratio == 0:
        return Exemption("vacuous", "without synthetic data (lambda = 0) the promised gain is zero")
    mean, variance = recorded(metrics, "exp_reward_mean"), recorded(metrics, bounds.chosen_variance(loop.by_prompt))
    bound = bounds.mixed_exponential_reward(mean[:, :1], variance[:, :1], loop.choices, loop.synthetic_ratio)
    return Evidence(mean[:, 1:], np.broadcast_to(bound, mean[:, 1:].shape), is_upper_bound=False)


def theorem_2_4(loop: ClosedLoop, metrics: Metrics, source: str) -> Evidence | Exemption:
    """Check the bound on KL(p_t||p_ref) when little synthetic data is mixed in (Theorem 2.4)."""
    if loop.choices is None:
        return Exemption("not applicable", NEEDS_BRADLEY_TERRY)
    if loop.pure:
        return Exemption("not applicable", NEEDS_REAL_DATA)
    bound = bounds.divergence_to_reference(loop.choices, loop.synthetic_ratio)
    if bound is None:
        numbers = f"lambda = {loop.synthetic_ratio:.4g} is not below 1/(K-1) = {1 / (loop.choices - 1):.4g}"
        return Exemption("vacuous", f"{numbers}, so there is no bound")
    return _divergence_evidence("kl_to_origin", bound, metrics, source)


def kl_from_reference(loop: ClosedLoop, metrics: Metrics, source: str) -> Evidence | Exemption:
    """Check that KL(p_ref||p_t) <= log(1 + lambda), as every p_t holds p_ref/(1 + lambda)."""
    if loop.pure:
        return Exemption("vacuous", "without real data the bound log(1 + lambda) is infinite")
    bound = bounds.divergence_from_reference(loop.synthetic_ratio)
    return _divergence_evidence("kl_from_origin", bound, metrics, source)


def _divergence_evidence(name: str, bound: float, metrics: Metrics, source: str) -> Evidence | Exemption:
    """Compare a divergence with a constant; only the forecast knows densities."""
    if source == "measured":
        return Exemption("not applicable", NEEDS_DENSITIES)
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


def check_claims(
    loop: ClosedLoop, values: Mapping[str, ArrayLike], source: str, claims: Iterable[str] | None = None
) -> list[ClaimRow]:
    """Check claims on one arm and one source.

    Parameters
    ----------
    loop : ClosedLoop
        The arm.
    values : dict of metric name to (seeds, generations + 1) array
        Recorded metrics, from generation 0 on.
    source : {"forecast", "measured"}
        Forecasts are exact: every seed must satisfy the claim to 1e-9. Measured loops are noisy: the mean
        slack over seeds must not lie below zero by more than a one-sided 97.5 % Student t error.
    claims : iterable of str, optional
        Names from `CLAIMS`; all by default.

    Returns
    -------
    list of ClaimRow
        One row for each claim and generation 1, 2, .., its keys in the order of `CLAIM_COLUMNS`. Slack is the mean over
        seeds, >= 0 where the claim is satisfied; verdicts are `holds`, `fails`, `vacuous` and `not applicable`.

    Raises
    ------
    RecurateError
        When a claim or the source is unknown, or the arrays do not share one shape.
    """
    if source not in SOURCES:
        raise RecurateError(f"Claims are checked on {' or '.join(SOURCES)} values, not on {source!r}.")
    metrics, generations = _as_metrics(loop, values)
    rows = list[ClaimRow]()
    for name in CLAIMS if claims is None else claims:
        result = _assess(_find(name), loop, metrics, source)
        for generation in range(1, generations + 1):
            judgement = _judgement(result, generation, source)
            rows.append(
                ClaimRow(study=loop.study, arm=loop.arm, claim=name, source=source, generation=generation, **judgement)
            )
    return rows


def _as_metrics(loop: ClosedLoop, values: Mapping[str, ArrayLike]) -> tuple[dict[str, FloatArray], int]:
    """Convert to arrays of one shape (seeds, T + 1); return them and T."""
    metrics = {name: np.asarray(value, dtype=np.float64) for name, value in values.items()}
    shapes = {array.shape for array in metrics.values()}
    if len(shapes) != 1 or len(shape := shapes.pop()) != 2 or 0 in shape:
        of_metrics = {name: array.shape for name, array in metrics.items()}
        raise RecurateError(
            f"Metrics of arm {loop.arm} must all be (seeds, generations + 1) arrays, but are {of_metrics}."
        )
    return metrics, shape[1] - 1


def _find(name: str) -> Claim:
    """Look up a claim by name."""
    if name not in CLAIMS:
        raise RecurateError(f"There is no claim {name!r}; known claims are {', '.join(CLAIMS)}.")
    return CLAIMS[name]


def _assess(claim: Claim, loop: ClosedLoop, metrics: Metrics, source: str) -> Evidence | Exemption:
    """Call a claim; a metric that is not there exempts the loop, so do biased samples and data that accumulate."""
    if loop.is_biased:
        return Exemption("not applicable", NEEDS_UNBIASED_SAMPLES)
    if REGIMES[loop.regime].accumulates:
        return Exemption("not applicable", NEEDS_PROPORTIONS)
    if not loop.has_operator:
        why = NO_OPERATOR if claim is kl_from_reference else f"{NEEDS_BRADLEY_TERRY}; {NO_OPERATOR}"
        return Exemption("not applicable", why)
    try:
        return claim(loop, metrics, source)
    except _UnrecordedMetricError as error:
        return Exemption("not applicable", str(error))


def reward_bound(loop: ClosedLoop, metrics: Metrics) -> FloatArray | None:
    """Published lower bound on E[e^(r - r*)] in generations 1..T, (seeds, T); None where none is promised.

    Without real data that of Lemma 2.2 of Ferbach et al. (2024), from the generation before; with real data that of
    their Theorem 2.3, from generation 0.
    """
    result = _assess(lemma_2_2 if loop.pure else theorem_2_3, loop, metrics, "measured")
    return result.bound if isinstance(result, Evidence) else None


def _judgement(result: Evidence | Exemption, generation: int, source: str) -> Judgement:
    """Judge one generation, on means over seeds."""
    if isinstance(result, Exemption):
        nan, verdict, note = math.nan, result.verdict, result.reason
        return Judgement(measured=nan, bound=nan, slack=nan, standard_error=nan, verdict=verdict, note=note)
    slack = result.slack[:, generation - 1]
    error, verdict, note = _judge(slack, source)
    with np.errstate(invalid="ignore"):
        return Judgement(
            measured=float(result.measured[:, generation - 1].mean()),
            bound=float(result.bound[:, generation - 1].mean()),
            slack=float(slack.mean()),
            standard_error=error,
            verdict=verdict,
            note=note,
        )


def _judge(slack: FloatArray, source: str) -> tuple[float, str, str]:
    """Give standard error, verdict and note for the slack (seeds,) of one generation."""
    seeds = len(slack)
    if not np.isfinite(slack).all():
        return (math.nan, *_judge_without_numbers(slack))
    error = float(standard_error(slack))
    if source == "forecast":
        worst = slack.min()
        return (error, "holds", "") if worst >= -ROUNDING else (error, "fails", f"smallest slack {worst:.3g}")
    mean = slack.mean()
    if seeds == 1:
        return error, "holds" if mean >= -ROUNDING else "fails", "one seed, no error bar"
    if mean >= 0:
        return error, "holds", ""
    from scipy.stats import t as student

    if mean >= -ROUNDING - student.ppf(CONFIDENCE, seeds - 1) * error:
        return error, "holds", "within noise"
    return error, "fails", f"{-mean / error:.1f} standard errors below zero" if error else "the same in every seed"


def _judge_without_numbers(slack: FloatArray) -> tuple[str, str]:
    """Judge infinite slack where all seeds agree on its sign; give up where they do not, or on nan."""
    seeds, infinite = len(slack), int(np.isinf(slack).sum())
    if (slack >= 0).all() or (slack < 0).all():
        return "holds" if slack[0] >= 0 else "fails", f"infinite slack in {infinite} of {seeds} seeds"
    return "not applicable", f"no finite slack in {int((~np.isfinite(slack)).sum())} of {seeds} seeds"
