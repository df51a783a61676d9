"""The exact law of means and variances: published closed forms, and enumeration of all outcomes of a small urn."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import pytest
from loops import REGIMES, loop
from scipy.stats import binom, hypergeom

from recurate.closed_form.laws.second_moments import second_moments
from recurate.closed_form.loop import SimulatedLoop
from recurate.foundation.errors import RecurateError
from recurate.mixing.simulated import Collection

FITS = np.arange(1, 52)


def test_the_unbiased_variance_of_replaced_data_is_a_martingale_and_its_mean_a_random_walk() -> None:
    found = second_moments(loop({"regime": "replace", "initial": 20}, 50), ddof=1, variance=4.0)
    np.testing.assert_allclose(found.variance, 4.0)
    np.testing.assert_allclose(found.squared_error, 4.0 * FITS / 20)


def test_the_biased_variance_of_replaced_data_falls_by_one_over_the_sample_size() -> None:
    found = second_moments(loop({"regime": "replace", "initial": 20}, 50))
    np.testing.assert_allclose(found.variance, (1 - 1 / 20) ** FITS)


@pytest.mark.parametrize("n", [2, 10, 1000])
def test_accumulating_gaussians_follow_the_product_of_kazdan_et_al_and_tend_to_their_sinc_law(n: int) -> None:
    found = second_moments(loop({"regime": "accumulate", "initial": n}, 20_000))
    fits = np.arange(1, 20_002)
    np.testing.assert_allclose(found.variance, np.cumprod(1 - 1 / (n * fits**2)))
    limit = math.sin(math.pi / math.sqrt(n)) / (math.pi / math.sqrt(n))
    assert found.variance[-1] == pytest.approx(limit, rel=1e-4)
    np.testing.assert_allclose(found.squared_error, 1 - found.variance, atol=1e-12)


@pytest.mark.parametrize("bias", [1.0, 0.9, 0.5])
def test_biased_sampling_shrinks_the_expected_variance_of_alemohammad_et_al_by_lambda_s(bias: float) -> None:
    of = loop({"regime": "replace", "initial": 20}, 50, sampling_bias=bias)
    np.testing.assert_allclose(second_moments(of, ddof=1).variance, bias ** (FITS - 1))


@pytest.mark.parametrize("alpha", [0.1, 0.5, 1.0])
def test_contamination_follows_the_recursion_of_the_empirical_distribution(alpha: float) -> None:
    of = loop({"regime": "contamination", "real": 50, "real_fraction": alpha}, 200)
    m1, m2 = of.sizes.real, of.sizes.synthetic
    f = 0.21
    v, expected = f / m1, []
    for n in range(1, 202):
        expected.append(v)
        before, after = n * m1 + (n - 1) * m2, (n + 1) * m1 + n * m2
        v = ((before + m2) ** 2 * v + m2 * (f - v) + m1 * f) / after**2
    np.testing.assert_allclose(second_moments(of, variance=f).squared_error, expected)


def test_at_one_half_the_error_of_contamination_is_the_root_of_log_n_over_n() -> None:
    found = second_moments(loop({"regime": "contamination", "real": 50, "real_fraction": 0.5}, 20_000)).squared_error
    n = np.array([200, 2_000, 20_000])
    first, second = np.diff(found[n] * n)  # as much for each factor of ten: a logarithm
    assert first > 0 and second == pytest.approx(first, rel=0.02)


def test_labels_that_accumulate_bound_the_error_of_regression_by_pi_squared_over_six() -> None:
    parts = loop({"regime": "accumulate", "initial": 1}, 5_000)
    found = second_moments(parts, noise=1.0).squared_error
    np.testing.assert_allclose(found, np.cumsum(1 / np.arange(1, 5_002) ** 2))
    assert found[-1] < math.pi**2 / 6
    replaced = second_moments(loop({"regime": "replace", "initial": 1}, 50), noise=1.0).squared_error
    np.testing.assert_allclose(replaced, FITS)


def enumerated(of: SimulatedLoop, share: float, wrong: float) -> tuple[np.ndarray, np.ndarray]:
    """E p_hat and E p_hat^2 of an urn with two states by all its outcomes; real data are `wrong` where misled."""

    def real(n: int, generation: int) -> list[tuple[int, float]]:
        mixed = share + of.wrong_share(generation) * (wrong - share)
        return [(k, float(binom.pmf(k, n, mixed))) for k in range(n + 1)]

    # (successes in the pool, its size, successes in the fixed data, of the model, its size) -> probability
    states: dict[tuple[int, int, int, int, int], float] = defaultdict(float)
    initial = of.sizes.initial
    for k, weight in real(initial, 0):
        states[k, initial, k, k, initial] += weight
    means, squares = [], []
    for generation in range(of.generations + 1):
        means.append(sum(w * k / n for (_, _, _, k, n), w in states.items()))
        squares.append(sum(w * (k / n - share) ** 2 for (_, _, _, k, n), w in states.items()))
        following: dict[tuple[int, int, int, int, int], float] = defaultdict(float)
        fresh = real(of.sizes.real, generation + 1) if of.rule.real == "fresh" else [(0, 1.0)]
        added = of.sizes.real if of.rule.real == "fresh" else 0
        for (pool, size, fixed, k, n), weight in states.items():
            for drawn in range(of.sizes.synthetic + 1):
                chance = weight * float(binom.pmf(drawn, of.sizes.synthetic, k / n))
                if chance == 0:
                    continue
                for new, probability in fresh:
                    total, count = drawn + new, of.sizes.synthetic + added
                    if of.rule.accumulates:
                        total, count = total + pool, count + size
                    if of.rule.real == "fixed":
                        total, count = total + fixed, count + initial
                    if not of.rule.subsamples:
                        following[total, count, fixed, total, count] += chance * probability
                        continue
                    for picked in range(initial + 1):
                        luck = float(hypergeom.pmf(picked, count, total, initial))
                        if luck:
                            following[total, count, fixed, picked, initial] += chance * probability * luck
        states = following
    return np.array(means), np.array(squares)


@pytest.mark.parametrize(
    "mixing",
    [
        {"regime": "replace", "initial": 3, "synthetic": 2},
        {"regime": "accumulate", "initial": 3, "synthetic": 2},
        {"regime": "accumulate_subsample", "initial": 2, "synthetic": 2},
        {"regime": "augmentation", "real": 2, "synthetic": 3},
        {"regime": "fresh", "real": 2, "synthetic": 3, "initial": 1},
        {"regime": "contamination", "real": 2, "synthetic": 1},
    ],
    ids=lambda mixing: mixing["regime"],
)
def test_every_regime_matches_the_enumeration_of_an_urn(mixing: dict[str, int]) -> None:
    misled = mixing["regime"] in ("fresh", "contamination")
    of = loop(mixing, 3, collection=Collection(share=0.5, offset=1.0, decay=0.5) if misled else None)
    share, wrong = 0.3, 0.8

    def offset(generation: int) -> tuple[np.ndarray, np.ndarray]:
        mean = of.wrong_share(generation) * (wrong - share)
        return np.asarray(mean), np.asarray((share + mean) * (1 - share - mean))

    found = second_moments(of, variance=share * (1 - share), offset=offset)
    means, squares = enumerated(of, share, wrong)
    np.testing.assert_allclose(found.error, means - share, atol=1e-12)
    np.testing.assert_allclose(found.squared_error, squares, rtol=1e-12)
    if not misled:  # a share's own variance and squared error add up to that of the real data
        np.testing.assert_allclose(found.variance, share * (1 - share) - squares, rtol=1e-12)


def test_a_law_without_curation_refuses_a_curated_loop() -> None:
    from loops import preference

    with pytest.raises(RecurateError, match="without curation"):
        second_moments(loop(REGIMES["replace"], 3, preference=preference(4, 5)))


def test_a_law_needs_degrees_of_freedom() -> None:
    with pytest.raises(RecurateError, match="needs more than 1 samples"):
        second_moments(loop({"regime": "replace", "initial": 1}, 3), ddof=1)
