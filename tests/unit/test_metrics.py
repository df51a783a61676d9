"""Metrics against independent libraries and closed forms."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import ot
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from prdc import compute_prdc
from scipy.linalg import sqrtm
from scipy.stats import wasserstein_distance_nd
from sklearn.metrics.pairwise import rbf_kernel

from recurate.data import Description
from recurate.errors import RecurateError
from recurate.metrics import Evidence, subset
from recurate.metrics.frechet_judge import FrechetJudge
from recurate.metrics.maximum_mean_discrepancy import MaximumMeanDiscrepancy, mmd_squared
from recurate.metrics.precision_recall import PrecisionRecall, precision_recall
from recurate.metrics.sliced_wasserstein import SlicedWasserstein, sliced_wasserstein


class LinearFeatures:
    """A judge whose features are a linear map of the samples."""

    def __init__(self, matrix: np.ndarray) -> None:
        self.matrix = matrix

    def features(self, x: np.ndarray) -> np.ndarray:
        return x.reshape(len(x), -1).astype(np.float32) @ self.matrix.astype(np.float32)


def evidence(x: np.ndarray, real: np.ndarray, judge: Any = None, seed: int = 0) -> Evidence:
    return Evidence(x=x, real=real, judge=judge, generator=np.random.default_rng(seed))


def two_clouds(n: int, m: int, dimensions: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n + m)
    return rng.normal(size=(n, dimensions)), rng.normal(0.4, 1.3, size=(m, dimensions))


def prdc(x: np.ndarray, real: np.ndarray, neighbours: int) -> tuple[float, float]:
    with contextlib.redirect_stdout(io.StringIO()):
        found = compute_prdc(real_features=real, fake_features=x, nearest_k=neighbours)
    return float(found["precision"]), float(found["recall"])


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
    x, y = two_clouds(30, 200)
    found = SlicedWasserstein(kind="sliced_wasserstein")(evidence(x, y))["sliced_wasserstein"]
    assert 0 < found < 2


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


# Precision and recall


@pytest.mark.parametrize(("n", "m", "neighbours"), [(100, 100, 3), (80, 150, 5), (150, 60, 1)])
def test_precision_and_recall_equal_prdc(n: int, m: int, neighbours: int) -> None:
    x, real = two_clouds(n, m, 3)
    found = precision_recall(x, real + 1.5, neighbours)
    assert found == pytest.approx(prdc(x, real + 1.5, neighbours))
    assert 0 < min(found) < max(found) < 1


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_precision_and_recall_equal_prdc_with_ties_and_duplicates(seed: int, neighbours: int) -> None:
    rng = np.random.default_rng(seed)
    # Small whole numbers: all distances are exact in both libraries, and many are equal or zero.
    x, real = rng.integers(0, 4, (25, 2)).astype(float), rng.integers(1, 6, (20, 2)).astype(float)
    assert precision_recall(x, real, neighbours) == pytest.approx(prdc(x, real, neighbours))


def test_precision_and_recall_follow_their_definition_in_loops() -> None:
    x, real = two_clouds(25, 30)

    def inside(point: np.ndarray, cloud: np.ndarray) -> bool:
        radii = [sorted(np.linalg.norm(cloud - centre, axis=1))[3] for centre in cloud]
        return any(np.linalg.norm(point - c) < radius for c, radius in zip(cloud, radii, strict=True))

    expected = np.mean([inside(p, real) for p in x]), np.mean([inside(p, x) for p in real])
    assert precision_recall(x, real, 3) == pytest.approx(expected)


def test_a_generator_collapsed_to_one_real_point_has_precision_one_and_recall_zero() -> None:
    real, _ = two_clouds(50, 50)
    assert precision_recall(np.repeat(real[:1], 40, axis=0), real, 3) == (1.0, 0.0)


def test_a_point_exactly_on_the_edge_of_a_ball_lies_outside() -> None:
    real = np.array([[0.0], [1.0], [2.0]])
    x = np.array([[3.0], [3.0], [10.0]])  # 3 is at distance 1 from 2, whose nearest neighbour is at distance 1 too
    assert precision_recall(x, real, 1) == (0.0, 0.0)
    assert precision_recall(x - 0.01, real, 1)[0] == pytest.approx(2 / 3)


def test_identical_sets_have_precision_and_recall_one() -> None:
    x, _ = two_clouds(50, 50)
    assert precision_recall(x, x, 3) == (1.0, 1.0)


def test_precision_and_recall_swap_with_the_sets() -> None:
    x, real = two_clouds(70, 90)
    assert precision_recall(x, real, 3) == precision_recall(real, x, 3)[::-1]


def test_fewer_points_than_neighbours_are_refused_with_the_numbers() -> None:
    with pytest.raises(RecurateError, match="neighbours: 5 needs more points than 5 samples, 9 real"):
        precision_recall(np.zeros((5, 2)), np.zeros((9, 2)), 5)


def test_more_neighbours_than_samples_are_refused_before_anything_runs() -> None:
    metric = PrecisionRecall(kind="precision_recall", neighbours=10, samples=10)
    with pytest.raises(ValueError, match="10 must be smaller than samples: 10"):
        metric.check(Description(shape=(2,), classes=0))


def test_precision_and_recall_in_the_judge_s_space_need_a_judge_and_use_its_features() -> None:
    x, real = two_clouds(60, 60)
    flat = LinearFeatures(np.array([[1.0, 0.0], [0.0, 0.0]]))
    metric = PrecisionRecall(kind="precision_recall", features="judge")
    assert metric.needs_judge
    assert not PrecisionRecall(kind="precision_recall").needs_judge
    found = metric(evidence(x, real, flat))
    expected = precision_recall(flat.features(x).astype(float), flat.features(real).astype(float), 3)
    assert (found["precision"], found["recall"]) == expected


# Frechet distance


def test_frechet_distance_equals_its_formula_with_scipy_s_matrix_root() -> None:
    rng = np.random.default_rng(0)
    x, real = rng.normal(size=(300, 4)), rng.normal(0.5, 2.0, size=(200, 4)) @ rng.normal(size=(4, 4))
    judge = LinearFeatures(np.eye(4))
    found = FrechetJudge(kind="frechet_judge")(evidence(x, real, judge))["frechet_judge"]
    one, two = (judge.features(part).astype(np.float64) for part in (x, real))
    covariance = np.cov(one.T), np.cov(two.T)
    root = np.real(sqrtm(covariance[0] @ covariance[1]))
    expected = np.sum((one.mean(0) - two.mean(0)) ** 2) + np.trace(sum(covariance) - 2 * root)
    assert found == pytest.approx(expected, rel=1e-8)


def test_frechet_distance_of_independent_features_adds_their_means_and_deviations() -> None:
    grid = np.array([[-1.0, -1], [-1, 1], [1, -1], [1, 1]])
    x, real = grid * [1, 2] + [3, 0], grid * [4, 1]
    found = FrechetJudge(kind="frechet_judge")(evidence(x, real, LinearFeatures(np.eye(2))))["frechet_judge"]
    deviation = (4 / 3) ** 0.5
    assert found == pytest.approx(3**2 + deviation**2 * ((1 - 4) ** 2 + (2 - 1) ** 2), rel=1e-6)


def test_frechet_distance_sees_features_and_not_pixels() -> None:
    images = np.random.default_rng(0).integers(0, 256, (50, 2, 2, 1), dtype=np.uint8)
    judge = LinearFeatures(np.array([[1.0, 0], [1, 0], [0, 1], [0, 1]]))
    metric = FrechetJudge(kind="frechet_judge")
    assert metric.needs_judge
    swapped = images[:, :, ::-1]  # the features add the two pixels of a row
    assert metric(evidence(images, swapped, judge))["frechet_judge"] == pytest.approx(0, abs=1e-3)


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
    for name, value in whole.items():
        assert once[name] == pytest.approx(value, abs=0.5)
