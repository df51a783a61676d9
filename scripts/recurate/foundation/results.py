"""What own code gives, compared with what is wanted: arrays and tensors of a shape, numbers, names."""

from __future__ import annotations

import math
import numbers
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeGuard, TypeVar

from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from torch import Tensor

    from recurate.foundation.types import Array

Kind = TypeVar("Kind")
Shape = Sequence[int | None]  # None: as many as there are
NUMBERS, WHOLE = "real numbers", "whole numbers"
LETTERS = {NUMBERS: "fiub", WHOLE: "iu"}  # NumPy's letters for kinds of numbers


def is_array(value: object) -> TypeGuard[Array]:
    """Whether a value is NumPy's array; does not import NumPy."""
    return "numpy" in sys.modules and isinstance(value, np.ndarray)


def is_tensor(value: object) -> TypeGuard[Tensor]:
    """Whether a value is PyTorch's tensor; does not import PyTorch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def got(value: object) -> str:
    """A value as sentences name it: what it is and of which shape, not what it holds."""
    if is_tensor(value):
        return f"a tensor, {value.dtype} of shape {tuple(value.shape)}"
    if is_array(value):
        masked = "masked " if isinstance(value, np.ma.MaskedArray) else ""
        return f"{masked}{value.dtype} of shape {value.shape}"
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, str | numbers.Number):
        return f"{str(value)[:60]!r}, of type {type(value).__name__}"
    size = f" of {len(value)}" if isinstance(value, tuple | list | dict) else ""
    return f"a {type(value).__name__}{size}"


def array(value: object, shape: Shape, sort: str = NUMBERS) -> Array:
    """`value`, an array or a list, as an array of finite numbers of this sort and shape; raises ValueError."""
    wanted = f"wanted is an array of {sort} of shape {_words(shape)}"
    if is_tensor(value) or isinstance(value, str | bytes | Mapping | np.ma.MaskedArray):
        raise ValueError(f"gave {got(value)}; {wanted}")
    try:
        found = np.asarray(value)
    except Exception as error:  # of whatever object it is
        raise ValueError(f"gave {got(value)}, of which no array can be made; {wanted}") from error
    if found.dtype.kind not in LETTERS[sort] or not _fits(found.shape, shape):
        raise ValueError(f"gave {got(found)}; {wanted}")
    return finite(found)


def finite(found: Array) -> Array:
    """An array, unless some of its numbers are not finite; raises ValueError."""
    if found.dtype.kind == "f" and not (right := np.isfinite(found)).all():
        raise ValueError(f"gave NaN or infinite values, {found.size - int(right.sum())} of {found.size}")
    return found


def tensor(value: object, shape: Shape, whole: bool = False) -> Tensor:
    """`value` as a tensor of this shape, of floating-point numbers unless `whole` ones do, too; raises ValueError."""
    if not is_tensor(value) or not _fits(tuple(value.shape), shape):
        raise ValueError(f"gave {got(value)}; wanted is a tensor of shape {_words(shape)}")
    if not value.is_floating_point() and (not whole or value.is_complex() or str(value.dtype) == "torch.bool"):
        raise ValueError(f"gave {got(value)}; wanted are {'real' if whole else 'floating-point'} numbers")
    return value


def finite_tensor(value: object) -> Tensor:
    """`value` as a tensor of finite floating-point numbers, of whatever shape; raises ValueError."""
    found = tensor(value, [None] * (value.ndim if is_tensor(value) else 1))
    if not found.isfinite().all():
        raise ValueError("gave NaN or infinite values")
    return found


def number(value: object) -> float:
    """`value` as a finite number; raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise ValueError(f"gave {got(value)}; wanted is a number")
    try:
        found = float(value)
    except OverflowError as error:
        raise ValueError("gave a number beyond those of 64 bits; wanted is a finite one") from error
    if not math.isfinite(found):
        raise ValueError(f"gave {found}; wanted is a finite number")
    return found


def arrays(value: object, first: Shape) -> dict[str, Array]:
    """`value` as arrays by name, whose first axes are of the sizes `first`; raises ValueError."""
    found = named(value, "arrays")
    return {name: array(part, (*first, *[None] * (np.ndim(part) - len(first)))) for name, part in found.items()}  # type: ignore[arg-type]


def instance(value: object, wanted: type[Kind]) -> Kind:
    """`value`, if it is an object of the class that is `wanted`; raises ValueError."""
    if not isinstance(value, wanted):
        raise ValueError(f"gave {got(value)}; wanted is a {wanted.__name__}")
    return value


def pair(value: object, what: str) -> tuple[object, object]:
    """`value` as two things; raises ValueError."""
    if not isinstance(value, tuple) or len(value) != 2:
        raise ValueError(f"gave {got(value)}; wanted are two things, {what}")
    return value


def named(value: object, what: str) -> dict[str, object]:
    """`value` as a mapping of names to `what`; raises ValueError."""
    if not isinstance(value, Mapping):
        raise ValueError(f"gave {got(value)}; wanted is a dict of {what} by name")
    for name in value:
        if not isinstance(name, str) or not name.isprintable() or not name.strip() or "," in name:
            raise ValueError(f"gave the name {str(name)[:60]!r}; wanted are texts without commas and line ends")
    return dict(value)


def indices(found: Array, count: int, of: str) -> Array:
    """An array, unless it holds others than 0, .., count - 1; raises ValueError."""
    wrong = found[(found < 0) | (found >= count)]
    if wrong.size:
        raise ValueError(f"gave the {of} {wrong.flat[0]}; there are {f'0 to {count - 1}' if count else 'none'}")
    return found


def _fits(found: Sequence[int], wanted: Shape) -> bool:
    return len(found) == len(wanted) and all(want in (None, size) for size, want in zip(found, wanted, strict=True))


def _words(shape: Shape) -> str:
    sizes = ", ".join("any" if size is None else str(size) for size in shape)
    return f"({sizes},)" if len(shape) == 1 else f"({sizes})"
