"""Precision, recall, density, coverage and memorisation against independent libraries and their definitions."""

from __future__ import annotations

import contextlib
import io
import tracemalloc
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from long_cases import others_long
from prdc import compute_prdc
from scipy.spatial.distance import cdist
from scipy.stats import mannwhitneyu
from threadpoolctl import threadpool_limits

from recurate.data import Description
from recurate.foundation.errors import RecurateError
from recurate.foundation.torchvision_compat import import_torchvision
from recurate.measuring.metrics import DATA, Evidence, Space
from recurate.measuring.metrics.memorisation import Memorisation
from recurate.measuring.metrics.parts import neighbours
from recurate.measuring.metrics.parts.neighbours import manifolds, nearest_squared, radii_squared
from recurate.measuring.metrics.precision_recall import PrecisionRecall

NAMES = ("precision", "recall", "density", "coverage")


def clouds(n: int, m: int, dimensions: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n + m)
    x, real = rng.normal(size=(n, dimensions)), rng.normal(0.4, 1.3, size=(m, dimensions))
    return x.astype(np.float32), real.astype(np.float32)


def four(x: np.ndarray, real: np.ndarray, k: int) -> tuple[float, ...]:
    found = manifolds(x, real, k)
    return tuple(getattr(found, name) for name in NAMES)


def prdc(x: np.ndarray, real: np.ndarray, k: int) -> tuple[float, ...]:
    with contextlib.redirect_stdout(io.StringIO()):
        found = compute_prdc(real_features=real, fake_features=x, nearest_k=k)
    return tuple(float(found[name]) for name in NAMES)


def evidence(space: Space, seed: int = 0) -> Evidence:
    return Evidence(space.x, space.reference, np.random.default_rng(seed), {space.name: space})


def held_out(x: np.ndarray, real: np.ndarray, other: np.ndarray | None = None, name: str = "judge") -> Space:
    return Space(name, x, real, real if other is None else other, reference_is_training=False)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "BLOCK", 16)
    monkeypatch.setattr(neighbours, "BATCH", 50)


@pytest.mark.parametrize(("n", "m", "k", "d"), [(100, 100, 3, 3), (80, 150, 5, 3), (150, 60, 1, 2), (400, 300, 5, 64)])
def test_all_four_equal_prdc(n: int, m: int, k: int, d: int) -> None:
    x, real = clouds(n, m, d)
    real += 1.5 if d < 10 else 0.1
    found = four(x, real, k)
    assert found == pytest.approx(prdc(x, real, k), rel=1e-12)
    assert min(found) > 0 and max(found[:2]) < 1


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(("n", "m", "k"), [(100, 90, 3), (33, 70, 20), (18, 17, 15)])
def test_blocks_change_nothing(n: int, m: int, k: int) -> None:
    x, real = clouds(n, m, 5)
    assert four(x, real, k) == pytest.approx(prdc(x, real, k), rel=1e-12)


