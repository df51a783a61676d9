"""Nearest neighbours among many vectors: matrix products screen all pairs, exact differences settle the close ones.

A float32 product of two centred blocks bounds every squared distance between them from both sides. Only pairs that the
bounds leave open are computed again, as sums of squared differences in float64. So results are those of float64 at the
cost of float32, ties between equal differences are ties, and memory is that of a few blocks. Coordinates are divided by
a power of two near the largest, which changes no digit, so that float32 neither overflows nor underflows. Threads
work on different blocks; the order in which they finish changes nothing.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from recurate.foundation.types import Array, Slice

Task = TypeVar("Task")

BLOCK = 1_024  # rows of a block; a block of squared distances then fits into the processor's cache
BATCH = 2**17  # coordinates that are subtracted at a time, again for the cache
UNIT_ROUNDOFF = 2.0**-24  # of float32
SMALLEST = 2.0**-126  # normal float32: what a product that underflows may lose, also where it is flushed to zero
FITTING = 2.0**60  # coordinates between its inverse and this are centred in their own precision
LARGEST_POWER = 500  # coordinates are between 2^-500 and 2^500, so that squared distances are float64


@dataclass(frozen=True)
class Block:
    """Squared distances between the rows `i` of one set and the rows `j` of another.

    The true values lie between `lower` (rows i, rows j) float32 and `lower + slack`, in units of the pairs' `scale`
    squared.
    """

    i: Slice
    j: Slice
    lower: Array
    slack: float


@dataclass(frozen=True)
class Manifolds:
    """How samples and real data lie in each other's balls, all between 0 and 1 but for the density."""

    precision: float
    recall: float
    density: float
    coverage: float


