"""Gaussians fitted to features, and the Fréchet distance between two of them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from recurate.foundation.types import Array

CHUNK = 4_096  # rows that are turned into float64 at a time


def moments(features: Array) -> tuple[Array, Array]:
    """Mean (d,) and covariance (d, d), divided by n - 1, of `features` (n, d), in float64.

    Raises RecurateError for fewer than two rows.
    """
    n, dimensions = features.shape
    if n < 2:
        raise RecurateError(f"frechet: a covariance needs two samples, there are {n}; draw more")
    mean = features.mean(axis=0, dtype=np.float64)
    scatter = np.zeros((dimensions, dimensions))
    for start in range(0, n, CHUNK):
        centred = features[start : start + CHUNK] - mean
        scatter += centred.T @ centred
    return mean, scatter / (n - 1)


def factor(covariance: Array) -> Array:
    """R (d, r) with R R^T equal to `covariance` (d, d), without directions in which there is no variance."""
    with _one_thread():
        values, vectors = np.linalg.eigh(covariance)
    above_rounding = values > values[-1] * len(values) * np.finfo(np.float64).eps
    return vectors[:, above_rounding] * np.sqrt(values[above_rounding])


def frechet_distance(mean: Array, covariance: Array, reference_mean: Array, reference_factor: Array) -> float:
    """|m - m_0|^2 + tr S + tr S_0 - 2 tr (S S_0)^(1/2) of two Gaussians, the second by its mean and `factor`.

    Dowson and Landau (1982), with S_0 = R R^T: S S_0 has the eigenvalues of R^T S R, which is symmetric and positive
    semi-definite, so that they are real and cost less than a matrix root.
    """
    between = reference_factor.T @ covariance @ reference_factor
    with _one_thread():
        roots = np.sqrt(np.linalg.eigvalsh(between).clip(min=0)).sum()
    traces = np.trace(covariance) + np.square(reference_factor).sum()
    # Of a set and itself the parts cancel, and rounding may leave -1e-14.
    return max(0.0, float(np.square(mean - reference_mean).sum() + traces - 2 * roots))


def _one_thread() -> AbstractContextManager[object]:
    """Eigenvalues gain next to nothing from a second thread, and on a busy machine it makes them ten times slower."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, user_api="blas")
