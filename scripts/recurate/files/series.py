"""Tidy tables as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from recurate.foundation.types import Array

Series: TypeAlias = "dict[str, dict[str, Array]]"


def by_arm(rows: Sequence[dict[str, str]]) -> Series:
    """Arrays `[arm][metric]` (seeds, generations + 1) for each metric that every seed and generation of an arm has.

    `rows` are those of `metrics.csv` or `forecast.csv`, as text.
    """
    import pandas as pd

    if not rows:
        return {}
    table = pd.DataFrame(rows).astype({"seed": int, "generation": int, "value": float})
    series: Series = {}
    for (arm, metric), part in table.groupby(["arm", "metric"], sort=False):
        values = part.pivot(index="seed", columns="generation", values="value")
        if values.size == len(part):
            series.setdefault(str(arm), {})[str(metric)] = values.to_numpy()
    return series
