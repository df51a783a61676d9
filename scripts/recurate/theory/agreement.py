"""Claims about simulated loops: agreement with laws, with rates of convergence, with published numbers.

Every row of a claims table is one comparison: `measured` the mean over replicates, `bound` what it is compared with,
and `slack` what is left of the allowed distance, so that it is >= 0 where the claim holds. `source` is always
`measured`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from recurate.files.tables import METRIC_COLUMNS, read_frame
from recurate.foundation.lazy import np
from recurate.theory.verdicts import ArmRow, standard_error

if TYPE_CHECKING:
    from recurate.foundation.types import Array

STANDARD_ERRORS = 3.0  # within which an exact law must be met
ROUNDING = 1e-9  # relative; laws without any randomness are met to it
FEW = 0.1  # share of the replicates; a positive mean that rests on fewer has no normal error
LARGEST_ORDER = 0.5  # beyond half of its value what a law of first order leaves out is no small correction
Values = Mapping[tuple[str, str, int], "Array"]


def read_values(path: str) -> Values:
    """Values (R,) by arm, metric and generation, of a metrics table."""
    table = read_frame(path, METRIC_COLUMNS, {"generation": int, "value": float})
    groups = table.groupby(["arm", "metric", "generation"], sort=False)["value"]
    return {(str(arm), str(metric), int(when)): part.to_numpy() for (arm, metric, when), part in groups}


class PublishedNumber(Protocol):
    """A number that a paper or its code printed, the mean of `replicates` runs."""

    @property
    def arm(self) -> str: ...

    @property
    def measure(self) -> str: ...

    @property
    def generation(self) -> int: ...

    @property
    def value(self) -> float: ...

    @property
    def replicates(self) -> int: ...

    @property
    def note(self) -> str: ...


@dataclass(frozen=True)
class Comparison:
    """A mean (measured), what it should be, the standard error of the mean, and what may differ besides."""

    measured: float
    expected: float
    error: float
    order: float = 0.0

    @property
    def slack(self) -> float:
        """Allowed distance minus the distance."""
        rounding = ROUNDING * max(abs(self.expected), abs(self.measured))
        return STANDARD_ERRORS * self.error + self.order + rounding - abs(self.measured - self.expected)

    def row(self, arm: str, claim: str, generation: int, note: str = "", vacuous: str = "") -> ArmRow:
        """A row of the claims table, without the study."""
        missed = f"{self.distance_in_errors:.1f} standard errors away" if self.error else "differs without any spread"
        verdict = "vacuous" if vacuous else "holds" if self.slack >= 0 else "fails"
        notes = (vacuous, missed if verdict == "fails" else "", note)
        return {
            "arm": arm,
            "claim": claim,
            "source": "measured",
            "generation": generation,
            "measured": self.measured,
            "bound": self.expected,
            "slack": self.slack,
            "standard_error": self.error,
            "verdict": verdict,
            "note": "; ".join(filter(None, notes)),
        }

    @property
    def distance_in_errors(self) -> float:
        """Distance beyond the order that is left out, in standard errors."""
        return max(0.0, abs(self.measured - self.expected) - self.order) / self.error


def effective_share(values: Array) -> float:
    """(sum x)^2 / (R sum x^2) of positive values (R,): the share of them that carry their mean; 0 of all zeros."""
    squares = float(np.square(values).sum())
    return float(values.sum()) ** 2 / (len(values) * squares) if squares > 0 else 0.0


def with_laws(values: Values, laws: Sequence[Mapping[str, str]]) -> list[ArmRow]:
    """One row for every law and recorded generation.

    Exact laws must be met within three standard errors of the mean over replicates, which are no smaller than the law's
    own spread says (that of few replicates is often too small where their mean is); laws for many samples within that
    and the size of what they leave out. Vacuous is a comparison that could not fail: where three standard errors cover
    zero, because the mean rests on replicates too rare to be among R, or where what a law leaves out is no small
    correction.
    """
    rows = list[ArmRow]()
    for law in laws:
        arm, measure, generation = law["arm"], law["metric"], int(law["generation"])
        sample = values[arm, measure, generation]
        expected, order = float(law["value"]), float(law["order"] or 0)
        error = max(float(standard_error(sample)), float(law["deviation"] or 0) / math.sqrt(len(sample)))
        reason = ""
        if law["deviation"] and expected > 0 and STANDARD_ERRORS * error >= expected:
            reason = f"the mean rests on replicates rarer than 1 in {len(sample)}"
        elif not law["deviation"] and sample.min() >= 0 and effective_share(sample) < FEW:
            reason = f"the mean rests on fewer than {FEW * len(sample):.0f} of {len(sample)} replicates"
        elif law["order"] and order > LARGEST_ORDER * abs(expected):
            reason = "what the law leaves out is no small correction"
        elif math.isnan(error):
            reason = "one replicate, no standard error"
        note = law["source"] + (", and what it leaves out" if law["order"] else "")
        comparison = Comparison(float(sample.mean()), expected, error, order)
        rows.append(comparison.row(arm, f"law_{measure}", generation, note, reason))
    return rows


def with_published(values: Values, published: Sequence[PublishedNumber]) -> list[ArmRow]:
    """One row for every published number: within three standard errors of the difference of two means.

    The published mean is of `replicates` runs, whose spread is taken to be that of ours.
    """
    rows = list[ArmRow]()
    for number in published:
        sample = values[number.arm, number.measure, number.generation]
        error = float(standard_error(sample)) * math.sqrt(1 + len(sample) / number.replicates)
        comparison = Comparison(float(sample.mean()), number.value, error)
        reason = "one replicate, no standard error" if math.isnan(error) else ""
        claim = f"published_{number.measure}"
        rows.append(comparison.row(number.arm, claim, number.generation, number.note, reason))
    return rows


def with_rates(rates: Sequence[Mapping[str, str]], generations: int) -> list[ArmRow]:
    """Rows on slopes: equal to that of the arm's law, and no flatter than theory says.

    The theoretical rate is a bound for many generations: errors may fall faster. At equality of exponents it has an
    extra logarithm, by which the error is divided before its slope is compared. Where the law itself is flatter over
    the generations that were fitted, a slope says nothing about the bound.
    """
    rows = list[ArmRow]()
    for rate in rates:
        slope, error, theory = (float(rate[key]) for key in ("slope", "slope_error", "theory"))
        log_corrected = float(rate["slope_log_corrected"])
        corrected = f"raw slope {slope:.3f}, log-corrected {log_corrected:.3f}"
        if rate["law"] == "exact":
            comparison = Comparison(slope, float(rate["slope_of_law"]), error)
            rows.append(comparison.row(rate["arm"], f"rate_of_law_{rate['metric']}", generations, corrected))
        compared = log_corrected if rate["logarithm"] == "True" else slope
        bound = Comparison(max(compared, theory), theory, error)
        early = rate["slope_of_law"] and compared is slope and float(rate["slope_of_law"]) > theory
        reason = f"over these generations the law's own slope is {float(rate['slope_of_law']):.3f}" if early else ""
        row = bound.row(rate["arm"], f"rate_{rate['metric']}", generations, corrected, reason)
        rows.append({**row, "measured": compared})
    return rows
