"""Which real data samples are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from recurate.foundation.components import Settings
from recurate.foundation.randomness import REFERENCE_ROWS, numpy_generator
from recurate.measuring.metrics import rows_at_most

if TYPE_CHECKING:
    from recurate.foundation.types import Array, Slice


class Reference(Settings):
    """The real data that samples are compared with."""

    split: Literal["train", "test"] = Field("test", description="part of the real data")
    samples: int | None = Field(
        None,
        ge=2,
        description="at most so many real images of either part are compared with; all of them if none, and of the "
        "training part all where memorisation is asked",
    )


def compared_rows(reference: Reference, training: int, held_out: int) -> tuple[Array | Slice, Array | Slice]:
    """Rows of so many training and held-out data that metrics compare with: all, or random ones, always the same."""
    generator = numpy_generator(0, 0, REFERENCE_ROWS)
    first = rows_at_most(training, reference.samples, generator)
    return first, rows_at_most(held_out, reference.samples, generator)
