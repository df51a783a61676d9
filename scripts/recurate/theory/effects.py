"""What curation did: a curated arm minus its control, which was retrained likewise, but where nobody chose.

Arm and control share their random numbers, so that the seeds of both are pairs and the difference is taken within them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from recurate.files.series import Series
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.measuring.metrics import CONDITIONS
from recurate.theory.pooling import half_width, standard_error
from recurate.theory.power import least_detectable

if TYPE_CHECKING:
    from recurate.foundation.types import Array

EFFECT_COLUMNS = (
    "study", "arm", "control", "metric", "generation", "n", "value", "control_value", "effect", "standard_error",
    "lower", "upper", "p_value", "detectable",
)  # fmt: skip
ABOUT_CHOICES = "curation_"  # beginning of the names of values about choices, not about samples


class EffectRow(TypedDict):
    """A row of the table of effects: means over the seeds, nan where one seed tells no error.

    `n`: seeds, as pairs. `effect`: `value` of the arm minus that of its control. `lower`, `upper`: its 95 % interval
    (Student t, n - 1 degrees of freedom). `p_value`: two-sided, of no effect. `detectable`: the smallest effect whose
    interval would have excluded zero with 80 % power. No row is corrected for the others.
    """

    study: str
    arm: str
    control: str
    metric: str
    generation: int
    n: int
    value: float
    control_value: float
    effect: float
    standard_error: float
    lower: float
    upper: float
    p_value: float
    detectable: float


@dataclass(frozen=True)
class Effect:
    """Mean over seeds of arm minus control, its standard error and 95 % interval, and more, each (generations + 1,)."""

    mean: Array
    error: Array
    low: Array
    high: Array
    p_value: Array
    detectable: Array


def effect_of(arm: Array, control: Array) -> Effect:
    """Effect of curation on a metric of `arm` and `control`, (seeds, generations + 1) of the same seeds.

    Raises RecurateError if the arrays are of other seeds or generations.
    """
    from scipy.special import stdtr

    if arm.shape != control.shape:
        raise RecurateError(f"an arm has {arm.shape} seeds and generations, its control {control.shape}")
    difference = arm - control
    mean, error, degrees = difference.mean(axis=0), standard_error(difference), len(difference) - 1
    if not degrees:
        nothing = np.full_like(mean, np.nan)
        return Effect(mean, nothing, nothing, nothing, nothing, nothing)
    half = half_width(difference)
    with np.errstate(divide="ignore", invalid="ignore"):  # both alike in every seed, as in generation 0
        p_value = 2 * stdtr(degrees, -np.abs(mean) / error)
    p_value = np.where(error == 0, (mean == 0).astype(float), p_value)
    return Effect(mean, error, mean - half, mean + half, p_value, least_detectable(degrees) * error)


def effect_rows(study: str, controls: Mapping[str, str], measured: Series) -> Iterator[EffectRow]:
    """Rows for every curated arm in `controls`, metric that both it and its control have, and generation 1, 2, .."""
    for arm, control in controls.items():
        for metric, values in measured[arm].items():
            if metric not in measured[control] or metric.startswith((ABOUT_CHOICES, *CONDITIONS)):
                continue
            others = measured[control][metric]
            effect = effect_of(values, others)
            for generation in range(1, len(effect.mean)):
                yield EffectRow(
                    study=study,
                    arm=arm,
                    control=control,
                    metric=metric,
                    generation=generation,
                    n=len(values),
                    value=float(values[:, generation].mean()),
                    control_value=float(others[:, generation].mean()),
                    effect=float(effect.mean[generation]),
                    standard_error=float(effect.error[generation]),
                    lower=float(effect.low[generation]),
                    upper=float(effect.high[generation]),
                    p_value=float(effect.p_value[generation]),
                    detectable=float(effect.detectable[generation]),
                )
