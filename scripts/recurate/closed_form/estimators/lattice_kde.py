"""Kernel density estimation in one dimension, on a lattice: pools of millions at the cost of their cell counts."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import Field

from recurate.closed_form.estimators.ecdf import CellShares, Ecdf
from recurate.closed_form.samples import Counts, counted, sampled_cells, sampled_counts
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from recurate.closed_form.streams import Replicates
    from recurate.foundation.types import Array

MARGIN = 12  # standard deviations of the kernel that are kept free of wrap-around by the Fourier transform


class LatticeKde(Ecdf):
    """Resampling a pool with normal noise, whose bandwidth h = `bandwidth` n^-`decay` shrinks with the pool's size n.

    Wang, Niu and Li (2602.16065). Samples sit in the middle of lattice cells. Noise is a Skellam number of cells, which
    is the normal law's relative on a lattice: its variance is h^2 exactly, however small h is beside a cell.
    """

    bandwidth: float = Field(0.5, gt=0, description="bandwidth of a pool of one sample, in data units")
    decay: float = Field(0.25, ge=0, description="exponent with which the bandwidth falls with the pool's size")
    refinement: int = Field(2, ge=1, description="lattice cells between two grid points")

    @property
    def cells(self) -> int:
        """Number of lattice cells, one interval beyond the grid on either side included."""
        return (self.points + 1) * self.refinement

    @property
    def cell(self) -> float:
        """Width of a lattice cell."""
        return self.spacing / self.refinement

    @cached_property
    def _boundaries(self) -> Array:
        """Upper ends (cells - 1,) of all cells but the last, which is unbounded like the first."""
        return self.grid[0] - self.spacing + self.cell * np.arange(1, self.cells)

    @cached_property
    def _middles_of_cells(self) -> Array:
        return self.grid[0] - self.spacing + self.cell * (np.arange(self.cells) + 0.5)

    def lattice_shares(self, wrong_share: float = 0.0) -> Array:
        """Probability (cells,) of the lattice's cells in real data."""
        cdf = self.target.cdf(self._boundaries)
        if self.wrong is not None and wrong_share:
            cdf = (1 - wrong_share) * cdf + wrong_share * self.wrong.cdf(self._boundaries)
        return np.diff(cdf, prepend=0.0, append=1.0)

    def truth(self, initial: int, randoms: Replicates) -> CellShares:
        return CellShares(self.lattice_shares()[None])

    def real(
        self, truth: CellShares, n: int, randoms: Replicates, wrong_share: float = 0.0, explicit: bool = False
    ) -> Counts:
        shares = self.lattice_shares(wrong_share)[None] if wrong_share else truth.shares
        return sampled_counts(shares, n, randoms)

    def fit(self, pool: Counts, randoms: Replicates) -> CellShares:
        """The pool's shares, smoothed: a sample of that law is one of the pool with noise."""
        return CellShares(self._smoothed(pool.shares, self.bandwidth * pool.size**-self.decay))

    def samples(self, model: CellShares, n: int, randoms: Replicates, bias: float = 1.0) -> Array:
        """Samples in the middle of their cells."""
        return self._middles_of_cells[sampled_cells(model.shares, n, randoms)][..., None]

    def pool_of(self, x: Array, explicit: bool = False) -> Counts:
        return counted(np.searchsorted(self._boundaries, x[..., 0]), self.cells)

    def seen_shares(self, model: CellShares) -> Array:
        cdf = np.cumsum(model.shares, axis=1)[:, self.refinement - 1 : -1 : self.refinement]
        return np.diff(cdf, axis=1, prepend=0.0, append=1.0)

    def _smoothed(self, shares: Array, bandwidth: float) -> Array:
        """Shares convolved with the Skellam distribution, whose transform is exp(-(h/cell)^2 (1 - cos w))."""
        from scipy import fft

        free = int(MARGIN * bandwidth / self.cell) + 1
        length = fft.next_fast_len(self.cells + free, real=True)
        frequency = 2 * np.pi * np.arange(length // 2 + 1) / length
        kernel = np.exp(-((bandwidth / self.cell) ** 2) * (1 - np.cos(frequency)))
        smooth = fft.irfft(fft.rfft(shares, length, axis=1) * kernel, length, axis=1)
        inside = smooth[:, : self.cells].copy()
        beyond = (length - self.cells) // 2  # mass that left at the ends stays in the last cells, as sampling leaves it
        inside[:, -1] += smooth[:, self.cells : self.cells + beyond].sum(axis=1)
        inside[:, 0] += smooth[:, self.cells + beyond :].sum(axis=1)
        return np.maximum(inside, 0)  # the transform leaves rounding of either sign where there is no mass
