"""What training knows of curation: which samples are kept where nobody's preference decides it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from recurate.foundation.components import Component

if TYPE_CHECKING:
    from recurate.foundation.types import Array


class Keeping(Component, ABC):
    """A curation as training sees it, if rewards enter no choice."""

    @abstractmethod
    def kept_unseen(self, samples: str, seeds: list[int], generation: int) -> Array:
        """Indices (seeds, kept) int64 of what is kept of the samples in a file, whatever their rewards."""
