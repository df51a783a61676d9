"""The forecast against enumeration over several generations, closed forms and a simulated curation."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import rel_entr
from theory_setup import forecast

from recurate.foundation.errors import RecurateError
from recurate.theory.forecast import effective_sample_size, statistics


def curated(weights: np.ndarray, rewards: np.ndarray, choices: int) -> np.ndarray:
    """Law of the kept state: all n^K draws in one array, each handing its probability to the states shown."""
    joint = reduce(np.multiply.outer, [weights] * choices)
    kept = np.zeros_like(weights)
    shown = np.meshgrid(*[rewards] * choices, indexing="ij")
    total = sum(np.exp(reward) for reward in shown)
    for place in range(choices):
        others = tuple(axis for axis in range(choices) if axis != place)
        kept += (joint * np.exp(shown[place]) / total).sum(axis=others)
    return kept


@pytest.mark.parametrize("choices", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("real_fraction", [0.0, 0.3, 2 / 3, 1.0])
def test_forecast_matches_enumeration_over_five_generations(choices: int, real_fraction: float) -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        rewards = rng.normal(0, 3, rng.integers(3, 7))
        exact = np.full(len(rewards), 1 / len(rewards))
        for weights in forecast(rewards, choices, real_fraction, 5):
            assert_allclose(weights, exact, rtol=0, atol=1e-11)
            exact = real_fraction / len(rewards) + (1 - real_fraction) * curated(exact, rewards, choices)


@pytest.mark.parametrize("real_fraction", [0.2, 0.5])
def test_forecast_of_accumulating_data_is_the_mean_of_all_generations_so_far(real_fraction: float) -> None:
    rewards = np.random.default_rng(5).normal(0, 2, 6)
    parts, shares = [np.full(6, 1 / 6)], [real_fraction]
    for weights in forecast(rewards, 3, real_fraction, 5, "accumulate"):
        exact = np.average(parts, axis=0, weights=shares)
        assert_allclose(weights, exact, rtol=0, atol=1e-11)
        parts.append(curated(exact, rewards, 3))
        shares.append(1 - real_fraction)


@pytest.mark.parametrize("real_fraction", [0.2, 0.5, 1.0])
def test_forecast_of_contamination_adds_real_and_curated_data_in_every_round(real_fraction: float) -> None:
    rewards = np.random.default_rng(5).normal(0, 2, 6)
    real = np.full(6, 1 / 6)
    pool = real.copy()
    for generation, weights in enumerate(forecast(rewards, 3, real_fraction, 5, "contamination")):
        exact = pool / (generation + 1)
        assert_allclose(weights, exact, rtol=0, atol=1e-11)
        pool += real_fraction * real + (1 - real_fraction) * curated(exact, rewards, 3)


def test_forecast_does_not_tell_fresh_real_data_from_fixed_ones() -> None:
    rewards = np.random.default_rng(6).normal(0, 2, 6)
    for fresh, fixed in zip(forecast(rewards, 4, 0.3, 5, "fresh"), forecast(rewards, 4, 0.3, 5), strict=True):
        assert np.array_equal(fresh, fixed)


def test_forecast_with_infinitely_many_choices_is_the_tilt_by_t_times_the_reward() -> None:
    rewards = np.random.default_rng(1).normal(size=50)
    for generation, weights in enumerate(forecast(rewards, math.inf, 0.0, 6)):
        tilt = np.exp(generation * rewards)
        assert_allclose(weights, tilt / tilt.sum(), rtol=1e-11)


def test_forecast_of_rewards_at_plus_and_minus_500_ends_on_the_best() -> None:
    rewards = np.array([-500.0, -500.0, 0.0, 500.0])
    # With gaps this wide the mass above any level follows 1 - F^K from generation to generation.
    for generation, weights in enumerate(forecast(rewards, 3, 0.0, 3)):
        below = np.array([0.5, 0.75, 1.0]) ** (3**generation)
        low, middle, high = np.diff(below, prepend=0)
        assert_allclose(weights, [low / 2, low / 2, middle, high], rtol=0, atol=1e-12)


def test_forecast_of_two_rewards_averages_their_keep_ratios() -> None:
    rng = np.random.default_rng(2)
    first, second = rng.normal(size=(2, 5))
    exact = np.full(5, 0.2)
    for weights in forecast([(0.3, first), (0.7, second)], 3, 0.25, 4):
        assert_allclose(weights, exact, rtol=0, atol=1e-11)
        events = 0.3 * curated(exact, first, 3) + 0.7 * curated(exact, second, 3)
        exact = 0.25 / 5 + 0.75 * events


def test_forecast_of_two_rewards_agrees_with_simulated_curation_events() -> None:
    rng = np.random.default_rng(3)
    rewards = rng.normal(0, 1.5, (2, 6))
    _, start, predicted = forecast([(0.4, rewards[0]), (0.6, rewards[1])], 4, 0.0, 2)
    events = 200_000
    shown = rng.choice(6, size=(events, 4), p=start)
    used = rng.random(events) < 0.6
    scores = rewards[used.astype(int)[:, None], shown]
    kept = shown[np.arange(events), np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)]
    frequency = np.bincount(kept, minlength=6) / events
    error = np.sqrt(predicted * (1 - predicted) / events)
    assert (np.abs(frequency - predicted) < 5 * error).all()


def test_forecast_of_a_large_sample_approaches_the_population() -> None:
    # e^r uniform on (0, 1) and K = 2: E[e^r H] = E[(x^2 + y^2)/(x + y)] = 1 - 2 E[xy/(x + y)].
    population = 1 - 4 / 3 * (1 - math.log(2))
    values = (np.arange(20_000) + 0.5) / 20_000
    _, weights = forecast(np.log(values), 2, 0.0, 1)
    assert weights @ values == pytest.approx(population, abs=1e-7)


def test_statistics_match_independent_formulas() -> None:
    rng = np.random.default_rng(4)
    rewards = np.minimum(rng.normal(1, 1, 200), 1.5)
    classes = rng.integers(0, 3, 200)
    *_, weights = forecast(rewards, 4, 0.5, 3)
    found = statistics(weights, rewards, 1.5, classes, 4)
    even = np.full(200, 1 / 200)
    exponential = np.exp(rewards) / math.exp(1.5)
    expected = {
        "reward_mean": np.average(rewards, weights=weights),
        "exp_reward_mean": np.average(exponential, weights=weights),
        "exp_reward_variance": float(np.cov(exponential, aweights=weights, ddof=0)),
        "top_share": weights[rewards == 1.5].sum(),
        **{f"share_{index}": weights[classes == index].sum() for index in range(4)},
        "kl_to_origin": rel_entr(weights, even).sum(),
        "kl_from_origin": rel_entr(even, weights).sum(),
        "sup_ratio": (weights / even).max(),
    }
    assert found == pytest.approx(expected, abs=1e-13)
    assert list(found) == list(expected)
    assert found["share_3"] == 0


def test_top_share_forgives_single_precision_rounding_of_the_supremum() -> None:
    rewards = np.array([5.0000005, 4.9999995, 4.99], dtype=np.float32)
    assert statistics(np.full(3, 1 / 3), rewards, 5.0)["top_share"] == pytest.approx(2 / 3)


def test_effective_sample_size_counts_equal_weights() -> None:
    assert effective_sample_size(np.array([0.25, 0.25, 0.25, 0.25, 0.0])) == pytest.approx(4)


def test_lost_samples_make_the_divergence_from_the_origin_infinite_but_not_the_one_to_it() -> None:
    found = statistics(np.array([0.5, 0.5, 0.0, 0.0]), np.zeros(4), 0.0)
    assert found["kl_from_origin"] == math.inf
    assert found["kl_to_origin"] == pytest.approx(math.log(2))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (([0.0, 1.0], 0, 0.0, 1), "choices is 0"),
        (([0.0, math.inf], 2, 0.0, 1), "1 of 2 rewards are not finite"),
        (([0.0, 1.0], 2, 0.0, -1), "generations is -1"),
    ],
)
def test_bad_arguments_are_refused_before_the_first_step(arguments: tuple, sentence: str) -> None:
    with pytest.raises(RecurateError, match=sentence):
        forecast(*arguments)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (([0.0, 0.0], 1.0, [0, 3], 3), "from 0 to 3, not from 0 to 2"),
        (([0.0, 0.0], 1.0, [0, 1], None), "a class_count"),
        (([0.0, 0.0], 1.0, [0], 2), "as many classes"),
        (([0.0, 2.0], 1.0), "largest reward is 2, but its supremum"),
        (([0.0, 2.0], math.inf), "supremum is said to be inf"),
        (([0.0], 1.0), "1 rewards, but weights"),
    ],
)
def test_bad_statistics_arguments_are_refused(arguments: tuple, sentence: str) -> None:
    with pytest.raises(RecurateError, match=sentence):
        statistics(np.array([0.5, 0.5]), *arguments)