@pytest.mark.usefixtures("small_blocks")
def test_threads_change_nothing() -> None:
    x, real = clouds(200, 150, 4)
    found = []
    for threads in (1, 8):
        with threadpool_limits(threads):
            found.append((four(x, real, 3), nearest_squared(x, real).tolist(), radii_squared(x, 4).tolist()))
    assert found[0] == found[1]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_all_four_equal_prdc_with_ties_and_duplicates(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    # Small whole numbers: all distances are exact in both libraries, and many are equal or zero.
    x, real = rng.integers(0, 4, (25, 2)).astype(float), rng.integers(1, 6, (20, 2)).astype(float)
    assert four(x, real, k) == pytest.approx(prdc(x, real, k), rel=1e-12)


def test_all_four_follow_their_definitions_in_loops() -> None:
    x, real = clouds(25, 30)

    def radius(cloud: np.ndarray, centre: np.ndarray) -> float:
        return float(sorted(np.linalg.norm(cloud - centre, axis=1))[3])

    balls = np.array([[np.linalg.norm(p - c) < radius(real, c) for c in real] for p in x])
    reached = [any(np.linalg.norm(p - c) < radius(x, c) for c in x) for p in real]
    expected = balls.any(axis=1).mean(), np.mean(reached), balls.sum() / (3 * len(x)), balls.any(axis=0).mean()
    assert four(x, real, 3) == pytest.approx(expected)


def test_data_far_from_the_origin_lose_no_digits() -> None:
    x, real = (part.astype(np.float64) for part in clouds(200, 200, 8))
    assert four(x + 1e6, real + 1e6, 3) == four(x, real, 3)


@pytest.mark.parametrize(
    ("precision", "size"),
    [(np.float32, size) for size in (1e-22, 1e-21, 1e-12, 1e12, 1e19, 1e37)]
    + [(np.float64, size) for size in (1e-120, 1e-45, 1e-36, 1e-22, 1e19, 1e37, 1e120)],
)
def test_units_change_nothing(precision: type, size: float) -> None:
    """Powers of two near these sizes, which change no digit."""
    power = 2.0 ** np.round(np.log2(size))
    x, real = (part.astype(precision) for part in clouds(300, 250, 8))
    wide_x, wide_real = (part * precision(power) for part in (x, real))
    assert four(wide_x, wide_real, 3) == four(x, real, 3) == pytest.approx(prdc(x, real, 3), rel=1e-12)
    assert (nearest_squared(wide_x, wide_real) == nearest_squared(x, real) * power**2).all()
    far = np.concatenate([wide_real, precision(1e3) * wide_real[:1]]) if size < 1e30 else wide_real
    assert nearest_squared(wide_x, far).tolist() == nearest_squared(wide_x, wide_real).tolist()


@pytest.mark.parametrize("wide", [1e20, 1e38])
def test_one_far_point_leaves_the_neighbours_of_the_others(wide: float) -> None:
    """Beside a coordinate of 1e20 and more, squares of the others underflow: then float64 tells."""
    x, real = clouds(200, 150, 4)
    with_one = np.concatenate([real, np.full((1, 4), wide, np.float32)])
    expected = cdist(x.astype(float), real.astype(float)).min(axis=1) ** 2
    np.testing.assert_allclose(nearest_squared(x, with_one), expected, rtol=1e-12)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e200, 1e-200])
def test_coordinates_whose_squares_are_no_numbers_are_one_sentence(wrong: float) -> None:
    x, real = (part.astype(np.float64) for part in clouds(30, 30, 2))
    with (
        np.errstate(all="ignore"),
        pytest.raises(RecurateError, match=r"coordinates lie up to .* look whether samples"),
    ):
        manifolds(wrong * x, wrong * real, 3)
    one = x.copy()
    one[3, 1] = wrong
    for sets in ((one, real), (real, one)):
        if wrong != 1e-200:  # beside others it counts as 0
            with np.errstate(all="ignore"), pytest.raises(RecurateError, match="coordinates lie up to"):
                nearest_squared(*sets)
    assert radii_squared(np.ones((9, 2)), 3).tolist() == [0] * 9  # nothing wrong with points that are all alike


def test_pictures_are_measured_in_whole_numbers() -> None:
    rng = np.random.default_rng(0)
    x, real = rng.integers(0, 256, (2, 120, 300), dtype=np.uint8)
    assert four(x, real, 3) == pytest.approx(prdc(x.astype(float), real.astype(float), 3), rel=1e-12)


def test_distances_that_float32_cannot_tell_apart_are_told_apart() -> None:
    """Around a far centre, which a third point makes, balls end 1e-9 of their radius before and behind a sample."""
    real = np.array([[0.0], [1.0], [1e4]])
    before, behind = np.array([[2.0 - 1e-9], [5e3], [6e3]]), np.array([[2.0 + 1e-9], [5e3], [6e3]])
    assert four(before, real[:2], 1)[0] == pytest.approx(1 / 3)
    assert four(behind, real[:2], 1)[0] == 0
    assert np.float32(before[0, 0]) == np.float32(behind[0, 0])


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("spread", [0.0, 1e-6, 1.0])
def test_radii_and_nearest_neighbours_equal_those_of_all_distances(spread: float) -> None:
    rng = np.random.default_rng(3)
    x = (rng.integers(0, 3, (70, 4)) + spread * rng.normal(size=(70, 4))) * 100
    y = x[::-1][:50] + spread
    assert radii_squared(x, 5) == pytest.approx(np.sort(cdist(x, x), axis=1)[:, 5] ** 2, rel=1e-9, abs=1e-18)
    assert nearest_squared(x, y) == pytest.approx(cdist(x, y).min(axis=1) ** 2, rel=1e-9, abs=1e-18)


