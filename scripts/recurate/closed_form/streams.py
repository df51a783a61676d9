"""Random numbers of simulated loops: one stream for each seed, whatever other seeds a job advances with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from recurate.foundation.lazy import np
from recurate.foundation.randomness import SIMULATION, numpy_generator

if TYPE_CHECKING:
    from recurate.foundation.types import Array


class Replicates:
    """Generators of all `seeds`, each used from generation 0 on to the end of its loop."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self.generators = [numpy_generator(seed, 0, SIMULATION) for seed in seeds]

    def __len__(self) -> int:
        return len(self.generators)

    def draw(self, one: Callable[..., Any], *per_seed: Any) -> Array:
        """Arrays stacked on a leading axis of seeds: what `one` draws with a seed's generator and its row of
        `per_seed`.

        `one(generator, *rows)` must return arrays of one shape.
        """
        return np.stack([one(*arguments) for arguments in zip(self.generators, *per_seed, strict=True)])
