"""Claims about simulated loops: agreement with laws, with rates of convergence, with published numbers.

Every row of a claims table is one comparison, judged as `verdicts` says: `measured` is the mean over replicates, by
seeds of some loops each, and `bound` what it is compared with. Laws, slopes beside those of laws and published numbers
are equalities, which are supported within a tenth of their value (of logarithms, of what they are the logarithm of); a
published rate is a bound. `source` is always `measured`. Rows come without their verdict; `verdicts.settled` gives it
to all of a study together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from recurate.files.tables import METRIC_COLUMNS, read_frame
from recurate.foundation.lazy import np
from recurate.theory.pooling import standard_error
from recurate.theory.verdicts import EQUAL_WITHIN, VACUOUS, ArmRow, Judgement, by_test

if TYPE_CHECKING:
    from recurate.foundation.types import Array

STANDARD_ERRORS = 3.0  # that cover zero where a mean of positive values is no normal one
FEW = 0.1  # share of the replicates; a positive mean that rests on fewer has no normal error
LARGEST_ORDER = 0.5  # beyond half of its value what a law of first order leaves out is no small correction
LOGARITHMS = "log_"  # how measures begin whose differences are relative
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


def margin(measure: str, value: float) -> float:
    """Within which distance of a value a measure counts as equal to it."""
    return math.log1p(EQUAL_WITHIN) if measure.startswith(LOGARITHMS) else EQUAL_WITHIN * abs(value)


@dataclass(frozen=True)
class Replicated:
    """Seeds, whose means are compared, and how many loops each of them is the mean of."""

    seeds: int
    loops: int = 1

    @property
    def n(self) -> int:
        """Number of replicates."""
        return self.seeds * self.loops

    @property
    def degrees(self) -> int:
        """Degrees of freedom of a standard error over seeds."""
        return self.seeds - 1


def equality(
    measure: str, of: Replicated, measured: float, expected: float, error: float, order: float = 0.0, note: str = ""
) -> Judgement:
    """Compare a mean over replicates with what it should be; `order` is what may differ besides."""
    within = (margin(measure, expected), order)
    return by_test(of.n, measured, expected, measured - expected, error, of.degrees, within, note)


def upper_bound(of: Replicated, measured: float, bound: float, error: float, note: str = "") -> Judgement:
    """Compare a mean over replicates with a bound that it should not exceed."""
    return by_test(of.n, measured, bound, bound - measured, error, of.degrees, None, note)


def vacuous(judgement: Judgement, reason: str) -> Judgement:
    """The same comparison where it could not have failed, for a reason; or as it is, without one."""
    if not reason:
        return judgement
    note = "; ".join(filter(None, [reason, judgement["note"]]))
    return {**judgement, "p_value": math.nan, "detectable": math.nan, "verdict": VACUOUS, "note": note}


def _row(arm: str, claim: str, generation: int, judgement: Judgement) -> ArmRow:
    return ArmRow(arm=arm, claim=claim, source="measured", generation=generation, **judgement)


def effective_share(values: Array) -> float:
    """(sum x)^2 / (R sum x^2) of positive values (R,): the share of them that carry their mean; 0 of all zeros."""
    squares = float(np.square(values).sum())
    return float(values.sum()) ** 2 / (len(values) * squares) if squares > 0 else 0.0


def with_laws(values: Values, laws: Sequence[Mapping[str, str]], loops: Mapping[str, int]) -> list[ArmRow]:
    """One row for every law and recorded generation; `loops` are those of every seed, by arm.

    Standard errors are those of the mean over replicates, no smaller than the law's own spread says (that of few
    replicates is often too small where their mean is); laws for many samples may be missed by the size of what they
    leave out.
    """
    rows = list[ArmRow]()
    for law in laws:
        sample = values[law["arm"], law["metric"], int(law["generation"])]
        of = Replicated(len(sample), loops[law["arm"]])
        error = max(float(standard_error(sample)), float(law["deviation"] or 0) / math.sqrt(of.n))
        rests_on_few = not law["deviation"] and sample.min() >= 0 and effective_share(sample) < FEW
        reason = f"the mean rests on fewer than {FEW * len(sample):.0f} of {len(sample)} seeds"
        rows.append(beside_law(law, of, float(sample.mean()), error, reason if rests_on_few else ""))
    return rows


def beside_law(law: Mapping[str, str], of: Replicated, measured: float, error: float, reason: str = "") -> ArmRow:
    """The mean over replicates beside a law, vacuous for a given reason or where the comparison could not fail.

    That is where three standard errors of positive values cover zero, as the mean rests on replicates too rare to be
    among all, or where what a law leaves out is no small correction.
    """
    expected, order = float(law["value"]), float(law["order"] or 0)
    if law["deviation"] and expected > 0 and STANDARD_ERRORS * error >= expected:
        reason = f"the mean rests on replicates rarer than 1 in {of.n}"
    elif not reason and law["order"] and order > LARGEST_ORDER * abs(expected):
        reason = "what the law leaves out is no small correction"
    note = law["source"] + (", and what it leaves out" if law["order"] else "")
    found = vacuous(equality(law["metric"], of, measured, expected, error, order, note), reason)
    return _row(law["arm"], f"law_{law['metric']}", int(law["generation"]), found)


def factor_needed(row: Judgement, left_out: float) -> float:
    """By how much replicates must be multiplied for an equality to see a violation of its margin, with 80 % power.

    `row` is settled: the power is after Holm's correction. Infinite where what the law leaves out is as much itself.
    """
    within = row["margin"] - left_out
    return ((row["detectable"] - left_out) / within) ** 2 if within > 0 else math.inf


def with_published(values: Values, published: Sequence[PublishedNumber], loops: Mapping[str, int]) -> list[ArmRow]:
    """One row for every published number, by the standard error of the difference of two means.

    The published mean is of `replicates` runs, whose spread is taken to be that of ours.
    """
    rows = list[ArmRow]()
    for number in published:
        sample = values[number.arm, number.measure, number.generation]
        of = Replicated(len(sample), loops[number.arm])
        error = float(standard_error(sample)) * math.sqrt(1 + of.n / number.replicates)
        rows.append(beside_published(number, of, float(sample.mean()), error))
    return rows


def beside_published(number: PublishedNumber, of: Replicated, measured: float, error: float) -> ArmRow:
    """The mean over replicates beside a published number, by the standard error of the difference."""
    found = equality(number.measure, of, measured, number.value, error, note=number.note)
    return _row(number.arm, f"published_{number.measure}", number.generation, found)


def with_rates(
    rates: Sequence[Mapping[str, str]], generations: int, seeds: int, loops: Mapping[str, int]
) -> list[ArmRow]:
    """Rows on slopes: equal to that of the arm's law, and no flatter than theory says.

    The theoretical rate is a bound for many generations: errors may fall faster. At equality of exponents it has an
    extra logarithm, by which the error is divided before its slope is compared. Where the law itself is flatter over
    the generations that were fitted, a slope says nothing about the bound. Errors of slopes are bootstrapped over the
    seeds.
    """
    rows = list[ArmRow]()
    for rate in rates:
        arm, metric = rate["arm"], rate["metric"]
        of = Replicated(seeds, loops[arm])
        slope, error, theory = (float(rate[key]) for key in ("slope", "slope_error", "theory"))
        log_corrected = float(rate["slope_log_corrected"])
        corrected = f"raw slope {slope:.3f}, log-corrected {log_corrected:.3f}"
        if rate["law"] == "exact":
            found = equality("slope", of, slope, float(rate["slope_of_law"]), error, note=corrected)
            rows.append(_row(arm, f"rate_of_law_{metric}", generations, found))
        is_corrected = rate["logarithm"] == "True"
        if is_corrected:
            slope, error = log_corrected, float(rate["slope_log_corrected_error"])
        # Least squares are linear: dividing by the logarithm moves all slopes by the same.
        of_law = float(rate["slope_of_law"] or math.nan) + slope - float(rate["slope"])
        reason = f"over these generations the law's own slope is {of_law:.3f}" if of_law > theory else ""
        found = vacuous(upper_bound(of, slope, theory, error, corrected), reason)
        rows.append(_row(arm, f"rate_{metric}", generations, found))
    return rows
