"""Claims of all arms of a study, checked together: errors pooled over their rows, verdicts after Holm's correction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.theory.claims import CLAIMS, ClosedLoop, Evidence, Exemption, assess, find
from recurate.theory.pooling import own_spread, pooled_spread
from recurate.theory.verdicts import (
    EQUAL_WITHIN,
    NOT_APPLICABLE,
    ClaimRow,
    Judgement,
    by_every_value,
    by_signs,
    by_test,
    settled,
    without_numbers,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]

SOURCES = ("forecast", "measured")


@dataclass(frozen=True)
class Observed:
    """An arm and its metrics (seeds, generations + 1) from one source, by name."""

    loop: ClosedLoop
    source: str
    values: Mapping[str, ArrayLike]


@dataclass(frozen=True)
class _Assessed:
    """What one claim says of one arm and source."""

    observed: Observed
    claim: str
    seeds: int
    generations: int
    result: Evidence | Exemption

    @property
    def is_tested(self) -> bool:
        return self.observed.source == "measured" and isinstance(self.result, Evidence)


def check_claims(study: Sequence[Observed], claims: Iterable[str] | None = None) -> list[ClaimRow]:
    """Check claims on all arms and sources of one study, which are judged together.

    Parameters
    ----------
    study : list of Observed
        Recorded metrics of every arm, from generation 0 on; `source` is `forecast` or `measured`.
    claims : iterable of str, optional
        Names from `CLAIMS`; all by default.

    Returns
    -------
    list of ClaimRow
        One row for each arm and source, claim and generation 1, 2, .., its keys those of `CLAIM_COLUMNS`.

    Raises
    ------
    RecurateError
        When a claim or the source is unknown, or the arrays do not share one shape.
    """
    names = list(CLAIMS if claims is None else claims)
    assessed = [part for observed in study for part in _assessed(observed, names)]
    errors = _pooled_errors(assessed)
    return settled([row for part in assessed for row in _rows(part, errors)])


def _assessed(observed: Observed, names: Sequence[str]) -> list[_Assessed]:
    """What claims say of one arm and source."""
    if observed.source not in SOURCES:
        raise RecurateError(f"Claims are checked on {' or '.join(SOURCES)} values, not on {observed.source!r}.")
    metrics, (seeds, columns) = _as_metrics(observed.loop, observed.values)
    return [
        _Assessed(observed, name, seeds, columns - 1, assess(find(name), observed.loop, metrics, observed.source))
        for name in names
    ]


@dataclass(frozen=True)
class _Errors:
    """Standard errors of the mean slack of generations 1..T, and their degrees of freedom, each (T,)."""

    errors: FloatArray
    degrees: FloatArray


def _pooled_errors(assessed: Sequence[_Assessed]) -> dict[tuple[str, str], _Errors]:
    """Errors by arm and claim: pooled over the rows of a claim with the same seeds, where they have a scale."""
    groups: dict[tuple[str, int], list[_Assessed]] = {}
    for part in assessed:
        if part.is_tested:
            groups.setdefault((part.claim, part.seeds), []).append(part)
    return {key: errors for group in groups.values() for key, errors in _errors_of(group).items()}


def _errors_of(group: Sequence[_Assessed]) -> dict[tuple[str, str], _Errors]:
    """Errors of the arms of one claim."""
    results = [part.result for part in group if isinstance(part.result, Evidence)]
    slack = np.concatenate([result.slack for result in results], axis=1)
    nothing = [np.full(result.slack.shape[1], np.nan) if result.scale is None else result.scale for result in results]
    scale = np.concatenate(nothing)
    pooled = np.isfinite(slack).all(axis=0) & np.isfinite(scale) & (scale > 0)
    with np.errstate(invalid="ignore"):
        spread = own_spread(slack)
        variances, degrees = spread.variances, spread.degrees
    likeness = max(result.likeness for result in results)
    common = pooled_spread(slack[:, pooled] / scale[pooled], likeness)
    variances[pooled], degrees[pooled] = common.variances * scale[pooled] ** 2, common.degrees
    ends = np.cumsum([part.generations for part in group])[:-1]
    parts = zip(np.split(np.sqrt(variances / len(slack)), ends), np.split(degrees, ends), strict=True)
    return {(part.observed.loop.arm, part.claim): _Errors(*of_arm) for part, of_arm in zip(group, parts, strict=True)}


def _rows(part: _Assessed, pooled: Mapping[tuple[str, str], _Errors]) -> list[ClaimRow]:
    """The rows of one claim, arm and source, a row for each generation; those that are tested without a verdict yet."""
    loop = part.observed.loop
    errors = pooled[loop.arm, part.claim] if part.is_tested else None
    head = {"study": loop.study, "arm": loop.arm, "claim": part.claim, "source": part.observed.source}
    return [
        ClaimRow(**head, generation=generation, **_judgement(part, generation, errors))  # type: ignore[typeddict-item]
        for generation in range(1, part.generations + 1)
    ]


def _as_metrics(loop: ClosedLoop, values: Mapping[str, ArrayLike]) -> tuple[dict[str, FloatArray], tuple[int, int]]:
    """Convert to arrays of one shape (seeds, T + 1); return them and that."""
    metrics = {name: np.asarray(value, dtype=np.float64) for name, value in values.items()}
    shapes = {array.shape for array in metrics.values()}
    if len(shapes) != 1 or len(shape := shapes.pop()) != 2 or 0 in shape:
        of_metrics = {name: array.shape for name, array in metrics.items()}
        raise RecurateError(
            f"Metrics of arm {loop.arm} must all be (seeds, generations + 1) arrays, but are {of_metrics}."
        )
    return metrics, (shape[0], shape[1])


def _judgement(part: _Assessed, generation: int, errors: _Errors | None) -> Judgement:
    """Judge one generation; what is to be tested has no verdict yet."""
    result = part.result
    if isinstance(result, Exemption):
        return without_numbers(part.seeds, result.verdict, result.reason)
    slack = result.slack[:, generation - 1]
    if np.isnan(slack).any():
        reason = f"no slack in {int(np.isnan(slack).sum())} of {part.seeds} seeds"
        return without_numbers(part.seeds, NOT_APPLICABLE, reason)
    measured, bound = (float(values[:, generation - 1].mean()) for values in (result.measured, result.bound))
    if errors is None:  # exact
        return by_every_value(measured, bound, -np.abs(slack) if result.is_equality else slack)
    if not np.isfinite(slack).all():
        return by_signs(measured, bound, slack)
    error, degrees = float(errors.errors[generation - 1]), float(errors.degrees[generation - 1])
    equality = (EQUAL_WITHIN * abs(bound), 0.0) if result.is_equality else None
    return by_test(part.seeds, measured, bound, float(slack.mean()), error, degrees, equality)
