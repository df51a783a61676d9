"""Types that annotations share.

NumPy's array type without parameters counts as an explicit Any; here it is said once. Shapes and units stand in
docstrings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy

    Array: TypeAlias = numpy.ndarray[tuple[int, ...], numpy.dtype[Any]]  # type: ignore[explicit-any]
    Slice: TypeAlias = slice[int, int, None]
else:  # names alone, so that annotations may be evaluated without importing NumPy
    Array = Slice = object