def test_a_generator_collapsed_to_one_real_point_has_precision_one_and_recall_zero() -> None:
    _, real = clouds(50, 50)
    x = np.repeat(real[:1], 40, axis=0)
    precision, recall, density, coverage = four(x, real, 3)
    balls = (cdist(real[:1], real)[0] < np.sort(cdist(real, real), axis=1)[:, 3]).sum()
    assert (precision, recall, density, coverage) == (1.0, 0.0, pytest.approx(balls / 3), pytest.approx(balls / 50))


def test_a_library_with_closed_balls_gives_the_collapsed_generator_a_recall_of_one_point() -> None:
    import_torchvision()
    from torch_fidelity.metric_prc import calculate_precision_recall_full

    real = np.arange(50.0)[:, None] ** 2
    x = np.repeat(real[7:8], 40, axis=0)
    closed = calculate_precision_recall_full(torch.from_numpy(x), torch.from_numpy(real), 3)
    assert closed == pytest.approx((1.0, 1 / 50))
    assert four(x, real, 3)[:2] == (1.0, 0.0) == prdc(x, real, 3)[:2]


def test_a_point_exactly_on_the_edge_of_a_ball_lies_outside() -> None:
    real = np.array([[0.0], [1.0], [2.0]])
    x = np.array([[3.0], [3.0], [10.0]])  # 3 is at distance 1 from 2, whose nearest neighbour is at distance 1 too
    assert four(x, real, 1) == (0.0, 0.0, 0.0, 0.0)
    assert four(x - 0.01, real, 1)[0] == pytest.approx(2 / 3)


def test_identical_sets_without_ties_have_all_four_equal_to_one() -> None:
    x, _ = clouds(50, 50)
    assert four(x, x, 3) == (1.0, 1.0, 1.0, 1.0)


def test_precision_and_recall_swap_with_the_sets() -> None:
    x, real = clouds(70, 90)
    assert four(x, real, 3)[:2] == four(real, x, 3)[:2][::-1]


