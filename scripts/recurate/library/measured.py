"""What loops were measured by, as claims look at it: metrics by name, of arrays, mappings and data frames."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias, Union

from recurate.curation.parts.reward_moments import reward_moments
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.foundation.quoting import shortened
from recurate.foundation.terms import names
from recurate.library.arguments import (
    check_range,
    checked,
    numbers_of,
    rewards_of,
    supremum_of,
    told,
)
from recurate.measuring.every_arm import EVERY_ARM

if TYPE_CHECKING:
    import pandas
    from numpy.typing import ArrayLike

    from recurate.foundation.types import Array

    Measured: TypeAlias = Union[pandas.DataFrame, Mapping[str, ArrayLike], ArrayLike]  # noqa: UP007
PLACES = ("generation", "seed")
ROUNDING = 1e-6
ASKED = {  # what claims are about, and where such values can lie
    "exp_reward_mean": (0.0, 1.0),
    "exp_reward_variance": (0.0, 1.0),
    "top_share": (0.0, 1.0),
    "kl_to_origin": (0.0, math.inf),
    "kl_from_origin": (0.0, math.inf),
}
OF_FORECASTS = ("sup_ratio", "effective_sample_size")
WANTED = (
    "rewards (seeds, generations + 1, n), metrics by name, each (seeds, generations + 1), or a data frame of them, "
    "with one generation after 0 at least"
)


def metrics_of(measured: object, supremum: object = None) -> dict[str, Array]:
    """Metrics by name, (seeds, generations + 1) float64; raises RecurateError for anything else."""
    convert = checked("measured", measured, WANTED, _way)
    if convert is None:
        return _of_rewards(measured, supremum)
    if supremum is not None:
        raise RecurateError(
            f"supremum is {told(supremum)}, but must be None here: supremum is for rewards, of which it makes metrics."
        )
    return checked("measured", measured, WANTED, convert)  # type: ignore[arg-type]


def _way(measured: object) -> Callable[[pandas.DataFrame], dict[str, Array]] | None:
    """What makes metrics of a mapping or data frame; None of others."""
    import pandas as pd

    if isinstance(measured, pd.DataFrame):
        return _of_frame
    return _of_mapping if isinstance(measured, Mapping) else None


def _of_rewards(measured: object, supremum: object) -> dict[str, Array]:
    """Metrics of rewards (seeds, generations + 1, n)."""
    rewards = rewards_of("measured", measured, {3: "(seeds, generations + 1, n)"})
    if rewards.shape[1] < 2:
        raise RecurateError(f"measured is {told(measured)}, but must be {WANTED}.")
    top = supremum_of(rewards, supremum)
    moments = [[reward_moments(samples, top) for samples in of_seed] for of_seed in rewards]
    return {name: np.array([[each[name] for each in of_seed] for of_seed in moments]) for name in moments[0][0]}


def _of_mapping(measured: Mapping[object, object]) -> dict[str, Array]:
    """Metrics of a mapping, all of whose names are known."""
    metrics = {}
    for name, values in measured.items():
        if not isinstance(name, str) or not (name in ASKED or name in OF_FORECASTS or names(EVERY_ARM, name)):
            raise ValueError(f"there is no metric {told(name)}; claims are about {', '.join(ASKED)}")
        metrics[str(name)] = np.atleast_2d(_values(name, values, (1, 2)))
    if not metrics.keys() & ASKED.keys():
        raise ValueError(f"it holds none of the metrics that claims are about: {', '.join(ASKED)}")
    return _of_one_shape(metrics)


def _values(name: str, values: object, axes: tuple[int, ...]) -> Array:
    """Values of one metric; raises ValueError for those that it cannot have."""
    try:
        found = numbers_of(values, axes, may_be_infinite=True)
        least, most = ASKED.get(name, (-math.inf, math.inf))
        check_range(found, least - ROUNDING, most + ROUNDING)
    except Exception as error:  # of whatever object they are
        raise ValueError(f"the metric {name} is {told(values)}; {error}") from error
    return np.clip(found, least, most)


def _of_frame(table: pandas.DataFrame) -> dict[str, Array]:
    """Metrics of a data frame, wide or tidy; columns and metrics that no claim is about are passed over."""
    if not table.columns.is_unique:
        raise ValueError("a column is there twice")
    if "generation" not in table.columns:
        raise ValueError(f"it needs the column generation; it has {', '.join(map(str, table.columns))}")
    if "arm" in table.columns and table["arm"].nunique() > 1:
        raise ValueError(f"it holds several arms; choose one, table[table.arm == {str(table['arm'].iloc[0])!r}]")
    tidy = table if "seed" in table.columns else table.assign(seed=0)
    if "metric" not in tidy.columns:
        tidy = tidy.melt(list(PLACES), [name for name in ASKED if name in tidy.columns], var_name="metric")
    elif "value" not in tidy.columns:
        raise ValueError("beside the column metric it needs the column value")
    found = {name: _square(name, rows) for name, rows in tidy.groupby("metric") if name in ASKED}
    if not found:
        raise ValueError(f"it holds none of the metrics that claims are about: {', '.join(ASKED)}")
    return _of_one_shape(found)


def _square(name: str, rows: pandas.DataFrame) -> Array:
    """Values of one metric, (seeds, generations + 1)."""
    if rows.duplicated(list(PLACES)).any():
        raise ValueError(f"the metric {name} is there twice for a seed and generation")
    values = rows.assign(value=_values(name, rows["value"], (1,))).pivot(
        index="seed", columns="generation", values="value"
    )
    is_bool = values.columns.dtype == bool
    complete = not is_bool and len(rows) == values.size and not rows[list(PLACES)].isna().any(axis=None)
    if not complete or list(values.columns) != list(range(len(values.columns))):
        raise ValueError(f"the metric {name} is not there for every seed and every generation 0, 1, ..")
    return values.to_numpy(dtype=np.float64)


def _of_one_shape(metrics: Mapping[str, Array]) -> dict[str, Array]:
    """Metrics by name, all (seeds, generations + 1), with one generation after 0 at least; raises ValueError."""
    shapes = list(dict.fromkeys(values.shape for values in metrics.values()))
    if len(shapes) != 1 or shapes[0][1] < 2:
        found = shortened(", ".join(f"{name} {values.shape}" for name, values in metrics.items()))
        raise ValueError(f"all must be of one shape, of generation 0 and others, but are {found}")
    return dict(metrics)
