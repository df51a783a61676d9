"""What a test could have seen: the power of Student's t test, by the noncentral t distribution."""

from __future__ import annotations

from functools import lru_cache

LEVEL = 0.025  # of one row, before Holm: one-sided of a bound, two-sided of an equality
POWER = 0.8
MOST_SEEDS = 10_000


@lru_cache(maxsize=4096)
def least_detectable(degrees: float, level: float = LEVEL, power: float = POWER) -> float:
    """Smallest violation, in standard errors, that a one-sided t test at `level` finds with this power."""
    from scipy.special import nctdtrinc, ndtri, stdtrit

    if degrees > 1e4:
        return float(ndtri(power) - ndtri(level))
    return float(nctdtrinc(degrees, 1 - power, -stdtrit(degrees, level)))


def power_of(violation: float, n: int, degrees: float, level: float = LEVEL) -> float:
    """Chance that a one-sided t test at `level` finds a violation, given in standard deviations of one of n seeds."""
    from scipy.stats import nct, t

    return float(nct.sf(t.isf(level, degrees), degrees, violation * n**0.5))


def seeds_needed(violation: float, rows: float = 1.0, level: float = LEVEL, power: float = POWER) -> int:
    """Seeds that find a violation, in standard deviations of one seed, with this power.

    `rows` is the number of independent rows that errors are pooled over (`pooling.independent_rows`), `level` that of
    the test; of a verdict among m rows Holm's first step has `LEVEL` / m. At least 2.
    """
    enough = (n for n in range(2, MOST_SEEDS) if least_detectable((n - 1) * rows, level, power) <= violation * n**0.5)
    return next(enough)
