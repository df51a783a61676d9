"""Tidy tables as arrays."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from recurate.foundation.errors import RecurateError

if TYPE_CHECKING:
    from recurate.foundation.types import Array

Series: TypeAlias = "dict[str, dict[str, Array]]"


def by_arm(rows: Sequence[dict[str, str]]) -> Series:
    """Arrays `[arm][metric]` (seeds, generations + 1).

    `rows` are those of `metrics.csv` or `forecast.csv`, as text. Raises RecurateError for a metric that a seed or a
    generation lacks, because a mean over the others would hide how many there are.
    """
    import pandas as pd

    if not rows:
        return {}
    table = pd.DataFrame(rows).astype({"seed": int, "generation": int, "value": float})
    series: Series = {}
    whole = table.groupby("arm")[["seed", "generation"]].agg(frozenset)
    for (arm, metric), part in table.groupby(["arm", "metric"], sort=False):
        places = set(itertools.product(*whole.loc[arm]))
        if lacking := sorted(places.difference(zip(part["seed"], part["generation"], strict=True))):
            seed, generation = lacking[0]
            raise RecurateError(
                f"{metric} of arm {arm} is missing for seed {seed} in generation {generation}; let the metric give the "
                "same names for every seed and generation, or take it out of metrics"
            )
        values = part.pivot(index="seed", columns="generation", values="value")
        series.setdefault(str(arm), {})[str(metric)] = values.to_numpy()
    return series
