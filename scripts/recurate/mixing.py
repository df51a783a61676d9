"""How a generation's training data are mixed from real data and curated samples.

Internally there is one parameter, the real fraction; the papers' parameters are converted here and nowhere else.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, model_validator

from recurate.components import Settings
from recurate.errors import RecurateError
from recurate.lazy import np

if TYPE_CHECKING:
    import numpy


def real_fraction_of(synthetic_ratio: float) -> float:
    """Real fraction 1 / (1 + lambda), where lambda is the ratio synthetic : real of Ferbach et al. (2024).

    lambda = inf is the loop without real data, lambda = 0 trains on real data only.
    """
    return 0.0 if math.isinf(synthetic_ratio) else 1.0 / (1.0 + synthetic_ratio)


def synthetic_ratio_of(real_fraction: float) -> float:
    """Inverse of `real_fraction_of`: lambda = (1 - f) / f."""
    return math.inf if real_fraction == 0 else (1.0 - real_fraction) / real_fraction


class Mixing(Settings):
    """Mixture a generation is trained on: real data with weight `real_fraction`, curated samples with the rest."""

    other_spellings: ClassVar[tuple[str, ...]] = ("lambda",)

    real_fraction: float = Field(ge=0, le=1, description="weight of real data in every generation's training set")

    @model_validator(mode="before")
    @classmethod
    def _convert_lambda(cls, values: Any) -> Any:
        """Accept the papers' `lambda` (synthetic : real, `.inf` for no real data) in place of `real_fraction`."""
        if isinstance(values, dict) and "lambda" in values:
            ratio = values["lambda"]
            if not isinstance(ratio, int | float) or isinstance(ratio, bool) or not ratio >= 0:
                raise ValueError(f"lambda: {ratio!r} is not allowed; it must be a number >= 0 or .inf")
            if "real_fraction" in values:
                raise ValueError("give either lambda or real_fraction, not both")
            others = {key: value for key, value in values.items() if key != "lambda"}
            return {**others, "real_fraction": real_fraction_of(float(ratio))}
        return values

    @property
    def synthetic_ratio(self) -> float:
        """Ferbach et al.'s lambda; infinite without real data."""
        return synthetic_ratio_of(self.real_fraction)


def draw_rows(
    generator: numpy.random.Generator, real_fraction: float, real: int, synthetic: int, shape: tuple[int, ...]
) -> numpy.ndarray:
    """Rows of the stacked data [real; synthetic] for training, each real with probability `real_fraction`.

    Drawing the mixture row by row realises the weights 1/(1+lambda) and lambda/(1+lambda) of the retraining objective
    (Ferbach et al. 2024) whatever the sizes of the two sets.

    Parameters: `real`, `synthetic` are the numbers of rows of either set. Returns int64 of `shape`.
    Raises RecurateError if a set with positive weight is empty.
    """
    for weight, rows, name in ((real_fraction, real, "real data"), (1 - real_fraction, synthetic, "curated samples")):
        if weight > 0 and rows == 0:
            raise RecurateError(f"training needs {name} (their weight is {weight:g}), but there are none")
    from_real = generator.random(shape) < real_fraction
    real_rows = generator.integers(max(real, 1), size=shape)
    synthetic_rows = real + generator.integers(max(synthetic, 1), size=shape)
    return np.where(from_real, real_rows, synthetic_rows)