def test_memory_is_far_below_that_of_one_matrix_of_all_distances() -> None:
    x, real = clouds(8_000, 8_000, 4)
    tracemalloc.start()
    manifolds(x, real, 3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.2 * x.shape[0] * real.shape[0] * 4


def test_rows_carry_the_space_k_and_one_number_of_points_for_both_sides() -> None:
    x, real = clouds(400, 60)
    metric = PrecisionRecall(kind="precision_recall", features="judge", neighbours=2, samples=100)
    found = metric(evidence(held_out(x, real)))
    assert set(found) == {f"{name}_judge" for name in (*NAMES, "neighbours", "manifold_samples")}
    assert (found["neighbours_judge"], found["manifold_samples_judge"]) == (2, 60)
    rows = x[np.random.default_rng(0).choice(400, 60, replace=False)]
    assert tuple(found[f"{name}_judge"] for name in NAMES) == pytest.approx(prdc(rows, real, 2), rel=1e-12)


def test_the_metric_looks_at_the_data_unless_it_is_told_otherwise() -> None:
    x, real = clouds(60, 60)
    metric = PrecisionRecall(kind="precision_recall")
    assert metric.space == DATA
    found = metric(evidence(held_out(x, real, name=DATA)))
    assert tuple(found[f"{name}_data"] for name in NAMES) == four(x, real, 3)
    with pytest.raises(RecurateError, match="there are no features 'data'; extracted are judge"):
        metric(evidence(held_out(x, real)))


def test_fewer_points_than_neighbours_are_refused_with_the_numbers() -> None:
    metric = PrecisionRecall(kind="precision_recall", features="judge", neighbours=5)
    with pytest.raises(RecurateError, match="neighbours: 5 needs more than 5 samples"):
        metric(evidence(held_out(np.zeros((5, 2)), np.zeros((9, 2)))))


def test_more_neighbours_than_samples_are_refused_before_anything_runs() -> None:
    metric = PrecisionRecall(kind="precision_recall", neighbours=10, samples=10)
    with pytest.raises(ValueError, match="10 must be smaller than samples: 10"):
        metric.check(Description(shape=(2,), classes=0))


# Memorisation


def memorisation(x: np.ndarray, training: np.ndarray, other: np.ndarray, **keys: Any) -> float:
    """The metric, which must not depend on which part of the real data is the reference, nor on how much of it."""
    metric = Memorisation(kind="memorisation", features="judge", **keys)
    found = []
    for reference_is_training in (False, True):
        compared = (training[:5], other) if reference_is_training else (other, training[:5])
        nearest = cdist(other, training).min(axis=1) ** 2
        space = Space("judge", x, *compared, reference_is_training, training=training, held_out_nearest=nearest)
        found.append(metric(evidence(space)))
    assert found[0] == found[1] and found[0]["training_samples_judge"] == len(training)
    return found[0]["memorisation_judge"]


def test_copies_of_training_data_are_memorised_and_copies_of_held_out_data_are_not() -> None:
    training, other = np.random.default_rng(0).normal(size=(2, 200, 6))
    assert memorisation(training[:50], training, other) == 1
    assert memorisation(other, training, other) == pytest.approx(0.5, abs=1e-3)
    assert memorisation(np.concatenate([training[:30], 9 + other[:10]]), training, other) == 0.75


@pytest.mark.parametrize("samples", [1_000, 3_000])
@pytest.mark.parametrize("training_data", others_long([2_000, 20_000], lambda size: size == 2_000))
def test_copies_have_one_and_data_never_seen_a_half_at_any_size(samples: int, training_data: int) -> None:
    """Clusters on a curved surface in 16 dimensions; a generator copies the training data or draws new ones."""
    rng = np.random.default_rng(training_data + samples)
    centres, directions = 3 * rng.normal(size=(30, 4)), rng.normal(size=(4, 16))

    def draw(n: int) -> np.ndarray:
        return np.tanh((centres[rng.integers(30, size=n)] + rng.normal(size=(n, 4))) @ directions).astype(np.float32)

    training, other, unseen = draw(training_data), draw(4_000), draw(4_000)
    copies = training[rng.integers(training_data, size=4_000)]
    assert memorisation(copies, training, other, samples=samples) == 1
    assert memorisation(unseen, training, other, samples=samples) == pytest.approx(0.5, abs=0.02)
    half = np.concatenate([copies[:2_000], unseen[:2_000]])
    assert memorisation(half, training, other, samples=samples) == pytest.approx(0.75, abs=0.02)


def test_memorisation_is_mann_and_whitney_s_statistic_of_a_full_table_of_distances() -> None:
    rng = np.random.default_rng(2)
    # Small whole numbers, so that many distances are equal.
    x, training, other = (rng.integers(0, 6, (n, 3)).astype(float) for n in (100, 150, 70))
    near, nearer = cdist(other, training).min(axis=1), cdist(x, training).min(axis=1)
    expected = mannwhitneyu(near, nearer).statistic / (len(x) * len(other))
    assert memorisation(x, training, other) == pytest.approx(expected, abs=1e-12)
    pairs = [(b > a) + (a == b) / 2 for a in nearer for b in near]
    assert expected == pytest.approx(np.mean(pairs)) and (np.array(pairs) == 0.5).mean() > 0.1


def test_without_the_nearness_of_held_out_data_memorisation_is_one_sentence() -> None:
    x, real = clouds(10, 10)
    with pytest.raises(RecurateError, match=r"nobody measured how near held-out data lie .* in judge; delete"):
        Memorisation(kind="memorisation", features="judge")(evidence(held_out(x, real)))
