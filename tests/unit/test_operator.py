"""The keep ratio against exact enumeration, binomial sums, its limits and its defining properties."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import binom
from theory_setup import keep_ratio

from recurate.curation.parts.keep_operator import KeepOperator, check_choices
from recurate.foundation.errors import RecurateError


def enumerated_ratio(weights: np.ndarray, rewards: np.ndarray, choices: int) -> np.ndarray:
    """H by summing the definition over all n^(K-1) draws of the rivals."""
    ratio = np.zeros(len(rewards))
    with np.errstate(over="ignore"):
        odds = np.exp(rewards[:, None] - rewards)  # of a rival (row) against a state (column)
    for rivals in itertools.product(range(len(rewards)), repeat=choices - 1):
        probability = math.prod(weights[list(rivals)])
        ratio += choices * probability / (1 + odds[list(rivals)].sum(axis=0))
    return ratio


def random_problem(seed: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Weights and rewards of 3 to 6 states."""
    rng = np.random.default_rng(seed)
    count = rng.integers(3, 7)
    return rng.dirichlet(np.full(count, 0.7)), rng.uniform(-spread, spread, count)


problems = st.lists(st.tuples(st.floats(1e-3, 1), st.floats(-10, 10, allow_subnormal=False)), min_size=1, max_size=12)


