"""Verdicts on claims: the words, the table that holds them, and how a test comes to one.

Every row of the claims table compares what was measured with what a claim says, a bound or an equality.

A bound is `supported` where the one-sided 97.5 % limit of the slack lies on its side. An equality is never proved: it
is `supported` where the 95 % interval of the difference lies within a stated margin: the two are equal within that.
Both are `contradicted` where the slack lies significantly on the wrong side (of an equality: on either side), at 2.5 %
for each row, after Holm (1979) over the rows of a study that are tested. A row that is neither is `undecided`.
Without randomness, as on forecasts, every value decides by itself. `vacuous` is a claim that promises nothing there, or
a comparison that could not have failed; `not applicable` one that is about other loops or other numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict, TypeVar

from recurate.foundation.lazy import np
from recurate.theory.power import LEVEL, least_detectable

if TYPE_CHECKING:
    from recurate.foundation.types import Array

SUPPORTED, CONTRADICTED, UNDECIDED = "supported", "contradicted", "undecided"
VACUOUS, NOT_APPLICABLE = "vacuous", "not applicable"
DECIDABLE = (SUPPORTED, CONTRADICTED, UNDECIDED)  # verdicts on claims that say something
VERDICTS = (*DECIDABLE, VACUOUS, NOT_APPLICABLE)
ROUNDING = 1e-9  # what is met with equality must not be missed by rounding; of equalities relative to their size
EQUAL_WITHIN = 0.1  # margin of equalities, relative to the value
ONE_SEED = "one seed, no error bar"
WITHOUT_HOLM = "on the wrong side by itself, not among as many rows"

CLAIM_COLUMNS = (
    "study", "arm", "claim", "source", "generation", "n", "measured", "bound", "margin", "slack", "standard_error",
    "degrees", "lower", "upper", "p_value", "detectable", "verdict", "note",
)  # fmt: skip


class Judgement(TypedDict):
    """What a comparison came to: means over seeds or replicates, nan where there are no numbers.

    `n`: seeds or replicates. `bound`: the bound, or what the value should be equal to. `margin`: of equalities alone,
    the distance within which values count as equal. `slack`: distance to a bound, >= 0 where the claim is satisfied; of
    an equality measured - bound. `standard_error` of the slack with its `degrees` of freedom. `lower`, `upper`: 95 %
    interval of the slack; where all values decide, the smallest and the largest. `p_value`: of a slack so far on the
    wrong side, before Holm; of an equality on both sides. `detectable`: the smallest violation that would have been
    called contradicted with 80 % power, whatever the study's other rows say.
    """

    n: int
    measured: float
    bound: float
    margin: float
    slack: float
    standard_error: float
    degrees: float
    lower: float
    upper: float
    p_value: float
    detectable: float
    verdict: str
    note: str


class ArmRow(Judgement):
    """A row of the claims table without the study; `source` is `forecast` or `measured`."""

    arm: str
    claim: str
    source: str
    generation: int


class ClaimRow(ArmRow):
    """A row of the claims table, whose columns are `CLAIM_COLUMNS`."""

    study: str


Row = TypeVar("Row", bound=ArmRow)


def without_numbers(n: int, verdict: str, note: str) -> Judgement:
    """A row that says why there is nothing to compare."""
    nan = math.nan
    return Judgement(
        n=n, measured=nan, bound=nan, margin=nan, slack=nan, standard_error=nan, degrees=nan, lower=nan, upper=nan,
        p_value=nan, detectable=nan, verdict=verdict, note=note,
    )  # fmt: skip


def by_every_value(measured: float, bound: float, slack: Array) -> Judgement:
    """Judge exact values by the slack (n,) of each: one that lies beyond rounding on the wrong side contradicts."""
    smallest = float(slack.min())
    is_met = smallest >= -ROUNDING
    numbers = without_numbers(len(slack), SUPPORTED if is_met else CONTRADICTED, "")
    return {
        **numbers,
        "measured": measured,
        "bound": bound,
        "slack": _mean(slack),
        "lower": smallest,
        "upper": float(slack.max()),
        "detectable": ROUNDING,
        "note": "" if is_met else f"smallest slack {smallest:.3g}",
    }


def by_signs(measured: float, bound: float, slack: Array) -> Judgement:
    """Judge slack (n,) that is infinite somewhere by the signs of all: the exact binomial test, the verdict to come.

    The interval is that of the median, from the smallest to the largest, if there are enough to exclude one sign.
    """
    from scipy.stats import binom

    n, wrong, infinite = len(slack), int((slack < 0).sum()), int(np.isinf(slack).sum())
    is_enough = 0.5**n <= LEVEL
    return {
        **without_numbers(n, "", f"infinite slack in {infinite} of {n} seeds, judged by signs"),
        "measured": measured,
        "bound": bound,
        "slack": _mean(slack),
        "lower": float(slack.min()) if is_enough else -math.inf,
        "upper": float(slack.max()) if is_enough else math.inf,
        "p_value": float(binom.sf(wrong - 1, n, 0.5)),
        "detectable": math.inf,
    }


def _mean(slack: Array) -> float:
    with np.errstate(invalid="ignore"):
        return float(slack.mean())


def by_test(
    n: int,
    measured: float,
    bound: float,
    slack: float,
    error: float,
    degrees: float,
    equality: tuple[float, float] | None = None,
    note: str = "",
) -> Judgement:
    """Test a mean slack with its standard error; the verdict is still to come, from `settled`.

    Parameters
    ----------
    n : int
        Seeds or replicates; the verdict of one is undecided, unless its error is known.
    slack, error, degrees : float
        Mean, its standard error (0 where all are the same, nan where unknown) and the degrees of freedom of that.
    equality : (margin, left out), optional
        Of an equality: within which margin values count as equal, and by how much they may differ besides, as the law
        leaves out terms of a higher order. By default the claim is slack >= 0.
    """
    from scipy.special import stdtr, stdtrit

    margin, left_out = equality or (math.nan, 0.0)
    tolerance = ROUNDING if equality is None else left_out + ROUNDING * max(abs(measured), abs(bound))
    beyond = -slack if equality is None else abs(slack)
    tail = float(stdtr(degrees, -(beyond - tolerance) / error)) if error > 0 else float(beyond <= tolerance)
    half = stdtrit(degrees, 1 - LEVEL) * error if error > 0 else error
    return Judgement(
        n=n,
        measured=measured,
        bound=bound,
        margin=margin,
        slack=slack,
        standard_error=error,
        degrees=degrees,
        lower=slack - half,
        upper=slack + half,
        p_value=math.nan if math.isnan(error) else min(1.0, tail if equality is None else 2 * tail),
        detectable=left_out,
        verdict=UNDECIDED if math.isnan(error) else "",
        note="; ".join(filter(None, [ONE_SEED if math.isnan(error) else "", note])),
    )


def settled(rows: Sequence[Row]) -> list[Row]:
    """The rows of one study with the verdicts that were still to come, and what each could have detected."""
    tested = sorted((row for row in rows if not row["verdict"]), key=lambda row: row["p_value"])
    contradicted = _rejected([row["p_value"] for row in tested], LEVEL)
    for place, row in enumerate(tested):
        row["verdict"], reason = _verdict(row, place < contradicted)
        row["note"] = "; ".join(filter(None, [reason, row["note"]]))
        if row["standard_error"] >= 0:
            sides = 1 if math.isnan(row["margin"]) else 2
            factor = least_detectable(row["degrees"], LEVEL / len(tested) / sides)
            row["detectable"] += factor * row["standard_error"] if row["standard_error"] > 0 else 0.0
    return list(rows)


def _rejected(p_values: Sequence[float], level: float) -> int:
    """How many of these p-values, smallest first, Holm's procedure rejects."""
    count = len(p_values)
    return next((i for i, p in enumerate(p_values) if p > level / (count - i)), count)


