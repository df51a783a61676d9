"""The papers' ways to say how much of a training set is real, converted here and nowhere else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from pydantic import field_validator, model_validator

from recurate.foundation.components import Settings
from recurate.foundation.quoting import quoted
from recurate.foundation.settings import meant

MOST_SYNTHETIC = 1e6  # synthetic samples to a real one; with more no real one would ever be trained on


def real_fraction_of(synthetic_ratio: float) -> float:
    """Real fraction 1 / (1 + lambda), where lambda is the ratio synthetic : real of Ferbach et al. (2024).

    lambda = inf is the loop without real data, lambda = 0 trains on real data only.
    """
    return 0.0 if math.isinf(synthetic_ratio) else 1.0 / (1.0 + synthetic_ratio)


def synthetic_ratio_of(real_fraction: float) -> float:
    """Inverse of `real_fraction_of`: lambda = (1 - f) / f."""
    return math.inf if real_fraction == 0 else (1.0 - real_fraction) / real_fraction


class MixingRule(Settings):
    """What all mixing rules share: the papers' spellings of the real fraction."""

    other_spellings: ClassVar[tuple[str, ...]] = ("lambda",)
    former: ClassVar[Mapping[str, str]] = {"alpha": "write real_fraction, which is the same number"}

    @model_validator(mode="before")
    @classmethod
    def _convert(cls, values: object) -> object:
        """Accept `lambda` (synthetic : real, `.inf` for no real data) in place of `real_fraction`."""
        if not isinstance(values, dict):
            return values
        if "lambda" not in values:
            return values
        if "real_fraction" in values:
            raise ValueError("give either lambda or real_fraction, not both")
        value, others = meant(values["lambda"]), {key: value for key, value in values.items() if key != "lambda"}
        number = value if isinstance(value, int | float) and not isinstance(value, bool) else -1
        if not (0 <= number <= MOST_SYNTHETIC or number == math.inf):
            raise ValueError(
                f"lambda: {quoted(value)} is not allowed; it must be a number >= 0, at most {MOST_SYNTHETIC:g}, or .inf"
            )
        return {**others, "real_fraction": real_fraction_of(float(number))}

    @field_validator("real_fraction", check_fields=False)
    @classmethod
    def _some_data_are_real(cls, value: float | None) -> float | None:
        if value and value < (least := real_fraction_of(MOST_SYNTHETIC)):
            raise ValueError(f"{value!r} is not allowed; it must be 0 or at least {least:.3g}")
        return value
