"""One generator per (seed, generation, stage): the only place where random numbers start.

Nothing else enters, no arm and no study name, so renaming an arm changes no number and the arms of a study share their
random numbers, which makes differences between arms sharper.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recurate.foundation.lazy import np, torch

if TYPE_CHECKING:
    import numpy
    from torch import Generator

STAGES = {"data": 0, "judge": 1, "train": 2, "sample": 3, "curate": 4, "measure": 5, "simulate": 6}


def seed_sequence(seed: int, generation: int, stage: str, *part: int) -> numpy.random.SeedSequence:
    """Seed sequence of one stage; `part` numbers independent pieces of it, such as chunks of training."""
    return np.random.SeedSequence(seed, spawn_key=(generation, STAGES[stage], *part))


def numpy_generator(seed: int, generation: int, stage: str, *part: int) -> numpy.random.Generator:
    """NumPy generator of one stage of one generation of one seed."""
    return np.random.Generator(np.random.PCG64(seed_sequence(seed, generation, stage, *part)))


def torch_generator(seed: int, generation: int, stage: str, *part: int) -> Generator:
    """PyTorch generator of one stage, on the CPU so that every device draws the same numbers.

    It keeps 32 bits of its seed, which is enough for the few initialisations of a study; what is drawn for every chunk
    and generation comes from `numpy_generator`, whose streams never meet.
    """
    state = seed_sequence(seed, generation, stage, *part).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state >> np.uint64(1)))
