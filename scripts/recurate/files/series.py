"""Tidy tables as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from recurate.foundation.errors import RecurateError

if TYPE_CHECKING:
    from recurate.foundation.types import Array

Series: TypeAlias = "dict[str, dict[str, Array]]"


def by_arm(rows: Sequence[dict[str, str]]) -> Series:
    """Arrays `[arm][metric]` (seeds, generations + 1) for each metric that every seed and generation of an arm has.

    `rows` are those of `metrics.csv` or `forecast.csv`, as text. What some generations lack is left out. Raises
    RecurateError for a metric that some seeds have and others lack, because a mean over them would hide how many.
    """
    import pandas as pd

    if not rows:
        return {}
    table = pd.DataFrame(rows).astype({"seed": int, "generation": int, "value": float})
    series: Series = {}
    whole = table.groupby("arm")[["seed", "generation"]].agg(frozenset)
    for (arm, metric), part in table.groupby(["arm", "metric"], sort=False):
        seeds, generations = whole.loc[arm]
        if lacking := sorted(seeds.difference(part["seed"])):
            raise RecurateError(
                f"{metric} of arm {arm} was recorded for some seeds and not for {', '.join(map(str, lacking))}; let "
                "the metric give the same names for every seed, or take it out of metrics"
            )
        values = part.pivot(index="seed", columns="generation", values="value")
        if len(part) == len(seeds) * len(generations):
            series.setdefault(str(arm), {})[str(metric)] = values.to_numpy()
    return series