class Pairs:
    """All pairs of two sets `x` (n, d) and `y` (m, d) of any type of number, in blocks of at least `least` rows.

    Squared distances are in units of `scale` squared, a power of two. Raises RecurateError for coordinates that are not
    numbers, or so large or small that their squares are none.
    """

    def __init__(self, x: Array, y: Array, least: int = 1) -> None:
        self.x, self.y = x, y
        self.rows, self.columns = (_slices(len(part), max(BLOCK, 2 * least)) for part in (x, y))
        centre = y.mean(axis=0, dtype=np.float64)
        self.scale = _power_of_two(float(np.max([_reach(x, centre), _reach(y, centre)])))
        fits = 1 / FITTING < self.scale < FITTING
        self.centre = centre.astype(np.result_type(x, y, np.float32) if fits else np.float64)
        # Of a product of d terms d, of the sums of squares and the roundings around them less than the rest.
        terms = x.shape[1] + 64
        self.rounding, self.underflow = terms * UNIT_ROUNDOFF, 4 * terms * SMALLEST

    def block(self, i: Slice, j: Slice) -> Block:
        """Bounds of the squared distances of one block."""
        a, b = (self._centred(part) for part in (self.x[i], self.y[j]))
        norms_a, norms_b = np.square(a).sum(axis=1), np.square(b).sum(axis=1)
        lower = (-2 * a) @ b.T
        lower += np.float32(1 - self.rounding) * norms_a[:, None]
        lower += np.float32(1 - self.rounding) * norms_b
        lower -= np.float32(self.underflow)
        return Block(i, j, lower, 2 * (self.rounding * float(norms_a.max() + norms_b.max()) + self.underflow))

    def _centred(self, part: Array) -> Array:
        centred = part - self.centre
        centred /= centred.dtype.type(self.scale)
        return centred.astype(np.float32, copy=False)

    def all(self) -> Iterator[tuple[Slice, Slice]]:
        """Rows and columns of every block."""
        return itertools.product(self.rows, self.columns)

    def exact(self, block: Block, i: Array, j: Array) -> Array:
        """Squared distances (pairs,) float64 between rows `i` and `j`, counted within the block."""
        batch = max(1, BATCH // self.x.shape[1])
        squared = np.empty(len(i))
        for part in _slices(len(i), batch):
            difference = np.subtract(self.x[block.i][i[part]], self.y[block.j][j[part]], dtype=np.float64)
            squared[part] = np.einsum("nd,nd->n", difference, difference)
        return squared / self.scale**2

    def nearer(self, block: Block, limit: Array) -> Array:
        """Whether squared distances are below `limit`, float64, one for each row (n, 1) or column (m,) of the block."""
        limit = limit / self.scale**2
        below = block.lower < _float32(limit, np.inf)
        certain = block.lower < _float32(limit - block.slack, -np.inf)
        i, j = _where(below & ~certain)
        below[i, j] = self.exact(block, i, j) < np.broadcast_to(limit, below.shape)[i, j]
        return below


class Nearest:
    """The smallest squared distances found so far from each row of a set to another's: `best` (n, k), ascending.

    They are in the units of the pairs; `last` says the largest of each row in those of the data.
    """

    def __init__(self, pairs: Pairs, neighbours: int) -> None:
        self.pairs, self.lock = pairs, Lock()
        self.best = np.full((len(pairs.x), neighbours), np.inf)

    def last(self) -> Array:
        """Squared distance (n,) to the k-th neighbour."""
        return self.best[:, -1] * self.pairs.scale**2

    def start(self, block: Block) -> None:
        """Enter the k neighbours that seem nearest in a block and take them out of it; this bounds the others."""
        k = self.best.shape[1]
        i = np.repeat(np.arange(len(block.lower)), k)
        j = np.argpartition(block.lower, k - 1, axis=1)[:, :k].ravel()
        self._enter(block.i, i, self.pairs.exact(block, i, j))
        block.lower[i, j] = np.inf

    def improve(self, block: Block, of_columns: bool = False) -> None:
        """Enter what a block holds that is nearer, for its rows, or for its columns where both sets are the same."""
        rows = block.j if of_columns else block.i
        limit = _float32(self.best[rows, -1], np.inf)
        i, j = _where(block.lower < (limit if of_columns else limit[:, None]))
        self._enter(rows, j if of_columns else i, self.pairs.exact(block, i, j))

    def _enter(self, rows: Slice, i: Array, values: Array) -> None:
        """Keep the smallest of what is held and of the `values` of rows `i`, counted within `rows`, ascending."""
        with self.lock:
            best = self.best[rows]
            everything = np.concatenate([best.ravel(), values])
            of_row = np.concatenate([np.repeat(np.arange(len(best)), best.shape[1]), i])
            order = np.lexsort((everything, of_row))
            first = np.searchsorted(of_row[order], np.arange(len(best)))
            best[:] = everything[order][first[:, None] + np.arange(best.shape[1])]


def nearest_squared(x: Array, y: Array) -> Array:
    """Squared distance (n,) float64 of each row of `x` (n, d) to its nearest row of `y` (m, d)."""
    pairs = Pairs(x, y)
    nearest = Nearest(pairs, 1)

    def search(i: Slice) -> None:
        for j in pairs.columns:
            block = pairs.block(i, j)
            if j == pairs.columns[0]:
                nearest.start(block)
            nearest.improve(block)

    _in_threads(search, pairs.rows)
    return nearest.last()


def radii_squared(x: Array, neighbours: int) -> Array:
    """Squared distance (n,) float64 of each row of `x` (n, d) to its k-th neighbour, itself not counted; k < n."""
    pairs = Pairs(x, x, least=neighbours + 1)
    nearest = Nearest(pairs, neighbours)

    def start(i: Slice) -> None:
        block = pairs.block(i, i)
        np.fill_diagonal(block.lower, np.inf)
        nearest.start(block)
        nearest.improve(block)

    def search(rows: tuple[Slice, Slice]) -> None:
        block = pairs.block(*rows)  # serves its rows and its columns
        nearest.improve(block)
        nearest.improve(block, of_columns=True)

    _in_threads(start, pairs.rows)
    _in_threads(search, itertools.combinations(pairs.rows, 2))
    return nearest.last()


def manifolds(x: Array, real: Array, neighbours: int) -> Manifolds:
    """Precision and recall (Kynkaanniemi et al. 2019), density and coverage (Naeem et al. 2020) of `x` against `real`.

    `x` (n, d), `real` (m, d); balls reach from every point to its k-th neighbour, itself not counted, and are open:
    k < min(n, m).
    """
    limit_real, limit_x = radii_squared(real, neighbours), radii_squared(x, neighbours)
    pairs = Pairs(real, x)
    precise, covered, recalled = np.zeros(len(x), bool), np.zeros(len(real), bool), np.zeros(len(real), bool)
    inside: list[int] = []

    def count(rows: tuple[Slice, Slice]) -> None:
        block = pairs.block(*rows)
        in_real = pairs.nearer(block, limit_real[block.i, None])
        inside.append(int(np.count_nonzero(in_real)))
        in_x = pairs.nearer(block, limit_x[block.j])
        precise[block.j][in_real.any(axis=0)] = True
        covered[block.i][in_real.any(axis=1)] = True
        recalled[block.i][in_x.any(axis=1)] = True

    _in_threads(count, pairs.all())
    density = sum(inside) / (neighbours * len(x))
    return Manifolds(float(precise.mean()), float(recalled.mean()), density, float(covered.mean()))


def _reach(part: Array, centre: Array) -> float:
    """Largest distance of a coordinate of `part` (n, d) from the `centre` (d,)."""
    edges = np.stack([part.max(axis=0), part.min(axis=0)]).astype(np.float64)
    return float(np.abs(edges - centre).max())


def _power_of_two(reach: float) -> float:
    """The largest power of two up to `reach`, 1 for 0; raises RecurateError where squared distances are no numbers."""
    if reach == 0:
        return 1.0
    if not 2.0**-LARGEST_POWER < reach < 2.0**LARGEST_POWER:
        raise RecurateError(
            f"nearest neighbours: coordinates lie up to {reach:g} from their mean, whose square is no number; look "
            "whether samples or features have diverged"
        )
    return 2.0 ** (math.frexp(reach)[1] - 1)


def _in_threads(work: Callable[[Task], None], tasks: Iterable[Task]) -> None:
    """Do every task, with as many threads as NumPy's matrix products have, which then have one each."""
    from threadpoolctl import threadpool_info, threadpool_limits

    threads = max((library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"), default=1)
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, tasks):
            pass


def _float32(limit: Array, towards: float) -> Array:
    """A limit on squared distances, rounded outwards to float32; below zero distance there is nothing."""
    rounded = np.nextafter(limit.astype(np.float32), np.float32(towards))
    return np.where(limit > 0, rounded, np.float32(-np.inf))


def _where(mask: Array) -> tuple[Array, Array]:
    """Rows and columns of the true entries; NumPy's own search in two dimensions is ten times slower."""
    i, j = np.divmod(np.flatnonzero(mask), mask.shape[1])
    return i, j


def _slices(count: int, size: int) -> list[Slice]:
    """Consecutive slices of nearly equal length, of at most `size` rows."""
    edges = np.linspace(0, count, -(-count // size) + 1).astype(int)
    return [slice(int(a), int(b)) for a, b in itertools.pairwise(edges)]
