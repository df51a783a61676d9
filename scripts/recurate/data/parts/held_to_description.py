"""Whether real data are what their kind describes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from recurate.data import Data, Description, PublishedData, RealData
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.foundation.results import got, is_array

if TYPE_CHECKING:
    from recurate.foundation.types import Array

PARTS = {"train": "training", "test": "held-out"}


def held_to_description(real: RealData, data: Data) -> RealData:
    """Data that fit the description of their kind, with labels as int64.

    Points and other vectors are float32 or float64, images uint8 (height, width, channels), blocks of tokens int32.
    Published data have checksums instead. Raises RecurateError with kind, array, what it is and what is wanted.
    """
    if isinstance(data, PublishedData):
        return real
    arrays = real.arrays()
    try:
        for part, name in PARTS.items():
            x, y = arrays[f"{part}_x"], arrays[f"{part}_y"]
            _check_samples(f"{part}_x", x, data.description, name)
            _check_labels(f"{part}_y", y, len(x), data.description)
        _check_that_they_vary(real.train_x)
    except ValueError as error:
        raise RecurateError(f"data: {data.kind}: {error}; mend the data or the description") from error
    return replace(
        real,
        train_x=_native(real.train_x),
        train_y=real.train_y.astype(np.int64, copy=False),
        test_x=_native(real.test_x),
        test_y=real.test_y.astype(np.int64, copy=False),
    )


def _types(description: Description) -> tuple[str, ...]:
    """NumPy's types that samples of such data may have."""
    if description.vocabulary:
        return ("int32",)
    return ("uint8",) if len(description.shape) == 3 else ("float32", "float64")


def _check_samples(name: str, x: Array, description: Description, part: str) -> None:
    types = _types(description)
    shape = ", ".join(map(str, ("n", *description.shape)))
    wanted = f"as described, they are {' or '.join(types)} of shape ({shape})"
    if not is_array(x) or isinstance(x, np.ma.MaskedArray):
        raise ValueError(f"{name} is {got(x)}; {wanted}")
    if x.dtype.newbyteorder("=").name not in types or x.shape[1:] != description.shape or x.ndim == 0:
        raise ValueError(f"{name} is {got(x)}; {wanted}")
    if not len(x):
        raise ValueError(f"there are no {part} data, {name} has shape {x.shape}")
    if not np.isfinite(x).all():
        raise ValueError(f"{name} holds NaN or infinite values")
    if description.vocabulary and not 0 <= x.min() <= x.max() < description.vocabulary:
        raise ValueError(f"{name} holds tokens {x.min()} to {x.max()}; described are 0 to {description.vocabulary - 1}")


def _check_labels(name: str, y: Array, count: int, description: Description) -> None:
    """Labels are whole numbers, one for each sample, and where there are classes their numbers."""
    if not is_array(y) or isinstance(y, np.ma.MaskedArray) or y.dtype.kind not in "iu" or y.shape != (count,):
        raise ValueError(f"{name} is {got(y)}; wanted are whole numbers of shape ({count},), one for each sample")
    if description.classes and not 0 <= y.min() <= y.max() < description.classes:
        raise ValueError(f"{name} holds classes {y.min()} to {y.max()}; described are 0 to {description.classes - 1}")


def _check_that_they_vary(x: Array) -> None:
    if x.min() == x.max():
        raise ValueError(f"all numbers of the training data are {x.flat[0]:g}, so that there is nothing to learn")


def _native(x: Array) -> Array:
    """The same numbers in this machine's order of bytes."""
    return x.astype(x.dtype.newbyteorder("="), copy=False)
