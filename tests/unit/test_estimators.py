"""Estimators and what they are made of, beside independent libraries and at the edges of what numbers can hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from loops import estimator, loop, run
from scipy import stats

from recurate.closed_form import covariance_roots as roots
from recurate.closed_form.estimators.gaussian import Fitted
from recurate.closed_form.laws.registry import laws_of
from recurate.closed_form.samples import Counts, Samples, sampled_cells, sampled_counts
from recurate.closed_form.simulate import simulate
from recurate.closed_form.streams import Replicates


def randoms(seeds: int = 4) -> Replicates:
    return Replicates(range(seeds))


# Roots and moments


@pytest.mark.parametrize("degrees", [2, 5, 50])
def test_wishart_roots_have_the_moments_of_scipys_wishart(degrees: int) -> None:
    sigma = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, 0.3], [0.0, 0.3, 0.5]])
    root = np.stack([np.linalg.cholesky(sigma)] * 4000)
    scatter = roots.times(root, roots.wishart_root(degrees, root, randoms(4000)))
    found = scatter @ np.swapaxes(scatter, 1, 2)
    error = np.sqrt(degrees * (sigma**2 + np.outer(np.diag(sigma), np.diag(sigma))) / 4000)
    assert (np.abs(found.mean(axis=0) - degrees * sigma) < 4.5 * error).all()
    if degrees >= 3:
        variance = stats.wishart(degrees, sigma).var()
        np.testing.assert_allclose(found.var(axis=0), variance, rtol=0.25)


@pytest.mark.parametrize("diagonal", [True, False])
def test_pooled_moments_equal_the_moments_of_all_samples(diagonal: bool) -> None:
    x = np.random.default_rng(0).normal(3, 2, (4, 30, 3))
    parts = [Samples(x[:, rows]).moments(diagonal) for rows in (slice(0, 2), slice(2, 13), slice(13, 30))]
    pooled = parts[0] + parts[1] + parts[2]
    whole = x - x.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(pooled.mean, x.mean(axis=1))
    scatter = np.swapaxes(whole, 1, 2) @ whole
    if diagonal:
        np.testing.assert_allclose(np.square(pooled.scatter_root), np.diagonal(scatter, axis1=1, axis2=2))
    else:
        np.testing.assert_allclose(pooled.scatter_root @ np.swapaxes(pooled.scatter_root, 1, 2), scatter)
    assert pooled.size == 30


@pytest.mark.parametrize("scale", [1e-150, 1e-300, 1e150])
def test_roots_add_at_any_scale(scale: float) -> None:
    full = np.full((1, 2, 2), scale)
    np.testing.assert_allclose(roots.added(np.full((1, 3), 3 * scale), np.full((1, 3), 4 * scale)), 5 * scale)
    log = roots.log_mean_variance(roots.added(full, full))
    np.testing.assert_allclose(log, np.log(4) + 2 * np.log(scale))


def test_the_wasserstein_distance_equals_that_of_pot() -> None:
    import ot

    generator = np.random.default_rng(1)
    mean, root = generator.normal(size=(1, 4)), generator.normal(size=(1, 4, 4))
    fitted = estimator(kind="gaussian", dimensions=4, mean=0.5, std=2.0)
    found = fitted.measures["w2_squared"](Fitted(mean, root))[0]
    expected = ot.gaussian.bures_wasserstein_distance(mean[0], np.full(4, 0.5), root[0] @ root[0].T, 4 * np.eye(4))
    assert found == pytest.approx(float(expected) ** 2, rel=1e-6)


# Edges


@pytest.mark.parametrize("ddof", [0, 1])
def test_variances_fall_far_below_what_a_float_can_square(ddof: int) -> None:
    fitted, of = estimator(kind="gaussian", ddof=ddof), loop({"regime": "replace", "initial": 2}, 700)
    found = run(fitted, of, 50)
    law = next(law for law in laws_of(fitted, of) if law.measure == "log_variance")
    assert law.values[-1] < np.log(1e-300)
    error = found["log_variance"].std(axis=0, ddof=1) / np.sqrt(50)
    assert (np.abs(found["log_variance"].mean(axis=0) - law.values) < 4 * error + 1e-9).all()
    assert all(np.isfinite(values).all() for values in found.values())


def test_a_variance_below_the_smallest_float_counts_as_that_one() -> None:
    found = run(estimator(kind="gaussian", ddof=0), loop({"regime": "replace", "initial": 2}, 3000), 5)
    assert (found["variance"][:, -1] == 0).all()
    assert np.isfinite(found["log_variance"]).all()
    assert (found["log_variance"][:, -1] == 2 * np.log(roots.SMALLEST)).all()


@pytest.mark.parametrize("regime", ["replace", "accumulate", "accumulate_subsample"])
def test_more_dimensions_than_samples_are_a_covariance_without_full_rank(regime: str) -> None:
    fitted = estimator(kind="gaussian", dimensions=10)
    found = run(fitted, loop({"regime": regime, "initial": 3}, 20), 20)
    assert all(np.isfinite(values).all() for values in found.values())
    first = next(simulate(fitted, loop({"regime": regime, "initial": 3}, 1), randoms(1)))[0]
    assert np.linalg.matrix_rank(first.root[0]) == 2


def test_an_absorbed_urn_stays_absorbed() -> None:
    found = run(estimator(kind="discrete", probabilities=(0.5, 0.5)), loop({"regime": "replace", "initial": 2}, 60), 50)
    assert (found["absorbed"][:, -1] == 1).all()
    assert (np.diff(found["absorbed"], axis=1) >= 0).all()
    assert found["heterozygosity"][:, -1].max() == 0


def test_a_mixture_outlives_the_collapse_of_its_components() -> None:
    fitted = estimator(kind="gaussian_mixture", components=2, dimensions=1)
    found = run(fitted, loop({"regime": "replace", "initial": 5}, 60), 2)
    assert all(np.isfinite(values).all() for values in found.values())
    assert found["mean_std"][:, -1].max() < 0.5


# Pools


def test_a_pool_that_grew_twice_from_the_same_data_holds_two_truths() -> None:
    base = Samples(np.zeros((1, 2, 1)))
    one, other = base + Samples(np.ones((1, 2, 1))), base + Samples(np.full((1, 2, 1), 2.0))
    more = one + Samples(np.full((1, 2, 1), 3.0))
    np.testing.assert_array_equal(base.x[0, :, 0], [0, 0])
    np.testing.assert_array_equal(one.x[0, :, 0], [0, 0, 1, 1])
    np.testing.assert_array_equal(other.x[0, :, 0], [0, 0, 2, 2])
    np.testing.assert_array_equal(more.x[0, :, 0], [0, 0, 1, 1, 3, 3])


def test_a_growing_pool_copies_a_constant_share_of_itself() -> None:
    pool, moved = Samples(np.zeros((1, 1, 1))), 0
    for _ in range(1000):
        before = pool._buffer
        pool = pool + Samples(np.zeros((1, 1, 1)))
        moved += pool.size if pool._buffer is not before else 0
    assert moved < 4 * pool.size


def test_subsets_are_uniform_and_without_repeats() -> None:
    samples = Samples(np.tile(np.arange(6.0)[:, None], (2000, 1, 1)))
    picked = samples.subset(3, randoms(2000)).x[..., 0]
    assert all(len(set(row)) == 3 for row in picked)
    shares = np.bincount(picked.astype(int).ravel(), minlength=6) / picked.size
    np.testing.assert_allclose(shares, 1 / 6, atol=0.02)
    counts = Counts(np.tile([3, 0, 7], (2000, 1))).subset(4, randoms(2000)).counts
    assert (counts.sum(axis=1) == 4).all() and counts[:, 1].max() == 0 and counts[:, 0].max() == 3
    np.testing.assert_allclose(counts.mean(axis=0), [1.2, 0, 2.8], atol=0.1)


@pytest.mark.parametrize("n", [5, 500])
def test_counts_are_multinomial_and_never_in_cells_without_mass(n: int) -> None:
    shares = np.array([0.0, 0.2, 0.0, 0.5, 0.3, 0.0])
    counts = sampled_counts(np.tile(shares, (3000, 1)), n, randoms(3000)).counts
    assert (counts.sum(axis=1) == n).all()
    assert (counts[:, shares == 0] == 0).all()
    np.testing.assert_allclose(counts.mean(axis=0) / n, shares, atol=0.02)
    np.testing.assert_allclose(counts.var(axis=0) / n, shares * (1 - shares), atol=0.03)


def test_a_draw_at_the_upper_end_stays_within_the_last_cell_that_has_mass() -> None:
    class Edge:
        def random(self, n: int) -> np.ndarray:
            return np.full(n, np.nextafter(1.0, 0.0))

    edge: Any = randoms(1)
    edge.generators = [Edge()]
    assert sampled_cells(np.array([[0.1, 0.2, 0.0]]), 3, edge).max() == 1


# Densities


def test_the_held_out_likelihood_equals_that_of_scikit_learn() -> None:
    from sklearn.neighbors import KernelDensity

    fitted = estimator(kind="kde", data={"kind": "two_moons", "train": 5, "test": 40}, bandwidth=0.3)
    models = [model for model, _ in simulate(fitted, loop({"regime": "accumulate", "initial": 20}, 3), randoms(2))]
    for model in models:
        for row, loss in enumerate(fitted.measures["test_negative_log_likelihood"](model)):
            library = KernelDensity(bandwidth=0.3).fit(model.samples.x[row])
            assert loss == pytest.approx(-library.score_samples(model.tests[row]).mean())


def test_held_out_points_far_from_all_samples_have_a_finite_likelihood() -> None:
    fitted = estimator(kind="kde", data={"kind": "blobs", "train": 5, "test": 40}, bandwidth=1e-3)
    found = run(fitted, loop({"regime": "replace", "initial": 3}, 2), 2)["test_negative_log_likelihood"]
    assert np.isfinite(found).all() and found.min() > 1e4


def test_the_distance_between_mixtures_equals_its_quadrature() -> None:
    fitted = estimator(kind="gaussian_mixture", components=2, dimensions=1, std=1.5)
    model = next(simulate(fitted, loop({"regime": "replace", "initial": 30}, 1), randoms(1)))[0]
    x = np.linspace(-12, 12, 40_001)
    found = sum(
        w * stats.norm(m[0], np.sqrt(c[0, 0])).pdf(x)
        for w, m, c in zip(model.weights[0], model.means[0], model.covariances[0], strict=True)
    )
    expected = np.trapezoid(np.square(found - stats.norm(0, 1.5).pdf(x)), x)
    assert fitted.measures["l2_squared"](model)[0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("bandwidth", [1e-3, 0.05, 0.4])
def test_the_lattices_kernel_has_the_bandwidth_as_its_spread_and_equals_what_is_drawn(bandwidth: float) -> None:
    fitted: Any = estimator(kind="lattice_kde", points=101, bandwidth=bandwidth, decay=0.0)
    shares = np.zeros((1, fitted.cells))
    shares[0, fitted.cells // 2] = 1.0
    model = fitted.fit(Counts(shares.astype(np.int64)), randoms(1))
    smooth = model.shares[0]
    place = fitted.cell * (np.arange(fitted.cells) - fitted.cells // 2)
    assert smooth.sum() == pytest.approx(1)
    assert smooth @ place**2 == pytest.approx(bandwidth**2)
    steps = stats.skellam.pmf(np.arange(-3, 4), *[(bandwidth / fitted.cell) ** 2 / 2] * 2)
    np.testing.assert_allclose(smooth[fitted.cells // 2 - 3 : fitted.cells // 2 + 4], steps, atol=1e-12)


def test_mass_that_leaves_the_lattice_stays_at_its_ends() -> None:
    fitted: Any = estimator(kind="lattice_kde", points=20, reach=1.0, bandwidth=3.0, decay=0.0)
    batch = fitted.real(fitted.truth(50, randoms(400)), 50, randoms(400))
    model = fitted.fit(batch, randoms(400))
    generator, steps = np.random.default_rng(0), (fitted.bandwidth / fitted.cell) ** 2 / 2
    cells = np.repeat(np.tile(np.arange(fitted.cells), 400), batch.counts.ravel())
    moved = np.clip(
        cells + generator.poisson(steps, len(cells)) - generator.poisson(steps, len(cells)), 0, fitted.cells - 1
    )
    by_steps = np.bincount(moved, minlength=fitted.cells) / len(cells)
    assert model.shares.mean(axis=0)[0] > 5 * model.shares.mean(axis=0)[5]
    np.testing.assert_allclose(model.shares.mean(axis=0), by_steps, atol=0.01)


def test_the_discrepancy_equals_its_double_sum() -> None:
    fitted: Any = estimator(kind="ecdf", points=40)
    model = fitted.fit(fitted.real(fitted.truth(30, randoms(2)), 30, randoms(2)), randoms(2))
    x = np.append(fitted.grid - fitted.spacing / 2, fitted.grid[-1] + fitted.spacing / 2)
    kernel = np.exp(-np.square(x[:, None] - x) / (2 * 0.5**2))
    difference = model.shares - fitted.cell_shares()
    expected = np.einsum("ri,ij,rj->r", difference, kernel, difference)
    np.testing.assert_allclose(fitted.measures["mmd_squared"](fitted.seen(model)), expected, rtol=1e-6)
