"""The mixture of real and curated data, and the papers' parameters for it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import binomtest, chisquare

from recurate.foundation.errors import RecurateError
from recurate.mixing.ratios import real_fraction_of, synthetic_ratio_of
from recurate.mixing.simulated import SimulatedMixing
from recurate.mixing.trained import Mixing
from recurate.training.training_set import draw_rows


@given(st.floats(1e-3, 1e12))
def test_ratio_and_fraction_are_inverse(ratio: float) -> None:
    assert synthetic_ratio_of(real_fraction_of(ratio)) == pytest.approx(ratio, rel=1e-9)


@given(st.floats(0, 1e300))
def test_fraction_splits_the_weight_of_the_retraining_objective(ratio: float) -> None:
    real = real_fraction_of(ratio)
    assert real * (1 + ratio) == pytest.approx(1)
    assert 1 - real == pytest.approx(ratio / (1 + ratio))


def test_the_two_pure_loops_are_exact() -> None:
    assert (real_fraction_of(math.inf), real_fraction_of(0.0)) == (0.0, 1.0)
    assert (synthetic_ratio_of(0.0), synthetic_ratio_of(1.0)) == (math.inf, 0.0)


@pytest.mark.parametrize(("ratio", "fraction"), [(0.5, 2 / 3), (1, 0.5), (0, 1.0), (math.inf, 0.0)])
def test_lambda_may_stand_for_the_real_fraction(ratio: float, fraction: float) -> None:
    mixing = Mixing.model_validate({"lambda": ratio})
    assert mixing.real_fraction == pytest.approx(fraction)
    assert mixing.synthetic_ratio == pytest.approx(ratio)


@pytest.mark.parametrize("ratio", [-0.1, -math.inf, math.nan, "half", None, True, [1]])
def test_a_lambda_that_is_no_ratio_is_refused(ratio: object) -> None:
    with pytest.raises(ValidationError, match=r"must be a number >= 0, at most 1e\+06, or \.inf"):
        Mixing.model_validate({"lambda": ratio})


@pytest.mark.parametrize("fraction", [-0.1, 1.1, math.nan])
def test_a_fraction_outside_zero_to_one_is_refused(fraction: float) -> None:
    with pytest.raises(ValidationError):
        Mixing(real_fraction=fraction)


def test_lambda_beside_the_real_fraction_is_refused() -> None:
    with pytest.raises(ValidationError, match="not both"):
        Mixing.model_validate({"lambda": 1, "real_fraction": 0.5})


@pytest.mark.parametrize("settings", [{"lamda": 1}, {"lambda": 1, "lamda": 1}])
def test_an_unknown_key_is_answered_with_lambda_among_the_known(settings: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="unknown key 'lamda'; known are regime, real_fraction, real, lambda"):
        Mixing.model_validate(settings)


@pytest.mark.parametrize("fraction", [0.05, 0.5, 2 / 3, 0.9])
def test_drawn_rows_realise_the_real_fraction_whatever_the_sizes(fraction: float) -> None:
    rows = draw_rows(np.random.default_rng(0), fraction, real=10, synthetic=3_000, shape=(200, 500))
    real = int((rows < 10).sum())
    assert binomtest(real, rows.size, fraction).pvalue > 1e-3


def test_drawn_rows_are_uniform_within_either_set() -> None:
    rows = draw_rows(np.random.default_rng(0), 0.25, real=7, synthetic=5, shape=(60_000,))
    counts = np.bincount(rows, minlength=12)
    assert len(counts) == 12
    assert chisquare(counts[:7]).pvalue > 1e-3
    assert chisquare(counts[7:]).pvalue > 1e-3


@pytest.mark.parametrize(("fraction", "rows"), [(1.0, range(4)), (0.0, range(4, 10))])
def test_a_pure_mixture_draws_from_one_set_only(fraction: float, rows: range) -> None:
    drawn = draw_rows(np.random.default_rng(0), fraction, real=4, synthetic=6, shape=(50, 20))
    assert set(drawn.ravel()) == set(rows)


def test_a_loop_without_one_of_the_sets_needs_none_of_it() -> None:
    assert draw_rows(np.random.default_rng(0), 1.0, real=4, synthetic=0, shape=(9,)).max() < 4
    assert draw_rows(np.random.default_rng(0), 0.0, real=0, synthetic=4, shape=(9,)).max() < 4


@pytest.mark.parametrize(("real", "synthetic", "missing"), [(0, 5, "real data"), (5, 0, "curated samples")])
def test_a_weight_on_an_empty_set_is_an_error(real: int, synthetic: int, missing: str) -> None:
    with pytest.raises(RecurateError, match=f"needs {missing} .* there are none"):
        draw_rows(np.random.default_rng(0), 0.5, real, synthetic, (3,))


@pytest.mark.parametrize(
    ("settings", "generation", "real", "curated"),
    [
        ({"lambda": math.inf}, 3, 0, {2: 1}),
        ({"lambda": 0.5}, 3, 2 / 3, {2: 1 / 3}),
        ({"lambda": 0}, 2, 1, {1: 0}),
        ({"regime": "accumulate", "lambda": 1}, 3, 1 / 4, {0: 1 / 4, 1: 1 / 4, 2: 1 / 4}),
        ({"regime": "accumulate", "lambda": 0.5}, 2, 1 / 2, {0: 1 / 4, 1: 1 / 4}),
        ({"regime": "fresh", "real_fraction": 0.25, "real": 5}, 3, 1 / 4, {2: 3 / 4}),
        ({"regime": "fresh", "real_fraction": 1, "real": 5}, 2, 1, {1: 0}),
        ({"regime": "contamination", "real_fraction": 0.25, "real": 5}, 1, 5 / 8, {0: 3 / 8}),
        ({"regime": "contamination", "real_fraction": 0.25, "real": 5}, 3, 7 / 16, {0: 3 / 16, 1: 3 / 16, 2: 3 / 16}),
        ({"regime": "contamination", "real_fraction": 1, "real": 5}, 2, 1, {0: 0, 1: 0}),
        ({"lambda": 0.5}, 0, 1, {}),
        ({"lambda": math.inf}, 0, 1, {}),
    ],
)
def test_a_training_set_weighs_what_its_regime_keeps(
    settings: dict[str, object], generation: int, real: float, curated: dict[int, float]
) -> None:
    shares = Mixing.model_validate(settings).shares(generation)
    assert shares.real == pytest.approx(real)
    assert shares.curated == pytest.approx(curated)


@pytest.mark.parametrize("regime", ["replace", "augmentation", "accumulate", "fresh", "contamination"])
def test_trained_and_simulated_loops_mean_the_same_by_a_regime(regime: str) -> None:
    fresh = {"real": 10} if regime in ("fresh", "contamination") else {}
    trained = Mixing.model_validate({"regime": regime, "lambda": math.inf if regime == "replace" else 1, **fresh})
    size = {"real": 10} if regime == "augmentation" or fresh else {"initial": 10}
    simulated = SimulatedMixing.model_validate({"regime": regime, "synthetic": 10, **size})
    assert simulated.rule is trained.rule


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"regime": "replace", "lambda": 1}, "replace is without real data"),
        (
            {"regime": "augmentation", "lambda": math.inf},
            "augmentation needs real data; with real_fraction 0 choose replace",
        ),
        ({"regime": "accumulate", "lambda": math.inf}, "accumulate needs real data and curated ones"),
        ({"regime": "accumulate", "lambda": 0}, "accumulate needs real data and curated ones"),
        ({"regime": "accumulate_subsample", "lambda": 1}, "Input should be 'replace', 'augmentation'"),
        ({"regime": "fresh", "real_fraction": 0.5}, "real: the regime fresh needs the number of new real data"),
        (
            {"regime": "contamination", "real_fraction": 0, "real": 5},
            "contamination needs real data; with real_fraction 0",
        ),
        (
            {"regime": "augmentation", "real_fraction": 0.5, "real": 5},
            "real: the regime augmentation adds no new",
        ),
    ],
)
def test_a_regime_that_does_not_fit_is_refused(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Mixing.model_validate(settings)
