"""Rewards against their formulas, and their suprema."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import log_softmax, softmax
from scipy.stats import entropy
from torch import Tensor

from recurate.curation.bradley_terry import BradleyTerry
from recurate.curation.judges import FittedJudge
from recurate.curation.parts.reward_moments import class_shares, exceeds, reward_moments
from recurate.curation.rewards.class_probability import ClassProbability
from recurate.curation.rewards.clipped_distance import ClippedDistance
from recurate.curation.rewards.confidence import Confidence
from recurate.curation.rewards.log_probability import LogProbability
from recurate.data import Description
from recurate.measuring.every_arm import curation_statistics
from recurate.measuring.every_arm import entropy as entropy_of
from recurate.mixing.trained import Mixing
from recurate.theory.forecast import statistics
from recurate.theory.limit import limit_weights

numbers = st.floats(-100, 100)


class Logits:
    """A judge whose logits are the samples themselves."""

    chunk = 1_000

    def evaluate(self, parameters: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x


JUDGE = FittedJudge(cast(Any, Logits()), {})


@given(
    st.lists(st.tuples(numbers, numbers), min_size=1, max_size=9),
    st.floats(0.1, 20),
    st.floats(0, 5).map(lambda r: round(r, 9)),
)
def test_clipped_distance_is_its_formula(points: list[tuple[float, float]], gamma: float, radius: float) -> None:
    reward = ClippedDistance(kind="clipped_distance", gamma=gamma, target=(4.0, -1.0), radius=radius)
    expected = [-gamma * max(0.0, math.dist(point, (4.0, -1.0)) - radius) for point in points]
    assert_allclose(reward(np.array(points), None), expected, rtol=1e-12, atol=1e-12)


def test_clipped_distance_reaches_its_supremum_on_a_disc_and_nowhere_else() -> None:
    reward = ClippedDistance(kind="clipped_distance", target=(0.0, 0.0), radius=0.5)
    angle = np.linspace(0, 2 * np.pi, 50)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    assert (reward(0.499 * circle, None) == reward.supremum).all()
    assert (reward(0.501 * circle, None) < reward.supremum).all()


def test_distances_of_single_precision_points_are_taken_in_double() -> None:
    reward = ClippedDistance(kind="clipped_distance", target=(0.0,), radius=0.0)
    x = np.array([[1 / 3]], dtype=np.float32)
    assert reward(x, None).dtype == np.float64
    assert reward(x, None)[0] == -float(x[0, 0])


def test_clipped_distance_takes_points_of_the_target_s_dimension_only() -> None:
    reward = ClippedDistance(kind="clipped_distance", target=(0.0, 0.0, 0.0))
    reward.check(Description(shape=(3,), classes=0))
    for shape in ((2,), (3, 1), (8, 8, 1)):
        with pytest.raises(ValueError, match="target has 3 coordinates"):
            reward.check(Description(shape=shape, classes=0))


def test_class_probability_is_gamma_times_the_judge_s_softmax() -> None:
    logits = np.random.default_rng(0).normal(0, 3, (40, 5)).astype(np.float32)
    reward = ClassProbability(kind="class_probability", gamma=7.0, target_class=3)
    assert_allclose(reward(logits, JUDGE), 7 * softmax(logits.astype(np.float64), axis=1)[:, 3], rtol=1e-12)


@pytest.mark.parametrize("shift", [0.0, 1e4, -1e4])
def test_class_probability_stays_between_zero_and_its_supremum_for_any_logits(shift: float) -> None:
    logits = np.array([[1e3, 0.0], [-1e3, 0.0], [0.0, 0.0]]) + shift
    reward = ClassProbability(kind="class_probability", gamma=5.0, target_class=0)
    assert_allclose(reward(logits, JUDGE), [reward.supremum, 0, 2.5], atol=1e-12)


logits_of_three = st.lists(st.tuples(*[st.floats(-500, 500, width=32)] * 3), min_size=1, max_size=9)


@given(logits_of_three, st.floats(0.1, 20))
def test_confidence_is_gamma_times_the_largest_class_probability(rows: list[tuple[float, ...]], gamma: float) -> None:
    reward = Confidence(kind="confidence", gamma=gamma)
    logits = np.array(rows, dtype=np.float32)
    found = reward(logits, JUDGE)
    assert_allclose(found, gamma * softmax(logits.astype(np.float64), axis=1).max(axis=1), rtol=1e-12)
    assert (found <= reward.supremum).all() and (found >= gamma / 3 * (1 - 1e-12)).all()


def test_confidence_reaches_its_supremum_for_any_class_that_is_certain() -> None:
    reward = Confidence(kind="confidence")
    assert reward.supremum == 15.0
    assert_allclose(reward(np.diag([800.0, 800.0, 800.0]), JUDGE), 15.0)


@given(logits_of_three, st.integers(0, 2))
def test_log_probability_is_the_judge_s_log_softmax_and_finite_in_single_precision(
    rows: list[tuple[float, ...]], target_class: int
) -> None:
    reward = LogProbability(kind="log_probability", target_class=target_class)
    logits = np.array(rows, dtype=np.float32)
    found = reward(logits, JUDGE)
    assert_allclose(found, log_softmax(logits.astype(np.float64), axis=1)[:, target_class], rtol=1e-12, atol=1e-15)
    assert (found <= reward.supremum).all()
    assert np.isfinite(found.astype(np.float32)).all()


def test_log_probability_keeps_what_the_probability_cannot_show() -> None:
    logits = np.array([[-500.0, 500.0], [-499.0, 500.0]])
    assert_allclose(LogProbability(kind="log_probability")(logits, JUDGE), [-1000, -999])
    assert ClassProbability(kind="class_probability")(logits, JUDGE).tolist() == [0, 0]


@pytest.mark.parametrize("kind", [ClassProbability, LogProbability])
def test_a_favoured_class_that_the_data_lack_is_refused(kind: Any) -> None:
    reward = kind(kind="any", target_class=2)
    reward.check(Description(shape=(2,), classes=3))
    with pytest.raises(ValueError, match="target_class 2 does not exist, the data have 2 classes"):
        reward.check(Description(shape=(2,), classes=2))


@pytest.mark.parametrize("kind", [ClassProbability, LogProbability, Confidence])
def test_rewards_of_a_judge_s_classes_need_data_with_labels(kind: Any) -> None:
    assert kind.needs_judge
    kind(kind="any").check(Description(shape=(2,), classes=1))
    with pytest.raises(ValueError, match="the data have no labels"):
        kind(kind="any").check(Description(shape=(2,), classes=0))


def test_reward_statistics_are_moments_of_the_sample_itself() -> None:
    rewards = np.array([-2.0, -1.0, -1.0, 0.0])
    scaled = [math.exp(r) for r in rewards]
    mean = sum(scaled) / 4
    found = reward_moments(rewards, supremum=0.0)
    assert found["reward_mean"] == -1.0
    assert found["exp_reward_mean"] == pytest.approx(mean)
    assert found["exp_reward_variance"] == pytest.approx(sum((s - mean) ** 2 for s in scaled) / 4)
    assert found["top_share"] == 0.25


@pytest.mark.parametrize("supremum", [0.0, -3.7, 5.0, 50.1, 100.1, 1000.3, 3333.33333, 5000.3, 8191.9997, -98765.4])
def test_rewards_as_stored_reach_their_supremum_whatever_its_size(supremum: float) -> None:
    """Of four rewards two are the supremum, but for single precision, and two lie clearly below."""
    size = max(1.0, abs(supremum))
    exact = np.array([supremum, supremum - 1e-4 * size, supremum, supremum - 5 * size])
    for rewards in (exact.astype(np.float32).astype(np.float64), exact):
        assert reward_moments(rewards, supremum)["top_share"] == 0.5
        weights = np.array([0.1, 0.2, 0.3, 0.4])
        assert statistics(weights, rewards, supremum)["top_share"] == pytest.approx(0.4)
        people = BradleyTerry.model_validate({"kind": "bradley_terry", "choices": 4, "kept": 4})
        limit = limit_weights(rewards, supremum, people, Mixing(real_fraction=0.0))
        assert limit is not None and limit.tolist() == [0.5, 0, 0.5, 0]
        assert not exceeds(rewards, supremum)
        assert not exceeds(rewards + 5e-5 * size, supremum) and exceeds(rewards + 2e-4 * size, supremum)


@given(st.lists(st.floats(-50, 0), min_size=2, max_size=30), st.floats(-600, 600))
def test_exponential_statistics_do_not_depend_on_the_zero_of_the_reward(rewards: list[float], shift: float) -> None:
    here, there = reward_moments(np.array(rewards), 0.0), reward_moments(np.array(rewards) + shift, shift)
    for name in ("exp_reward_mean", "exp_reward_variance"):
        assert there[name] == pytest.approx(here[name], abs=1e-11)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=50))
def test_class_shares_sum_to_one_and_have_their_entropy(labels: list[int]) -> None:
    found = class_shares(np.array(labels), 6)
    shares = [found[f"share_{number}"] for number in range(6)]
    assert shares == [labels.count(number) / len(labels) for number in range(6)]
    assert entropy_of(np.array(shares)) == pytest.approx(entropy(shares), abs=1e-12)


@given(st.lists(st.tuples(st.floats(-9, 0), st.integers(0, 2), st.floats(0.1, 1)), min_size=1, max_size=30))
def test_equal_weights_mean_what_no_weights_mean_and_weights_what_repeats_mean(samples: list[Any]) -> None:
    rewards, classes, _ = (np.array(column) for column in zip(*samples, strict=True))
    equal = np.full(len(rewards), 1 / len(rewards))
    counts = np.arange(len(rewards)) % 3 + 1
    repeated, weights = np.repeat(rewards, counts), counts / counts.sum()
    for found, wanted in (
        (reward_moments(rewards, 0.0, equal), reward_moments(rewards, 0.0)),
        (class_shares(classes, 3, equal), class_shares(classes, 3)),
        (reward_moments(rewards, 0.0, weights), reward_moments(repeated, 0.0)),
        (class_shares(classes, 3, weights), class_shares(np.repeat(classes, counts), 3)),
    ):
        assert found == pytest.approx(wanted, rel=1e-12, abs=1e-15)


def test_curation_statistics_count_distinct_samples_and_the_reward_gained() -> None:
    found = curation_statistics(np.array([0.0, 1.0, 2.0, 5.0]), np.array([3, 3, 2, 3, 1]))
    assert found["curation_reward_before"] == 2.0
    assert found["curation_reward_after"] == pytest.approx((5 + 5 + 2 + 5 + 1) / 5)
    assert found["curation_distinct_share"] == pytest.approx(3 / 5)
    assert found["curation_design_effect"] == pytest.approx((3**2 + 1 + 1) / 5)
