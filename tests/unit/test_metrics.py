"""Metrics against independent libraries and closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import ot
import pytest
from numpy.testing import assert_allclose
from scipy.stats import wasserstein_distance_nd
from sklearn.metrics.pairwise import rbf_kernel

from recurate.foundation.errors import RecurateError
from recurate.measuring.metrics import DATA, Evidence, Space, subset
from recurate.measuring.metrics.maximum_mean_discrepancy import MaximumMeanDiscrepancy, mmd_squared
from recurate.measuring.metrics.precision_recall import PrecisionRecall
from recurate.measuring.metrics.sliced_wasserstein import SlicedWasserstein, sliced_wasserstein


def evidence(x: np.ndarray, real: np.ndarray, seed: int = 0) -> Evidence:
    space = Space(DATA, x.reshape(len(x), -1), real.reshape(len(real), -1), real, reference_is_training=False)
    return Evidence(x=x, real=real, generator=np.random.default_rng(seed), spaces={DATA: space})


def two_clouds(n: int, m: int, dimensions: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n + m)
    return rng.normal(size=(n, dimensions)), rng.normal(0.4, 1.3, size=(m, dimensions))


# Sliced Wasserstein


@pytest.mark.parametrize("dimensions", [1, 2, 5])
def test_sliced_wasserstein_equals_pot(dimensions: int) -> None:
    x, y = two_clouds(120, 120, dimensions)
    directions = np.random.default_rng(0).normal(size=(dimensions, 40))
    unit = directions / np.linalg.norm(directions, axis=0)
    expected = ot.sliced_wasserstein_distance(x, y, projections=unit, p=2)
    assert sliced_wasserstein(x, y, directions) == pytest.approx(float(expected), rel=1e-10)


def test_sliced_wasserstein_along_the_axis_is_the_transport_of_sorted_points() -> None:
    x, y = two_clouds(60, 60, 1)
    plan_cost = float(ot.emd2([], [], ot.dist(x, y)))
    assert sliced_wasserstein(x, y, np.array([[3.0]])) == pytest.approx(plan_cost**0.5, rel=1e-9)


def test_sliced_wasserstein_of_a_shift_is_its_mean_projection() -> None:
    x, _ = two_clouds(50, 50)
    shift, angle = np.array([3.0, -1.0]), np.linspace(0, np.pi, 64, endpoint=False)
    found = sliced_wasserstein(x, x + shift, np.stack([np.cos(angle), np.sin(angle)]))
    assert found == pytest.approx((np.sum(shift**2) / 2) ** 0.5)


def test_sliced_wasserstein_is_at_most_the_wasserstein_distance() -> None:
    x, y = two_clouds(40, 40)
    metric = SlicedWasserstein(kind="sliced_wasserstein", projections=500)
    found = metric(evidence(x, y))["sliced_wasserstein"]
    w1, w2 = wasserstein_distance_nd(x, y), float(ot.emd2([], [], ot.dist(x, y))) ** 0.5
    assert 0.3 * w1 < found < w2


def test_sliced_wasserstein_of_sets_of_unequal_size_uses_as_many_of_either() -> None:
    x, _ = two_clouds(30, 200)
    point = np.array([2.0, 1.0])
    metric = SlicedWasserstein(kind="sliced_wasserstein", projections=2_000)
    found = metric(evidence(x, np.tile(point, (200, 1))))["sliced_wasserstein"]
    # Whichever 30 of the 200 equal points are taken: in the mean over directions half the squared distance to them.
    assert found == pytest.approx(np.sqrt(np.square(x - point).sum(axis=1).mean() / 2), rel=0.03)


def test_samples_equal_to_the_real_data_in_any_order_are_at_distance_zero() -> None:
    x, _ = two_clouds(50, 50)
    metric = SlicedWasserstein(kind="sliced_wasserstein")
    assert metric(evidence(x, x[::-1]))["sliced_wasserstein"] == pytest.approx(0, abs=1e-12)


# Maximum mean discrepancy


@pytest.mark.parametrize(("n", "m", "bandwidth"), [(30, 30, 1.0), (20, 45, 0.3), (2, 3, 5.0)])
def test_mmd_equals_a_double_loop_over_the_kernel(n: int, m: int, bandwidth: float) -> None:
    x, y = two_clouds(n, m, 3)

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.exp(-np.sum((a - b) ** 2) / (2 * bandwidth**2)))

    within_x = np.mean([kernel(x[i], x[j]) for i in range(n) for j in range(n) if i != j])
    within_y = np.mean([kernel(y[i], y[j]) for i in range(m) for j in range(m) if i != j])
    between = np.mean([kernel(a, b) for a in x for b in y])
    assert mmd_squared(x, y, bandwidth) == pytest.approx(within_x + within_y - 2 * between, abs=1e-12)


def test_mmd_equals_scikit_learn_s_kernel_without_diagonals() -> None:
    x, y = two_clouds(200, 150)
    gamma = 1 / (2 * 0.7**2)
    within = [(rbf_kernel(z, gamma=gamma).sum() - len(z)) / (len(z) * (len(z) - 1)) for z in (x, y)]
    expected = sum(within) - 2 * rbf_kernel(x, y, gamma=gamma).mean()
    assert mmd_squared(x, y, 0.7) == pytest.approx(expected, abs=1e-12)


def test_mmd_is_unbiased_zero_mean_for_equal_distributions() -> None:
    rng = np.random.default_rng(0)
    found = [mmd_squared(rng.normal(size=(20, 2)), rng.normal(size=(25, 2)), 1.0) for _ in range(400)]
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(len(found))
    assert min(found) < 0


def test_mmd_of_gaussians_has_its_closed_form() -> None:
    # E k(x, y) for x - y ~ N(d, s^2 I) in D dimensions is (b^2 / (b^2 + s^2))^(D/2) exp(-|d|^2 / (2 (b^2 + s^2))).
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(3_000, 2)), rng.normal(loc=[1.5, 0], size=(3_000, 2))
    expected = 2 / 3 - 2 / 3 * np.exp(-(1.5**2) / 6)
    assert mmd_squared(x, y, 1.0) == pytest.approx(expected, abs=0.015)


def test_mmd_needs_two_points_of_either_kind() -> None:
    with pytest.raises(RecurateError, match="two points of either kind"):
        mmd_squared(np.zeros((1, 2)), np.zeros((5, 2)), 1.0)


# Subsets


def test_a_subset_has_distinct_rows_of_the_data_flattened() -> None:
    x = np.arange(200, dtype=np.uint8).reshape(50, 2, 2, 1)
    found = subset(x, 20, np.random.default_rng(0))
    assert found.shape == (20, 4)
    assert found.dtype == np.float64
    assert len({tuple(row) for row in found}) == 20
    assert {tuple(row) for row in found} <= {tuple(row) for row in x.reshape(50, 4).astype(float)}


def test_a_set_that_is_small_enough_is_taken_whole_and_in_order() -> None:
    x = np.arange(12.0).reshape(6, 2)
    assert_allclose(subset(x, 6, np.random.default_rng(0)), x)


@pytest.mark.parametrize(
    "metric",
    [
        SlicedWasserstein(kind="sliced_wasserstein", samples=40),
        MaximumMeanDiscrepancy(kind="maximum_mean_discrepancy", samples=40),
        PrecisionRecall(kind="precision_recall", samples=40),
    ],
)
def test_a_metric_repeats_with_its_generator_and_is_close_to_that_of_all_samples(metric: Any) -> None:
    x, real = two_clouds(400, 400)
    whole = metric.model_copy(update={"samples": 400})(evidence(x, real))
    once, again = metric(evidence(x, real, seed=3)), metric(evidence(x, real, seed=3))
    assert once == again
    assert metric(evidence(x, real, seed=4)) != once
    for name in whole.keys() - {"manifold_samples_data"}:
        assert once[name] == pytest.approx(whole[name], abs=0.5)
