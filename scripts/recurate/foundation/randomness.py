"""Where random numbers start: one generator per seed, generation and named stream, and the registry of those names.

Nothing else enters, no arm and no study name, so renaming an arm changes no number and the arms of a study share their
random numbers, which makes differences between arms sharper. Simulated loops are compared with laws, arm by arm: there
a stream is an arm's own, by what its settings say, unless a study wants common random numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recurate.foundation.lazy import np, torch

if TYPE_CHECKING:
    import numpy
    from torch import Generator


@dataclass(frozen=True)
class Stream:
    """What random numbers are for: `key` follows seed and generation, and then as many `numbers`, such as a chunk's.

    Two streams never meet: their keys are of different length or differ in a place that both fix.
    """

    key: tuple[int, ...]
    numbers: int = 0

    def in_training(self, chunk: int) -> Stream:
        """The stream of a sampler, as a chunk of training draws from it that has its samples drawn afresh."""
        return Stream((*SAMPLES_OF_TRAINING, chunk, *self.key[1:]), self.numbers)


SAMPLES_OF_TRAINING = (2, 4)

REAL_DATA = Stream((0,))
REAL_ORDER = Stream((0, 1))  # with the turn in place of the generation
JUDGE = Stream((1,))
INITIAL_PARAMETERS = Stream((2, 0))
TRAINING_ROWS = Stream((2, 1), 1)  # the chunk
OBJECTIVE_NOISE = Stream((2, 2), 1)  # the chunk
MIRRORING = Stream((2, 3), 1)  # the chunk
LATENTS = Stream((3,))
PROMPTS = Stream((3, 0))
TOKENS = Stream((3, 1))
ADDED_NOISE = Stream((3, 1), 2)  # the chunk of samples, and the step
DRAWN_CLASSES = Stream((3, 2))
OF_A_SAMPLER = Stream((3, 3), 1)  # for samplers of one's own: any number that the sampler likes
CURATION = Stream((4,))
CURATION_CHECK = Stream((4,), 1)  # the call
REFERENCE_ROWS = Stream((5,))
METRIC = Stream((5,), 1)  # its place among the study's metrics
SIMULATION = Stream((6,))  # of loops whose arms share their random numbers
SIMULATED_ARM = Stream((6,), 2)  # 64 bits that stand for the arm
LATENT_PATH = Stream((7,))

SAMPLING = (LATENTS, PROMPTS, TOKENS, ADDED_NOISE, DRAWN_CLASSES, OF_A_SAMPLER)
STREAMS = (
    REAL_DATA, REAL_ORDER, JUDGE, INITIAL_PARAMETERS, TRAINING_ROWS, OBJECTIVE_NOISE, MIRRORING, *SAMPLING, CURATION,
    CURATION_CHECK, REFERENCE_ROWS, METRIC, SIMULATION, SIMULATED_ARM, LATENT_PATH,
)  # fmt: skip


def seed_sequence(seed: int, generation: int, stream: Stream, *numbers: int) -> numpy.random.SeedSequence:
    """Seed sequence of a stream. Raises ValueError unless it is given as many `numbers` as it has."""
    if len(numbers) != stream.numbers:
        raise ValueError(f"the stream {stream.key} has {stream.numbers} numbers, it was given {numbers}")
    return np.random.SeedSequence(seed, spawn_key=(generation, *stream.key, *numbers))


def numpy_generator(seed: int, generation: int, stream: Stream, *numbers: int) -> numpy.random.Generator:
    """NumPy generator of a stream of one generation of one seed."""
    return np.random.Generator(np.random.PCG64(seed_sequence(seed, generation, stream, *numbers)))


def torch_generator(seed: int, generation: int, stream: Stream, *numbers: int) -> Generator:
    """PyTorch generator of a stream, on the CPU so that every device draws the same numbers.

    It keeps 32 bits of its seed, which is enough for the few initialisations of a study; what is drawn for every chunk
    and generation comes from `numpy_generator`, whose streams never meet.
    """
    state = seed_sequence(seed, generation, stream, *numbers).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state >> np.uint64(1)))


def bootstrap_generator() -> numpy.random.Generator:
    """Generator of error estimates by resampling; it has neither generation nor stream, and so meets none of these."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(0)))
