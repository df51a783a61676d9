"""A law: what theory says about a number that a simulated loop records, with its source and the way it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recurate.foundation.types import Array


@dataclass(frozen=True)
class Law:
    """A statement about the mean of a measure over replicates, for generations 0, 1, .., T.

    `deviation` is the standard deviation of one replicate, or a lower bound of it, where theory knows one, (T + 1,).
    `order` is None of an exact law; of one for many samples the size of what it leaves out, up to a factor, in units
    of the measure, (T + 1,).
    """

    measure: str
    values: Array
    source: str
    deviation: Array | None = None
    order: Array | None = None
