"""Tidy tables as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from recurate.lazy import np

if TYPE_CHECKING:
    import numpy

Series = dict[str, dict[str, "numpy.ndarray"]]


def by_arm(rows: Sequence[dict[str, str]]) -> Series:
    """Arrays `[arm][metric]` (seeds, generations + 1) for each metric that every seed and generation of an arm has.

    `rows` are those of `metrics.csv` or `forecast.csv`, as text.
    """
    cells: dict[tuple[str, str], dict[tuple[int, int], float]] = {}
    for row in rows:
        place = int(row["seed"]), int(row["generation"])
        cells.setdefault((row["arm"], row["metric"]), {})[place] = float(row["value"])
    series: Series = {}
    for (arm, metric), held in cells.items():
        seeds, generations = (sorted(set(axis)) for axis in zip(*held, strict=True))
        if len(held) == len(seeds) * len(generations):
            table = [[held[seed, generation] for generation in generations] for seed in seeds]
            series.setdefault(arm, {})[metric] = np.array(table)
    return series