@pytest.mark.parametrize("choices", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("spread", [0.1, 3.0, 30.0, 500.0])
def test_ratio_matches_enumeration_of_all_draws(choices: int, spread: float) -> None:
    for seed in range(3):
        weights, rewards = random_problem(seed, spread)
        expected = enumerated_ratio(weights, rewards, choices)
        assert_allclose(keep_ratio(np.log(weights), rewards, choices), expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("choices", [2, 4, 64, 1000, 100_000])
@pytest.mark.parametrize("gap", [0.5, 20.0, 600.0])
def test_ratio_of_two_reward_levels_matches_binomial_sum(choices: int, gap: float) -> None:
    share = 0.01
    rewards = np.array([500.0, 500.0 - gap])
    rivals_on_top = np.arange(choices)
    probability = binom.pmf(rivals_on_top, choices - 1, share)
    on_top, below = rivals_on_top, choices - 1 - rivals_on_top
    damping = math.exp(-gap)
    expected = [
        np.sum(probability * choices / (1 + on_top + below * damping)),
        np.sum(probability * choices * damping / (damping * (1 + below) + on_top)),
    ]
    ratio = keep_ratio(np.log([share, 1 - share]), rewards, choices)
    assert_allclose(ratio, expected, rtol=1e-9, atol=1e-11)


def test_ratio_of_rewards_at_plus_and_minus_500_is_finite_and_exact() -> None:
    weights, rewards = np.array([0.2, 0.3, 0.5]), np.array([-500.0, 0.0, 500.0])
    # Gaps of 500 leave only ties: the kept state is the best of those shown, so its law is F^4.
    below = np.array([0.0, 0.2, 0.5])
    expected = [((low + share) ** 4 - low**4) / share for low, share in zip(below, weights, strict=True)]
    assert_allclose(keep_ratio(np.log(weights), rewards, 4), expected, rtol=0, atol=1e-12)


def test_infinitely_many_choices_give_the_exponential_tilt() -> None:
    weights, rewards = random_problem(5, 4.0)
    expected = np.exp(rewards) / (weights @ np.exp(rewards))
    assert_allclose(keep_ratio(np.log(weights), rewards, math.inf), expected, rtol=1e-13)


def test_many_choices_approach_infinitely_many() -> None:
    weights, rewards = random_problem(6, 1.0)
    limit = keep_ratio(np.log(weights), rewards, math.inf)
    distances = [np.abs(keep_ratio(np.log(weights), rewards, k) - limit).max() for k in (10**3, 10**4, 10**5)]
    assert distances[0] < 0.01
    assert_allclose(np.divide(distances[:2], distances[1:]), 10, rtol=0.02)  # the distance falls like 1/K


def test_infinitely_many_choices_do_not_overflow_at_plus_and_minus_500() -> None:
    ratio = keep_ratio(np.log([0.25, 0.25, 0.5]), np.array([500.0, 500.0, -500.0]), math.inf)
    assert_allclose(ratio, [2, 2, 0], atol=1e-15)


def test_one_choice_keeps_everything() -> None:
    weights, rewards = random_problem(7, 500.0)
    assert_allclose(keep_ratio(np.log(weights), rewards, 1), 1, rtol=0)


def test_equal_rewards_count_as_one_level_of_their_total_mass() -> None:
    tied = keep_ratio(np.log([0.1, 0.2, 0.3, 0.4]), [1.0, 0.0, 1.0, 0.0], 3)
    merged = enumerated_ratio(np.array([0.4, 0.6]), np.array([1.0, 0.0]), 3)
    assert_allclose(tied, merged[[0, 1, 0, 1]], rtol=1e-12)


def test_log_weights_are_free_of_a_constant_and_may_be_minus_infinity() -> None:
    weights = np.array([0.3, 0.7, 0.0])
    rewards = np.array([0.0, 1.0, 2.0])
    with np.errstate(divide="ignore"):
        ratio = keep_ratio(np.log(weights) - 2000.0, rewards, 3)
    assert_allclose(ratio, enumerated_ratio(weights, rewards, 3), rtol=1e-12)


def test_ratio_does_not_depend_on_what_is_kept_in_memory() -> None:
    rng = np.random.default_rng(8)
    rewards, weights = rng.uniform(-40, 0, 9000), rng.random(9000)
    everything = KeepOperator(rewards, 4).ratio(weights)
    for budget in (0, 6_000_000):
        assert_allclose(KeepOperator(rewards, 4, memory_budget=budget).ratio(weights), everything, rtol=1e-14)


def test_ratio_of_a_large_sample_matches_a_direct_sum_over_pairs() -> None:
    rng = np.random.default_rng(9)
    rewards, weights = rng.uniform(-300, 300, 3000), rng.dirichlet(np.ones(3000))
    with np.errstate(over="ignore"):
        expected = 2 / (1 + np.exp(rewards[None] - rewards[:, None])) @ weights
    assert_allclose(KeepOperator(rewards, 2).ratio(weights), expected, rtol=0, atol=1e-12)


@given(problem=problems, choices=st.integers(2, 40))
@settings(max_examples=60, deadline=None)
def test_ratio_averages_to_one_lies_between_zero_and_choices_and_grows_with_reward(
    problem: list[tuple[float, float]], choices: int
) -> None:
    weights, rewards = np.array(problem).T
    weights = weights / weights.sum()
    ratio = KeepOperator(rewards, choices).ratio(weights)
    assert weights @ ratio == pytest.approx(1, abs=1e-11)
    assert (ratio > 0).all() and (ratio < choices).all()
    order = np.argsort(rewards)
    steps, rises = np.diff(rewards[order]), np.diff(ratio[order])
    assert (rises >= -1e-11).all()
    assert (rises[steps > 1e-3] > 0).all()


@given(problem=problems, choices=st.integers(2, 8), shift=st.floats(-400, 400))
@settings(max_examples=30, deadline=None)
def test_ratio_ignores_a_constant_added_to_the_reward(
    problem: list[tuple[float, float]], choices: int, shift: float
) -> None:
    weights, rewards = np.array(problem).T
    shifted = KeepOperator(rewards + shift, choices).ratio(weights)
    # What `ratio` promises: 1e-12 of max(1, H). Of a ratio of 1e-6 the ninth digit may so be another.
    assert_allclose(shifted, KeepOperator(rewards, choices).ratio(weights), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("choices", [0, -3, 2.5, math.nan])
def test_impossible_choices_are_refused(choices: float) -> None:
    with pytest.raises(RecurateError, match="integer >= 1 or infinity"):
        check_choices(choices)


@pytest.mark.parametrize(
    ("weights", "rewards", "sentence"),
    [
        ([1.0, 1.0], [0.0, math.nan], "1 of 2 rewards are not finite, the first at position 1"),
        ([1.0, 1.0], [0.0, 2e6], "Rewards span 2e\\+06"),
        ([], [], "Rewards have shape"),
        ([1.0], [[0.0]], "Rewards have shape"),
        ([1.0], [0.0, 1.0], "2 rewards, but weights"),
        ([1.0, -1.0], [0.0, 1.0], "not negative"),
        ([0.0, 0.0], [0.0, 1.0], "not all zero"),
        ([1.0, math.nan], [0.0, 1.0], "must be finite"),
    ],
)
def test_bad_weights_and_rewards_are_refused(weights: list, rewards: list, sentence: str) -> None:
    with pytest.raises(RecurateError, match=sentence):
        KeepOperator(rewards, 3).ratio(weights)


def test_log_weights_without_any_mass_are_refused() -> None:
    with pytest.raises(RecurateError, match="at least one finite number"):
        keep_ratio([-math.inf, -math.inf], [0.0, 1.0], 2)
