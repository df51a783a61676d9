"""Covariances as roots: Sigma = R R^T. Sums, samples and scatters of Gaussians without forming Sigma.

Variances of 1e-300 and singular covariances are nothing special here: a root of 1e-150 is far from underflow, and a
root may have any number of columns. Roots are (R, d, r) for full covariances, (R, d) for diagonal ones, where they are
standard deviations; R is the number of seeds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recurate.foundation.lazy import np

if TYPE_CHECKING:
    import numpy

    from recurate.closed_form.streams import Replicates
    from recurate.foundation.types import Array

SMALLEST = 5e-324  # the least positive float64: a root below it counts as this in logarithms


def added(*roots: Array) -> Array:
    """Root of the sum of covariances; of full ones, which have the columns stacked, lower triangular by QR."""
    if roots[0].ndim == 2:
        scale = np.maximum.reduce([np.abs(root) for root in roots])
        safe = np.where(scale > 0, scale, 1.0)
        return scale * np.sqrt(sum(np.square(root / safe) for root in roots))
    stacked = np.concatenate(roots, axis=2)
    if stacked.shape[2] <= stacked.shape[1]:
        return stacked
    return np.swapaxes(np.linalg.qr(np.swapaxes(stacked, 1, 2), mode="r"), 1, 2)


def column(vector: Array, diagonal: bool) -> Array:
    """Root of v v^T for vectors (R, d); of a diagonal covariance, of its diagonal."""
    return np.abs(vector) if diagonal else vector[:, :, None]


def spread(root: Array, z: Array) -> Array:
    """R z for normal variates `z` (R, n, r): n vectors (R, n, d) with the root's covariance."""
    if root.ndim == 2:
        return root[:, None, :] * z
    return z @ np.swapaxes(root, 1, 2)


def columns(root: Array) -> int:
    """Number of normal variates that one sample takes."""
    return root.shape[-1]


def log_mean_variance(root: Array) -> Array:
    """log(tr Sigma / d), (R,); of a root that has underflowed to 0, that of the smallest float64."""
    entries = np.abs(root).reshape(len(root), -1)
    largest = entries.max(axis=1)
    safe = np.maximum(largest, SMALLEST)
    mean = np.square(entries / safe[:, None]).sum(axis=1) / root.shape[1]
    return np.log(np.where(largest > 0, mean, 1.0)) + 2 * np.log(safe)


def standard_deviations(root: Array) -> Array:
    """Square roots (R, d) of the eigenvalues of Sigma, in no particular order."""
    if root.ndim == 2:
        return root
    values = np.linalg.svd(root, compute_uv=False)
    missing = root.shape[1] - values.shape[1]
    return np.pad(values, ((0, 0), (0, max(missing, 0))))


def wishart_root(degrees: int, like: Array, randoms: Replicates) -> Array:
    """Root of a Wishart matrix W(I, `degrees`) that fits `like` from the right: R W R^T for its roots R.

    Bartlett (1933): lower triangular, chi variates with degrees, degrees - 1, .. on the diagonal and normal ones below
    it; with fewer degrees of freedom than dimensions a matrix of as many normal columns. Diagonal: chi variates (R, d).
    """
    dimensions = columns(like)
    if like.ndim == 2:
        return np.sqrt(randoms.draw(lambda generator, loops: generator.chisquare(degrees, (loops, dimensions))))
    if degrees < dimensions:
        return randoms.draw(lambda generator, loops: generator.standard_normal((loops, dimensions, degrees)))
    rows, below = np.tril_indices(dimensions, -1)
    falling = degrees - np.arange(dimensions)

    def bartlett(generator: numpy.random.Generator, loops: int) -> Array:
        root = np.zeros((loops, dimensions, dimensions))
        diagonal = np.arange(dimensions)
        root[:, diagonal, diagonal] = np.sqrt(generator.chisquare(falling, (loops, dimensions)))
        root[:, rows, below] = generator.standard_normal((loops, len(rows)))
        return root

    return randoms.draw(bartlett)


def times(root: Array, right: Array) -> Array:
    """Root of R W R^T, given roots of Sigma and of W."""
    return root * right if root.ndim == 2 else root @ right
