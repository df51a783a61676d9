"""Which real data samples are compared with."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from recurate.foundation.components import Settings


class Reference(Settings):
    """The real data that samples are compared with."""

    split: Literal["train", "test"] = Field("test", description="part of the real data")
    samples: int | None = Field(
        None,
        ge=2,
        description="at most so many real images of either part are compared with; all of them if none, and of the "
        "training part all where memorisation is asked",
    )
