"""Which rows of the data a generation is trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recurate.errors import RecurateError
from recurate.lazy import np
from recurate.mixing import Mixing
from recurate.randomness import numpy_generator

if TYPE_CHECKING:
    import numpy


def draw_rows(
    generator: numpy.random.Generator, real_fraction: float, real: int, synthetic: int, shape: tuple[int, ...]
) -> numpy.ndarray:
    """Rows of the stacked data [real; synthetic] for training, each real with probability `real_fraction`.

    Drawing the mixture row by row realises the weights 1/(1+lambda) and lambda/(1+lambda) of the retraining objective
    (Ferbach et al. 2024) whatever the sizes of the two sets.

    Parameters: `real`, `synthetic` are the numbers of rows of either set. Returns int64 of `shape`.
    Raises RecurateError if a set with positive weight is empty.
    """
    for weight, rows, name in ((real_fraction, real, "real data"), (1 - real_fraction, synthetic, "curated samples")):
        if weight > 0 and rows == 0:
            raise RecurateError(f"training needs {name} (their weight is {weight:g}), but there are none")
    from_real = generator.random(shape) < real_fraction
    real_rows = generator.integers(max(real, 1), size=shape)
    synthetic_rows = real + generator.integers(max(synthetic, 1), size=shape)
    return np.where(from_real, real_rows, synthetic_rows)


def real_rows(mixing: Mixing, generation: int, available: int, initial: int | None) -> numpy.ndarray | slice:
    """Rows of the `available` real data in the training set of `generation`, of which generation 0 has `initial`.

    Generation 0 takes the last rows of a random order (all if `initial` is None), fresh data its first ones, block by
    block, so that none comes again before all were used; then they are shuffled anew. Neither seed nor arm enters: the
    real data are one draw, shared by all replicates and arms.
    Raises RecurateError if there are fewer data than asked for.
    """
    asked = max(initial or 0, mixing.real or 0)
    if asked > available:
        raise RecurateError(f"training asks for {asked} real data, but there are {available}; ask for fewer")
    first = slice(None) if initial is None else _shuffled(0, available)[available - initial :]
    if mixing.rule.real != "fresh" or generation == 0:
        return first
    assert mixing.real is not None and initial is not None, "checked with the settings"
    if not mixing.rule.accumulates:
        return _block(generation - 1, mixing.real, available)
    return np.concatenate([first, *(_block(number, mixing.real, available) for number in range(generation))])


def _block(number: int, size: int, available: int) -> numpy.ndarray:
    """Rows of the block `number` = 0, 1, .. of fresh data."""
    turn, place = divmod(number, available // size)
    return _shuffled(turn, available)[place * size : (place + 1) * size]


def _shuffled(turn: int, available: int) -> numpy.ndarray:
    return numpy_generator(0, turn, "data", 1).permutation(available)
