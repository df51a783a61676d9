"""What a generation is trained on: rows of [real; curated], drawn, gathered and labelled."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from recurate.files.arrays import read_arrays
from recurate.foundation.components import Component
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np, torch
from recurate.foundation.randomness import REAL_ORDER, numpy_generator
from recurate.mixing.trained import Mixing

if TYPE_CHECKING:
    import numpy
    from torch import Tensor

    from recurate.foundation.types import Array, Slice
    from recurate.models import Model

    # Of a chunk and a number n: samples (seeds, n, *shape) in data units and their classes (seeds, n), or None.
    Afresh = Callable[[int, int], tuple[Tensor, Tensor | None]]


class SampleSource(Component, ABC):
    """A sampler as training sees it, which may draw every batch of synthetic samples anew."""

    @abstractmethod
    def afresh(self, model: Model, source: str, seeds: list[int], generation: int, device: str) -> Afresh:
        """Function that draws samples of the `model` in the file `source` for the training of `generation`."""


def draw_rows(
    generator: numpy.random.Generator, real_fraction: float, real: int, synthetic: int, shape: tuple[int, ...]
) -> Array:
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


def real_rows(mixing: Mixing, generation: int, available: int, initial: int | None) -> Array | Slice:
    """Rows of the `available` real data in the training set of `generation`, of which generation 0 has `initial`.

    Generation 0 takes the last rows of a random order (all if `initial` is None), fresh data its first ones, block by
    block, so that none comes again before all were used; then they are shuffled anew. Neither seed nor arm enters: the
    real data are one draw, shared by all replicates and arms.
    Raises RecurateError if there are fewer data than asked for.
    """
    needed = max(initial or 0, mixing.real or 0)
    if needed > available:
        raise RecurateError(f"training asks for {needed} real data, but there are {available}; ask for fewer")
    first = slice(None) if initial is None else _shuffled(0, available)[available - initial :]
    if mixing.rule.real != "fresh" or generation == 0:
        return first
    assert mixing.real is not None and initial is not None, "checked with the settings"
    if not mixing.rule.accumulates:
        return _block(generation - 1, mixing.real, available)
    return np.concatenate([first, *(_block(number, mixing.real, available) for number in range(generation))])


def kept_samples(name: str, kept: Sequence[tuple[str, Array]], device: str) -> Tensor | None:
    """The array `name` of the kept samples, (seeds, kept, ..), of all generations that are trained on; None if none.

    `kept` are the files of these generations' samples, which have equal weights, and indices (seeds, kept) into them.
    """
    parts = []
    for samples, index in kept:
        values = read_arrays(samples, [name])[name]
        parts.append(np.stack([of_seed[rows] for of_seed, rows in zip(values, index, strict=True)]))
    return torch.from_numpy(np.concatenate(parts, axis=1)).to(device) if parts else None


def _block(number: int, size: int, available: int) -> Array:
    """Rows of the block `number` = 0, 1, .. of fresh data."""
    turn, place = divmod(number, available // size)
    return _shuffled(turn, available)[place * size : (place + 1) * size]


def _shuffled(turn: int, available: int) -> Array:
    return numpy_generator(0, turn, REAL_ORDER).permutation(available)


@dataclass(frozen=True)
class TrainingSet:
    """What a generation is trained on: rows of [real; curated], the real ones with probability `real_fraction`.

    `real` is (n, *shape), shared by all seeds; `curated` is (seeds, kept, *shape) or None where there is none (an
    origin). Both in data units. `real_label` (n,) and `curated_label` (seeds, kept) are their classes, where the
    objective uses them. `afresh`, if given, draws a chunk's synthetic samples and their classes anew, so that none is
    trained on twice: of a chunk and a number of samples, (seeds, n, *shape) and (seeds, n) or None.
    """

    real: Tensor
    curated: Tensor | None
    real_fraction: float
    real_label: Tensor | None = None
    curated_label: Tensor | None = None
    afresh: Afresh | None = None

    @classmethod
    def read(
        cls,
        real: str,
        kept: Sequence[tuple[str, Array]],
        rows: Array | Slice,
        real_fraction: float,
        labelled: bool,
        afresh: Afresh | None,
        device: str,
    ) -> TrainingSet:
        """The training set: `rows` of the real data in a file; samples of the generations it keeps, and which rows."""
        names = ["train_x", "train_y"] if labelled else ["train_x"]
        of_real = {name: torch.from_numpy(values[rows]).to(device) for name, values in read_arrays(real, names).items()}
        return cls(
            real=of_real["train_x"],
            curated=kept_samples("x", kept, device),
            real_fraction=real_fraction,
            real_label=of_real.get("train_y"),
            curated_label=kept_samples("drawn_class", kept, device) if labelled else None,
            afresh=afresh,
        )

    def of_chunk(self, chunk: int, size: int) -> TrainingSet:
        """What one chunk of training, which takes `size` rows for each seed, is trained on."""
        if self.afresh is None:
            return self
        curated, label = self.afresh(chunk, size)
        return replace(self, curated=curated, curated_label=label)

    def rows(self, generator: numpy.random.Generator, shape: tuple[int, ...]) -> Tensor:
        """Row numbers for one seed."""
        curated = 0 if self.curated is None else self.curated.shape[1]
        rows = torch.from_numpy(draw_rows(generator, self.real_fraction, len(self.real), curated, shape))
        if self.afresh is None:
            return rows
        return torch.where(rows < len(self.real), rows, len(self.real) + torch.arange(rows.numel()).reshape(shape))

    def take(self, rows: Tensor) -> Tensor:
        """Data (seeds, batch, *shape) at `rows` (seeds, batch)."""
        return self._gather(self.real, self.curated, rows)

    def labels(self, rows: Tensor) -> Tensor:
        """Classes (seeds, batch) of the data at `rows` (seeds, batch)."""
        assert self.real_label is not None
        return self._gather(self.real_label, self.curated_label, rows)

    def label_shares(self, classes: int, seeds: int) -> Array:
        """How often each class is trained on, (seeds, classes) float64."""
        assert self.real_label is not None
        shares = _shares(self.real_label, classes)
        if self.curated_label is not None:
            curated = np.stack([_shares(labels, classes) for labels in self.curated_label])
            shares = self.real_fraction * shares + (1 - self.real_fraction) * curated
        return np.broadcast_to(shares, (seeds, classes)).copy()

    @staticmethod
    def _gather(real: Tensor, curated: Tensor | None, rows: Tensor) -> Tensor:
        chosen = real[rows.clamp(max=len(real) - 1)]
        if curated is None:
            return chosen
        seeds = torch.arange(len(rows), device=rows.device)[:, None]
        synthetic = curated[seeds, (rows - len(real)).clamp(min=0)]
        is_real = (rows < len(real)).reshape(*rows.shape, *[1] * (chosen.ndim - 2))
        return torch.where(is_real, chosen, synthetic)


def _shares(labels: Tensor, classes: int) -> Array:
    counts = np.bincount(labels.cpu().numpy(), minlength=classes)
    return counts / counts.sum()
