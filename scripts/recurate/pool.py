"""What a generation is trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from recurate.lazy import np, torch
from recurate.rows import draw_rows

if TYPE_CHECKING:
    import numpy
    from torch import Tensor


@dataclass(frozen=True)
class Pool:
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
    afresh: Callable[[int, int], tuple[Tensor, Tensor | None]] | None = None

    def of_chunk(self, chunk: int, size: int) -> Pool:
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

    def label_shares(self, classes: int) -> numpy.ndarray:
        """How often each class is drawn, (seeds, classes) float64; one row for all seeds where nothing is curated."""
        assert self.real_label is not None
        real = _shares(self.real_label, classes)
        if self.curated_label is None:
            return real[None]
        curated = np.stack([_shares(labels, classes) for labels in self.curated_label])
        return self.real_fraction * real + (1 - self.real_fraction) * curated

    @staticmethod
    def _gather(real: Tensor, curated: Tensor | None, rows: Tensor) -> Tensor:
        chosen = real[rows.clamp(max=len(real) - 1)]
        if curated is None:
            return chosen
        seeds = torch.arange(len(rows), device=rows.device)[:, None]
        synthetic = curated[seeds, (rows - len(real)).clamp(min=0)]
        is_real = (rows < len(real)).reshape(*rows.shape, *[1] * (chosen.ndim - 2))
        return torch.where(is_real, chosen, synthetic)


def _shares(labels: Tensor, classes: int) -> numpy.ndarray:
    counts = np.bincount(labels.cpu().numpy(), minlength=classes)
    return counts / counts.sum()
