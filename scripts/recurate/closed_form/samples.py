"""Data of simulated loops: samples, moments, counts. They add up to pools and give random subsets.

All arrays have a leading axis of seeds, R.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recurate.closed_form import covariance_roots as roots
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from recurate.closed_form.streams import Replicates
    from recurate.foundation.types import Array


class Samples:
    """Samples (R, size, d). A growing pool shares one buffer with what it grew from, so that adding costs no copy."""

    def __init__(self, x: Array, size: int | None = None, filled: list[int] | None = None) -> None:
        self._buffer = x
        self.size = x.shape[1] if size is None else size
        self._filled = [self.size] if filled is None else filled  # rows of the buffer that somebody owns

    @property
    def x(self) -> Array:
        """The samples, (R, size, d)."""
        return self._buffer[:, : self.size]

    def __add__(self, other: Samples) -> Samples:
        total = self.size + other.size
        buffer, filled = self._buffer, self._filled
        if filled[0] != self.size or total > buffer.shape[1]:
            buffer = np.empty((len(buffer), max(total, 2 * self.size), buffer.shape[2]))
            buffer[:, : self.size] = self.x
            filled = [self.size]
        buffer[:, self.size : total] = other.x
        filled[0] = total
        return Samples(buffer, total, filled)

    def subset(self, size: int, randoms: Replicates) -> Samples:
        """A uniformly random subset, without replacement."""
        rows = randoms.sample(lambda generator: generator.choice(self.size, size, replace=False, shuffle=False))
        return Samples(np.take_along_axis(self.x, rows[..., None], axis=1))

    def moments(self, diagonal: bool) -> Moments:
        """Size, mean and scatter of the samples."""
        mean = self.x.mean(axis=1)
        centred = np.swapaxes(self.x - mean[:, None, :], 1, 2)
        if diagonal:
            return Moments(self.size, mean, np.sqrt(np.square(centred).sum(axis=2)))
        return Moments(self.size, mean, roots.added(centred))


@dataclass(frozen=True)
class Moments:
    """Number of samples, their mean (R, d), and a root of their scatter matrix sum (x - mean)(x - mean)^T."""

    size: int
    mean: Array
    scatter_root: Array

    def __add__(self, other: Moments) -> Moments:
        """Pooled moments (Chan, Golub and LeVeque 1983)."""
        size = self.size + other.size
        step = other.mean - self.mean
        between = np.sqrt(self.size / size * other.size) * step
        root = roots.added(
            self.scatter_root, other.scatter_root, roots.column(between, diagonal=self.scatter_root.ndim == 2)
        )
        return Moments(size, self.mean + other.size / size * step, root)


@dataclass(frozen=True)
class Counts:
    """Numbers of samples in each cell, (R, cells) int64."""

    counts: Array

    @property
    def size(self) -> int:
        """Number of samples of each seed."""
        return int(self.counts[0].sum())

    @property
    def shares(self) -> Array:
        """Share of every cell, (R, cells)."""
        return self.counts / self.size

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.counts + other.counts)

    def subset(self, size: int, randoms: Replicates) -> Counts:
        """A random subset: its counts are multivariate hypergeometric."""
        return Counts(
            randoms.sample_rows(lambda generator, row: generator.multivariate_hypergeometric(row, size), self.counts)
        )


def sampled_counts(shares: Array, n: int, randoms: Replicates) -> Counts:
    """Counts of `n` samples of each of the distributions `shares` (R, cells), which add up to 1.

    Where all replicates have the same distribution, it may be given once, (1, cells).
    """
    if n > 4 * shares.shape[1]:
        every = np.broadcast_to(shares, (len(randoms), shares.shape[1]))
        return Counts(randoms.draw_rows(lambda generator, rows: generator.multinomial(n, rows), every))
    return counted(sampled_cells(shares, n, randoms), shares.shape[1])


def sampled_cells(shares: Array, n: int, randoms: Replicates) -> Array:
    """Cells (R, n) of samples of `shares`, as above, by inversion: of few samples faster than multinomial counts."""
    uniform = randoms.draw(lambda generator, loops: generator.random((loops, n)))
    upper = np.cumsum(shares, axis=1)
    total = upper[:, -1:]
    inside = np.minimum(uniform * total, np.nextafter(total, 0))  # rounding must not lead behind the last cell
    if len(upper) == 1:
        return upper[0].searchsorted(inside, side="right")
    return np.stack([row.searchsorted(x, side="right") for row, x in zip(upper, inside, strict=True)])


def counted(cells: Array, size: int) -> Counts:
    """Counts of `cells` (R, n), each 0 .. size - 1."""
    of_rows = cells + size * np.arange(len(cells))[:, None]
    return Counts(np.bincount(of_rows.ravel(), minlength=size * len(cells)).reshape(len(cells), size))
