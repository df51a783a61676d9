"""Random numbers of simulated loops: one stream for each seed, whatever other seeds a job advances with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from recurate.foundation.lazy import np
from recurate.foundation.randomness import SIMULATION, numpy_generator

if TYPE_CHECKING:
    import numpy

    from recurate.foundation.types import Array


class Replicates:
    """Generators of all `seeds`, each used from generation 0 on to the end of its loop."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self.generators = [numpy_generator(seed, 0, SIMULATION) for seed in seeds]

    def __len__(self) -> int:
        return len(self.generators)

    def sample(self, one: Callable[[numpy.random.Generator], Array]) -> Array:
        """What `one` gives with a seed's generator, arrays of one shape, stacked on a leading axis of seeds."""
        return np.stack([one(generator) for generator in self.generators])

    def sample_rows(self, one: Callable[[numpy.random.Generator, Array], Array], rows: Array) -> Array:
        """The same with a seed's row of `rows` (R, ..) besides."""
        return np.stack([one(generator, row) for generator, row in zip(self.generators, rows, strict=True)])