def _verdict(row: Judgement, is_contradicted: bool) -> tuple[str, str]:
    """The verdict of a row that was tested, and a reason where there is one to tell."""
    inside = is_inside(row)
    if is_contradicted:
        distance = abs(row["slack"]) / row["standard_error"] if row["standard_error"] > 0 else math.nan
        errors = "the same in every seed" if math.isnan(distance) else f"{distance:.1f} standard errors away"
        if not math.isfinite(row["slack"]):
            errors = ""
        return CONTRADICTED, f"{errors}, though within the margin" if inside else errors
    if inside:
        return SUPPORTED, ""
    return UNDECIDED, WITHOUT_HOLM if row["p_value"] <= LEVEL else ""


def is_inside(row: Judgement) -> bool:
    """Whether the whole interval lies on the right side of a bound, or within the margin of an equality."""
    if math.isnan(row["margin"]):
        return row["lower"] >= -ROUNDING
    margin = row["margin"] + ROUNDING * max(abs(row["measured"]), abs(row["bound"]))
    return -margin <= row["lower"] and row["upper"] <= margin


def counted(verdicts: Sequence[str]) -> Mapping[str, int]:
    """How many of each verdict there are, in the order of `VERDICTS`."""
    return {verdict: verdicts.count(verdict) for verdict in VERDICTS}
