"""K-wise choices against exact probabilities, summed over all pools."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.special import logsumexp, softmax
from scipy.stats import chisquare

from recurate.curation.bradley_terry import BradleyTerry, choice_sets, proportional
from recurate.curation.parts.keep_operator import KeepOperator
from recurate.files.arrays import write_arrays
from recurate.foundation.randomness import CURATION, numpy_generator
from recurate.measuring.every_arm import curation_statistics

REWARDS = np.array([0.0, 1.0, -0.5, 0.3, 2.0])


def keep(rewards: np.ndarray, choices: float, kept: int, seed: int = 0) -> np.ndarray:
    curation = BradleyTerry(kind="bradley_terry", choices=choices, kept=kept)
    return curation.keep(rewards, np.random.default_rng(seed)).kept


def exact_probabilities(rewards: np.ndarray, choices: int) -> np.ndarray:
    """P(the kept sample is i): the softmax averaged over all subsets of K distinct samples."""
    probability = np.zeros(len(rewards))
    pools = list(itertools.combinations(range(len(rewards)), choices))
    for pool in pools:
        probability[list(pool)] += softmax(rewards[list(pool)]) / len(pools)
    return probability


def is_drawn_from(index: np.ndarray, probability: np.ndarray) -> bool:
    counts = np.bincount(index, minlength=len(probability))
    return chisquare(counts, probability * len(index)).pvalue > 1e-3


@pytest.mark.parametrize(("samples", "choices"), [(3, 2), (5, 3), (5, 4), (5, 5)])
def test_choices_follow_the_luce_rule_averaged_over_all_pools(samples: int, choices: int) -> None:
    # With fewer than 2 K samples a pass holds one pool, so that the choices are independent and the test exact.
    index = keep(REWARDS[:samples], choices, kept=40_000)
    assert is_drawn_from(index, exact_probabilities(REWARDS[:samples], choices))


def test_every_pool_of_a_pass_follows_the_luce_rule() -> None:
    index = keep(REWARDS, choices=2, kept=60_000).reshape(-1, 2)
    for place in range(2):
        assert is_drawn_from(index[:, place], exact_probabilities(REWARDS, 2))


def test_the_luce_test_would_notice_a_wrong_number_of_choices() -> None:
    assert not is_drawn_from(keep(REWARDS, 4, kept=40_000), exact_probabilities(REWARDS, 3))


def test_choices_depend_on_reward_differences_only() -> None:
    rewards = np.random.default_rng(1).normal(size=50)
    np.testing.assert_array_equal(keep(rewards, 4, 200), keep(rewards + 512.0, 4, 200))


def test_a_thousand_reward_units_decide_every_choice() -> None:
    rewards = np.array([-500.0, 500.0] * 10)
    pools = choice_sets(20, 4, 5, np.random.default_rng(3))
    index = keep(rewards, 4, 5, seed=3)
    has_good = (rewards[pools] > 0).any(axis=1)
    np.testing.assert_array_equal(rewards[index] > 0, has_good)


def test_one_choice_and_as_many_kept_as_samples_keeps_each_sample_once() -> None:
    index = keep(np.linspace(-9, 9, 100), choices=1, kept=100)
    assert sorted(index) == list(range(100))


@pytest.mark.parametrize("spread", [1.0, 500.0, 5000.0])
def test_infinitely_many_choices_keep_in_proportion_to_exponential_reward(spread: float) -> None:
    rewards = np.array([spread, spread - 1, spread - 3, -spread, -spread - 1])
    probability = np.exp(rewards - logsumexp(rewards))
    index = keep(rewards, math.inf, kept=100_000)
    possible = probability > 1e-12
    assert possible[index].all()
    assert is_drawn_from(index, probability[possible])


def test_many_choices_approach_infinitely_many() -> None:
    rewards = np.random.default_rng(2).normal(size=2_000)
    finite, limit = (rewards[keep(rewards, choices, 20_000)].mean() for choices in (200, math.inf))
    assert finite == pytest.approx(limit, abs=0.04)


@given(st.lists(st.floats(-500, 500), min_size=1, max_size=20), st.integers(0, 1000))
def test_proportional_never_keeps_an_impossible_sample(rewards: list[float], seed: int) -> None:
    array = np.array(rewards)
    index = proportional(array, 50, np.random.default_rng(seed))
    assert (array[index] > array.max() - 800).all()


@given(st.data())
def test_every_pool_holds_distinct_samples(data: st.DataObject) -> None:
    samples = data.draw(st.integers(1, 60))
    choices = data.draw(st.integers(1, samples))
    pools = choice_sets(samples, choices, data.draw(st.integers(1, 40)), np.random.default_rng(0))
    assert pools.shape[1] == choices
    assert all(len(set(pool)) == choices for pool in pools)
    assert pools.min() >= 0
    assert pools.max() < samples


def test_no_sample_is_offered_twice_within_a_pass() -> None:
    pools = choice_sets(103, 4, 75, np.random.default_rng(0))
    for one_pass in pools.reshape(3, 25, 4):
        assert len(np.unique(one_pass)) == 100


@pytest.mark.parametrize("choices", [1, 4, math.inf])
@pytest.mark.parametrize("kept", [1, 7, 250])
def test_as_many_are_kept_as_asked_for(choices: float, kept: int) -> None:
    index = keep(np.arange(20.0), choices, kept)
    assert index.shape == (kept,)
    assert index.dtype == np.int64


@pytest.mark.parametrize("choices", [0, -1, 2.5, math.nan, -math.inf, True, "4", None])
def test_only_whole_numbers_of_choices_or_infinity_are_allowed(choices: object) -> None:
    with pytest.raises(ValidationError, match=r"integer >= 1 or \.inf"):
        BradleyTerry.model_validate({"kind": "bradley_terry", "choices": choices, "kept": 1})


def test_a_pool_smaller_than_the_number_of_choices_is_refused_with_both_numbers() -> None:
    curation = BradleyTerry(kind="bradley_terry", choices=11, kept=1)
    curation.check(11)
    with pytest.raises(ValueError, match="11 is more than the 10"):
        curation.check(10)


@pytest.mark.parametrize("choices", [2, 4, 16])
def test_of_as_many_choices_as_samples_a_known_share_is_distinct(choices: int) -> None:
    """Each sample is shown K times and wins each time with probability 1/K, if all are equal."""
    people = BradleyTerry(kind="bradley_terry", choices=choices, kept=16_000)
    kept = people.keep(np.zeros(16_000), np.random.default_rng(0)).kept
    assert len(np.unique(kept)) / 16_000 == pytest.approx(1 - (1 - 1 / choices) ** choices, abs=0.01)
    few = people.model_copy(update={"kept": 16_000 // choices}).keep(np.zeros(16_000), np.random.default_rng(0)).kept
    assert len(np.unique(few)) == len(few)


def kept_again(samples: int, choices: int, kept: int, spread: float, repetitions: int) -> tuple[float, float]:
    """What repeats cost in variance: that of means over kept sets beside fresh choices, and what the metric says."""
    generator = np.random.default_rng(choices)
    people = BradleyTerry(kind="bradley_terry", choices=choices, kept=kept)
    means, said = [], []
    for _ in range(repetitions):
        index = people.keep(spread * generator.standard_normal(samples), generator).kept
        means.append(generator.standard_normal(samples)[index].mean())  # of something that people do not look at
        said.append(curation_statistics(np.zeros(samples), index)["curation_design_effect"])
    return float(np.var(means)) * kept, float(np.mean(said))


@pytest.mark.parametrize(("choices", "spread"), [(4, 0.0), (16, 0.0), (4, 1.5), (16, 1.5)])
def test_the_design_effect_is_the_variance_that_repeats_cost(choices: int, spread: float) -> None:
    """Beside a simulation of kept sets, and 1 + (1 - 1/K) E[H^2] with the keep ratios H of the exact operator."""
    repetitions = 3_000
    simulated, said = kept_again(320, choices, 320, spread, repetitions)
    assert simulated == pytest.approx(said, rel=4 * math.sqrt(2 / repetitions))
    rewards = spread * np.random.default_rng(0).standard_normal(20_000)
    ratio = KeepOperator(rewards, choices).ratio(np.full(20_000, 1 / 20_000))
    assert said == pytest.approx(1 + (1 - 1 / choices) * (ratio**2).mean(), rel=0.02)
    if spread == 0:
        assert said == pytest.approx(2 - 1 / choices, rel=0.01)


@pytest.mark.parametrize(("choices", "kept"), [(4, 80), (2, 160), (1, 320)])
def test_disjoint_choices_cost_no_variance(choices: int, kept: int) -> None:
    simulated, said = kept_again(320, choices, kept, 1.5, 3_000)
    assert said == 1
    assert simulated == pytest.approx(1, rel=4 * math.sqrt(2 / 3_000))


@pytest.mark.parametrize("among", ["all", "prompt"])
@pytest.mark.parametrize("generation", [0, 3])
def test_what_is_kept_unseen_is_what_a_curated_set_of_any_rewards_holds(
    tmp_path: Path, among: str, generation: int
) -> None:
    curation = BradleyTerry(kind="bradley_terry", choices=1, kept=90, among=among)
    assert not curation.asks_rewards
    samples, seeds, prompts = (
        str(tmp_path / "samples.safetensors"),
        [2, 3],
        np.tile(np.repeat(np.arange(6), 10), (2, 1)),
    )
    write_arrays(samples, {"x": np.zeros((2, 60, 2)), "prompt": prompts}, {})
    rewards = np.random.default_rng(0).normal(scale=50, size=(2, 60))
    expected = [
        curation.keep(rewards[row], numpy_generator(seed, generation, CURATION), prompts[row]).kept
        for row, seed in enumerate(seeds)
    ]
    np.testing.assert_array_equal(curation.kept_unseen(samples, seeds, generation), expected)


@pytest.mark.parametrize("choices", [2, 4, math.inf])
def test_where_people_choose_rewards_are_asked(choices: float) -> None:
    assert BradleyTerry(kind="bradley_terry", choices=choices, kept=10).asks_rewards
