"""Random numbers of simulated loops: one stream for each arm and seed, whatever else a job advances with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from recurate.foundation.lazy import np
from recurate.foundation.randomness import SIMULATED_ARM, SIMULATION, numpy_generator

if TYPE_CHECKING:
    import numpy

    from recurate.foundation.types import Array

ArmKey = tuple[int, int]  # 64 bits of a digest, in two numbers


class Replicates:
    """Generators of all `seeds`, each used from generation 0 on to the end of its `loops`, which it draws for in turn.

    `arm` makes the streams those of an arm; without it arms share their random numbers. Arrays of all replicates have a
    leading axis of seeds x loops, the loops of the first seed first.
    """

    def __init__(self, seeds: Sequence[int], loops: int = 1, arm: ArmKey | None = None) -> None:
        stream, numbers = (SIMULATION, ()) if arm is None else (SIMULATED_ARM, arm)
        self.generators = [numpy_generator(seed, 0, stream, *numbers) for seed in seeds]
        self.loops = loops

    def __len__(self) -> int:
        return len(self.generators) * self.loops

    def draw(self, together: Callable[[numpy.random.Generator, int], Array]) -> Array:
        """What `together` gives with a seed's generator for so many loops, (loops, ..), one after the other."""
        return np.concatenate([together(generator, self.loops) for generator in self.generators])

    def draw_rows(self, together: Callable[[numpy.random.Generator, Array], Array], rows: Array) -> Array:
        """The same with the rows (loops, ..) that a seed's loops have of `rows` (R, ..)."""
        blocks = rows.reshape(len(self.generators), self.loops, *rows.shape[1:])
        return np.concatenate([together(*of_seed) for of_seed in zip(self.generators, blocks, strict=True)])

    def sample(self, one: Callable[[numpy.random.Generator], Array]) -> Array:
        """What `one` gives for a single loop, arrays of one shape, stacked: for what cannot be drawn together."""
        return np.stack([one(generator) for generator in self.generators for _ in range(self.loops)])

    def sample_rows(self, one: Callable[[numpy.random.Generator, Array], Array], rows: Array) -> Array:
        """The same with a loop's row of `rows` (R, ..) besides."""
        return self.draw_rows(lambda generator, block: np.stack([one(generator, row) for row in block]), rows)
