"""Fréchet and kernel distance against independent libraries, closed forms and their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from other_ways import import_cleanfid
from scipy.linalg import sqrtm

from recurate.foundation.errors import RecurateError
from recurate.foundation.torchvision_compat import import_torchvision
from recurate.measuring.metrics import DATA, Evidence, Space
from recurate.measuring.metrics.frechet import Frechet
from recurate.measuring.metrics.kernel_distance import KernelDistance, polynomial_mmd_squared
from recurate.measuring.metrics.parts import frechet_distance as gaussians
from recurate.measuring.metrics.parts.frechet_distance import factor, frechet_distance, moments


def clouds(n: int, m: int, dimensions: int) -> tuple[np.ndarray, np.ndarray]:
    """Features with decaying variances and a common direction, as networks have them."""
    rng = np.random.default_rng(n + m + dimensions)
    scale = np.arange(1, dimensions + 1) ** -0.5
    mixing = rng.normal(size=(dimensions, dimensions)) * scale
    x, y = rng.normal(size=(n, dimensions)) @ mixing, rng.normal(0.1, 1.2, size=(m, dimensions)) @ mixing
    return x.astype(np.float32), y.astype(np.float32)


def distance(x: np.ndarray, y: np.ndarray) -> float:
    mean, covariance = moments(y)
    return frechet_distance(*moments(x), mean, factor(covariance))


def torch_fidelity_frechet(x: np.ndarray, y: np.ndarray) -> float:
    import_torchvision()
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    statistics = [fid_features_to_statistics(torch.from_numpy(z.astype(np.float64))) for z in (x, y)]
    return fid_statistics_to_metric(*statistics, False)["frechet_inception_distance"]


def torch_fidelity_kernel(x: np.ndarray, y: np.ndarray) -> float:
    import_torchvision()
    from torch_fidelity.metric_kid import kernel_mmd

    return float(kernel_mmd(x.astype(np.float64), y.astype(np.float64)))


def space(x: np.ndarray, real: np.ndarray, name: str = "judge", cached: bool = False) -> Space:
    mean, covariance = moments(real)
    statistics = {"mean": mean, "factor": factor(covariance)} if cached else {}
    return Space(name, x, real, real, reference_is_training=False, statistics=statistics)


def evidence(space: Space, seed: int = 0) -> Evidence:
    return Evidence(space.x, space.reference, np.random.default_rng(seed), {space.name: space})


# Fréchet distance


@pytest.mark.parametrize(("n", "m", "d"), [(300, 200, 4), (500, 700, 40)])
def test_frechet_distance_equals_clean_fid_torch_fidelity_and_scipy(n: int, m: int, d: int) -> None:
    x, y = clouds(n, m, d)
    found = distance(x, y)
    assert found == pytest.approx(import_cleanfid().fid_from_feats(x, y), rel=1e-5)
    assert found == pytest.approx(torch_fidelity_frechet(x, y), rel=1e-8)
    one, two = np.cov(x.T, dtype=np.float64), np.cov(y.T, dtype=np.float64)
    gap = x.mean(0, dtype=np.float64) - y.mean(0, dtype=np.float64)
    expected = gap @ gap + np.trace(one + two - 2 * np.real(sqrtm(one @ two)))
    assert found == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(("n", "m"), [(30, 500), (500, 30), (20, 25)])
def test_frechet_distance_with_fewer_samples_than_features_equals_torch_fidelity(n: int, m: int) -> None:
    x, y = clouds(n, m, 50)
    assert distance(x, y) == pytest.approx(torch_fidelity_frechet(x, y), rel=1e-5)


def test_frechet_distance_of_independent_features_adds_their_means_and_deviations() -> None:
    grid = np.array([[-1.0, -1], [-1, 1], [1, -1], [1, 1]])
    deviation = (4 / 3) ** 0.5
    expected = 3**2 + deviation**2 * ((1 - 4) ** 2 + (2 - 1) ** 2)
    assert distance(grid * [1, 2] + [3, 0], grid * [4, 1]) == pytest.approx(expected)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1_000), st.floats(0.1, 10))
def test_frechet_distance_is_symmetric_zero_to_itself_and_scales(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(40, 6)), rng.normal(1, 2, size=(30, 6))
    found = distance(x, y)
    assert found == pytest.approx(distance(y, x), rel=1e-9)
    assert distance(scale * x, scale * y) == pytest.approx(scale**2 * found, rel=1e-9)
    assert 0 <= distance(x, x) < 1e-10


def test_a_generator_collapsed_to_one_point_is_at_the_distance_of_a_point() -> None:
    _, y = clouds(10, 100, 5)
    x = np.repeat(y[:1], 20, axis=0)
    expected = np.sum((y[0] - y.mean(0)) ** 2) + np.var(y.astype(float), axis=0, ddof=1).sum()
    assert distance(x, y) == pytest.approx(expected, rel=1e-5) == distance(y, x)


def test_moments_are_numpy_s_in_any_number_of_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gaussians, "CHUNK", 7)
    x, _ = clouds(50, 2, 6)
    mean, covariance = moments(x + 1_000)
    np.testing.assert_allclose(mean, np.mean(x + 1_000, axis=0, dtype=np.float64), rtol=1e-12)
    np.testing.assert_allclose(covariance, np.cov((x + 1_000).astype(np.float64).T), rtol=1e-9)
    with pytest.raises(RecurateError, match="a covariance needs two samples, there are 1"):
        moments(x[:1])


@pytest.mark.parametrize("n", [2, 10, 500])
def test_a_factor_gives_its_covariance_back_and_has_no_empty_directions(n: int) -> None:
    _, covariance = moments(clouds(n, 2, 20)[0])
    root = factor(covariance)
    np.testing.assert_allclose(root @ root.T, covariance, atol=1e-12 * np.trace(covariance))
    assert root.shape == (20, min(n - 1, 20))


def test_the_distance_is_called_fid_on_inception_s_features_only() -> None:
    x, real = clouds(30, 40, 5)
    for name, row in {"inception": "fid", "judge": "frechet_judge", DATA: "frechet_data"}.items():
        found = Frechet(kind="frechet", features=name)(evidence(space(x, real, name)))
        assert found == {row: distance(x, real)}


def test_cached_statistics_of_the_reference_change_nothing() -> None:
    x, real = clouds(30, 40, 5)
    metric = Frechet(kind="frechet", features="judge")
    found = metric(evidence(space(x, real, cached=True)))["frechet_judge"]
    assert found == metric(evidence(space(x, real)))["frechet_judge"]
    elsewhere = space(x, real, cached=True)
    elsewhere.statistics["mean"][:] = x.mean(axis=0, dtype=np.float64)  # they are what counts, not the features
    gap = np.sum((x.mean(axis=0, dtype=np.float64) - real.mean(axis=0, dtype=np.float64)) ** 2)
    assert metric(evidence(elsewhere))["frechet_judge"] == pytest.approx(found - gap)


@pytest.mark.parametrize(("n", "m", "fewest"), [(9, 40, 9), (40, 9, 9), (10, 10, None)])
def test_fewer_samples_than_features_are_said_in_a_row_and_in_the_log(
    n: int, m: int, fewest: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Frechet(kind="frechet", features="inception")(evidence(space(*clouds(n, m, 10), "inception")))
    assert found.get("warning_few_samples_fid") == fewest
    assert ("fid rests on 9 samples of 10 features" in capsys.readouterr().out) == (fewest is not None)


# Kernel distance


@pytest.mark.parametrize(("n", "m", "d"), [(50, 50, 8), (200, 200, 64)])
def test_the_kernel_distance_equals_torch_fidelity_and_clean_fid_on_the_same_subsets(n: int, m: int, d: int) -> None:
    x, y = (z.astype(np.float64) for z in clouds(n, m, d))
    found = polynomial_mmd_squared(x, y)
    assert found == pytest.approx(torch_fidelity_kernel(x, y), rel=1e-9)
    assert found == pytest.approx(import_cleanfid().kernel_distance(x, y, num_subsets=1, max_subset_size=n), rel=1e-9)


def test_the_kernel_distance_of_unequal_sets_equals_a_double_loop() -> None:
    x, y = (z.astype(np.float64) for z in clouds(12, 9, 3))

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / 3 + 1) ** 3)

    within = [np.mean([kernel(a, b) for i, a in enumerate(z) for j, b in enumerate(z) if i != j]) for z in (x, y)]
    between = np.mean([kernel(a, b) for a in x for b in y])
    assert polynomial_mmd_squared(x, y) == pytest.approx(sum(within) - 2 * between, rel=1e-10)


def test_the_metric_is_the_mean_of_torch_fidelity_s_over_its_subsets() -> None:
    x, real = clouds(100, 80, 6)
    metric = KernelDistance(kind="kernel_distance", features="judge", subsets=4, subset_size=30)
    rng = np.random.default_rng(5)
    expected = []
    for _ in range(4):
        parts = [z[rng.choice(len(z), 30, replace=False)] for z in (x, real)]
        expected.append(torch_fidelity_kernel(*parts))
    assert metric(evidence(space(x, real), seed=5)) == {"kernel_distance_judge": pytest.approx(np.mean(expected))}


def test_a_subset_is_as_large_as_the_smaller_side_at_most() -> None:
    x, real = clouds(100, 20, 6)
    metric = KernelDistance(kind="kernel_distance", features="inception", subsets=3)
    rng = np.random.default_rng(0)
    expected = [torch_fidelity_kernel(x[rng.choice(100, 20, replace=False)], real) for _ in range(3)]
    assert metric(evidence(space(x, real, "inception"))) == {"kid": pytest.approx(np.mean(expected))}


def test_the_kernel_distance_has_zero_mean_for_equal_distributions() -> None:
    rng = np.random.default_rng(0)
    found = [polynomial_mmd_squared(rng.normal(size=(20, 3)), rng.normal(size=(25, 3))) for _ in range(400)]
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(len(found))
    assert min(found) < 0


def test_the_kernel_distance_needs_two_points_of_either_kind() -> None:
    with pytest.raises(RecurateError, match="two points of either kind are needed, there are 1 and 5"):
        polynomial_mmd_squared(np.zeros((1, 2)), np.zeros((5, 2)))
