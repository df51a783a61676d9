"""Tables as arrays: values of an arm by metric, means over seeds and their confidence bands."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recurate.closed_form.tables import LAW_COLUMNS
from recurate.files.arrays import read_arrays
from recurate.files.series import Series, by_arm
from recurate.files.tables import FORECAST_COLUMNS, METRIC_COLUMNS, read_rows
from recurate.files.writing import remedy
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.theory.agreement import read_values
from recurate.theory.pooling import half_width
from recurate.theory.power import LEVEL

if TYPE_CHECKING:
    from recurate.figures.parts.view import ArmView
    from recurate.foundation.types import Array

CONFIDENCE = 1 - 2 * LEVEL  # two-sided
FEW_SAMPLES = 100  # an effective sample size below this makes a forecast a rough guess


@dataclass(frozen=True)
class Band:
    """Mean over seeds and confidence interval of that mean, each (generations + 1,); of one seed the limits are nan."""

    mean: Array
    low: Array
    high: Array


@dataclass(frozen=True)
class Line:
    """Values (R, n) of a measure of a simulated arm in `generations` (n,)."""

    generations: Array
    values: Array


Lines = dict[str, dict[str, Line]]  # by arm and measure
Quantiles = dict[str, dict[str, "Array"]]  # likewise, (3, n) in the same generations


def student_band(values: Array) -> Band:
    """Mean of `values` (seeds, generations + 1) and its 95 % Student t interval on seeds - 1 degrees of freedom."""
    mean, half = values.mean(axis=0), half_width(values)
    return Band(mean, mean - half, mean + half)


def logarithmic_band(values: Array) -> Band:
    """The same where the axis is logarithmic: symmetric about the logarithm of a positive mean, to first order."""
    band = student_band(values)
    ratio = np.exp((band.high - band.mean) / band.mean)
    return Band(band.mean, band.mean / ratio, band.mean * ratio)


def read_metrics(path: str, arms: Collection[str] | None = None) -> Series:
    """Measured values, `[arm][metric]` (seeds, generations + 1), of some `arms` or of all."""
    series = by_arm(read_rows(path, METRIC_COLUMNS))
    if arms is None:
        return series
    if lacking := next((name for name in arms if name not in series), None):
        raise RecurateError(f"{path}: has no rows of arm {lacking}; {remedy(path)}")
    return {name: series[name] for name in arms}


def read_forecast(path: str, arms: Mapping[str, ArmView] | None = None) -> Series:
    """Forecast values likewise, with two more metrics: `effective_sample_size` and the entropy of class shares.

    Of `arms` whose samples are drawn from another law than the one learnt, older tables have forecasts that are left
    out.
    """
    rows = read_rows(path, FORECAST_COLUMNS)
    if arms is not None:
        rows = [row for row in rows if row["arm"] in arms and not arms[row["arm"]].is_biased]
    # The size stands beside every metric of a generation; one row of it is enough.
    size = {
        (row["arm"], row["seed"], row["generation"]): {
            **row,
            "metric": "effective_sample_size",
            "value": row["effective_sample_size"],
        }
        for row in rows
    }
    series = by_arm([*rows, *size.values()])
    for metrics in series.values():
        shares = class_shares(metrics)
        if len(shares):
            metrics["share_entropy"] = entropy(shares)
    return series


def read_measured(path: str) -> Lines:
    """Recorded values of a simulated study."""
    return _lines(read_values(path).items())


def read_laws(path: str) -> Lines:
    """Laws of a simulated study, (2, n): the mean and the spread of one replicate, 0 where no exact law tells it."""
    rows = read_rows(path, LAW_COLUMNS)
    spreads = (0.0 if row["order"] else float(row["deviation"] or 0) for row in rows)
    return _lines(
        ((r["arm"], r["metric"], int(r["generation"])), np.array([float(r["value"]), spread]))
        for r, spread in zip(rows, spreads, strict=True)
    )


def read_quantiles(paths: Sequence[str], measured: Lines) -> Quantiles:
    """Quantiles over replicates of what is `measured` of every arm, whose arrays lie in `paths`, arms in order."""
    return {
        arm: {name: read_arrays(path, [f"quantiles/{name}"])[f"quantiles/{name}"] for name in lines}
        for path, (arm, lines) in zip(paths, measured.items(), strict=True)
    }


def _lines(cells: Iterable[tuple[tuple[str, str, int], Array]]) -> Lines:
    by_measure: dict[str, dict[str, dict[int, Array]]] = {}
    for (arm, measure, generation), values in cells:
        by_measure.setdefault(arm, {}).setdefault(measure, {})[generation] = values
    return {
        arm: {measure: _line(by_generation) for measure, by_generation in measures.items()}
        for arm, measures in by_measure.items()
    }


def _line(by_generation: Mapping[int, Array]) -> Line:
    generations = sorted(by_generation)
    return Line(np.array(generations), np.stack([by_generation[g] for g in generations], axis=1))


def per_arm(paths: Sequence[str], generations: int) -> list[list[str]]:
    """Cut a list of files, arms in order and each with generations 0..`generations`, into one list for each arm."""
    size = generations + 1
    return [list(paths[start : start + size]) for start in range(0, len(paths), size)]


def over_batches(paths: Sequence[str], arms: int, generations: int) -> list[list[list[str]]]:
    """Cut a list of files, a batch of seeds after the other with all arms in order and their generations, anew.

    Gives, for each of the `arms` and generations 0..`generations`, the files of all batches.
    """
    of_batch = arms * (generations + 1)
    batches = [per_arm(paths[start : start + of_batch], generations) for start in range(0, len(paths), of_batch)]
    return [[[batch[arm][t] for batch in batches] for t in range(generations + 1)] for arm in range(arms)]


def class_shares(metrics: Mapping[str, Array]) -> Array:
    """Shares of classes 0, 1, .., (classes, seeds, generations + 1); empty where samples have no classes."""
    shares = [metrics[name] for number in range(len(metrics)) if (name := f"share_{number}") in metrics]
    return np.stack(shares) if shares else np.empty((0, 0, 0))


def entropy(shares: Array) -> Array:
    """Entropy in nats over the first axis of `shares`, with 0 log 0 = 0."""
    safe = np.where(shares > 0, shares, 1.0)
    return -(safe * np.log(safe)).sum(axis=0)
