"""Which cases of a test `make test` runs, and which wait for `make test-long`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import pytest
from _pytest.mark.structures import ParameterSet

T = TypeVar("T")


def others_long(cases: Iterable[T], stay: Callable[[T], bool]) -> list[T | ParameterSet]:
    """Cases of a parameter that are marked `long`, but for those that `stay`."""
    return [case if stay(case) else pytest.param(case, marks=pytest.mark.long) for case in cases]


def rows_long(first: int, rows: Iterable[tuple[object, ...]]) -> list[ParameterSet]:
    """Rows of several parameters that are marked `long`, but for the `first`."""
    return [pytest.param(*row, marks=[pytest.mark.long] * (number >= first)) for number, row in enumerate(rows)]
