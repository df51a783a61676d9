"""Published bounds on exact random problems, and the verdicts of the claims table."""

from __future__ import annotations

import csv
import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from theory_setup import forecast

from recurate.foundation.errors import RecurateError
from recurate.mixing.regimes import TrainedRegime
from recurate.theory import bounds
from recurate.theory.claims import CLAIMS, ClosedLoop, Evidence, Exemption, check_claims
from recurate.theory.forecast import statistics
from recurate.theory.verdicts import CLAIM_COLUMNS as COLUMNS

reward_lists = st.lists(st.floats(-6, 0, allow_subnormal=False), min_size=2, max_size=8)
METRICS = (
    "exp_reward_mean",
    "exp_reward_variance",
    "top_share",
    "kl_to_origin",
    "kl_from_origin",
    "sup_ratio",
)


def trajectory(rewards: list[float], choices: float, real_fraction: float, generations: int = 6) -> dict:
    """Forecast metrics of one seed, (1, generations + 1) each, with the best reward as supremum."""
    top = max(rewards)
    steps = [statistics(w, rewards, top) for w in forecast(rewards, choices, real_fraction, generations)]
    return {name: np.array([[step[name] for step in steps]]) for name in METRICS}


def verdicts(rows: list[dict], claim: str) -> list[str]:
    """Verdicts of one claim in order of generations."""
    return [row["verdict"] for row in rows if row["claim"] == claim]


def measured_means(slack: list[float]) -> dict:
    """Two generations without variance whose Lemma 2.2 has a given slack in each seed."""
    start = np.full(len(slack), 0.5)
    return {
        "exp_reward_mean": np.stack([start, start + np.array(slack)], axis=1),
        "exp_reward_variance": np.zeros((len(slack), 2)),
    }


PURE = ClosedLoop("ring", "curated only", 4, 0.0)
MIXED = ClosedLoop("ring", "curated and real", 4, 0.8)  # lambda = 1/4 < 1/(K-1)


@given(rewards=reward_lists, choices=st.sampled_from([1, 2, 3, 4, 8, 50, math.inf]))
@settings(max_examples=60, deadline=None)
def test_pure_loops_satisfy_lemma_2_2_and_theorem_2_1(rewards: list[float], choices: float) -> None:
    metrics = trajectory(rewards, choices, 0.0)
    mean, variance, top = (metrics[name][0] for name in METRICS[:3])
    assert (mean[1:] >= bounds.next_exponential_reward(mean, variance, choices)[:-1] - 1e-11).all()
    assert (np.diff(top) >= -1e-12).all()


@given(rewards=reward_lists, choices=st.integers(1, 12), ratio=st.floats(0.01, 5))
@settings(max_examples=60, deadline=None)
def test_mixed_loops_satisfy_theorems_2_3_and_2_4_and_the_divergence_bound(
    rewards: list[float], choices: int, ratio: float
) -> None:
    metrics = {name: values[0] for name, values in trajectory(rewards, choices, 1 / (1 + ratio)).items()}
    start, spread = metrics["exp_reward_mean"][0], metrics["exp_reward_variance"][0]
    floor = bounds.mixed_exponential_reward(start, spread, choices, ratio)
    assert (metrics["exp_reward_mean"][1:] >= floor - 1e-11).all()
    assert (metrics["kl_from_origin"] <= bounds.divergence_from_reference(ratio) + 1e-11).all()
    highest, furthest = (
        bounds.largest_density_ratio(choices, ratio),
        bounds.divergence_to_reference(choices, ratio),
    )
    if highest is not None and furthest is not None:
        assert (metrics["kl_to_origin"] <= furthest + 1e-11).all()
        assert (metrics["sup_ratio"] <= highest * (1 + 1e-11)).all()


def test_lemma_2_2_is_tight_near_convergence() -> None:
    rare, low, choices = 1e-6, 0.9, 4
    rewards = [0.0] * 999_999 + [math.log(low)]
    now, after = (statistics(w, rewards, 0.0) for w in forecast(rewards, choices, 0.0, 1))
    promised = bounds.next_exponential_reward(now["exp_reward_mean"], now["exp_reward_variance"], choices)
    gain = after["exp_reward_mean"] - now["exp_reward_mean"]
    # One rare low state among copies of the best: gain / promised gain = K / (K - 1 + e^(r - r*)).
    assert gain / (promised - now["exp_reward_mean"]) == pytest.approx(choices / (choices - 1 + low), rel=1e-4)
    assert now["exp_reward_mean"] == pytest.approx(1 - rare * (1 - low))


def test_bounds_have_the_published_values_at_lambda_one_half() -> None:
    assert bounds.mixed_exponential_reward(0.2, 0.08, 4, 0.5) == pytest.approx(0.2 + 0.08 * 0.75 * 4 / 27)
    assert bounds.mixed_exponential_reward(0.2, 0.08, math.inf, math.inf) == 0.2
    assert bounds.next_exponential_reward(0.2, 0.08, 2) == pytest.approx(0.24)
    assert bounds.next_exponential_reward(0.2, 0.08, math.inf) == pytest.approx(0.28)
    assert bounds.divergence_to_reference(2, 0.5) == pytest.approx(math.log(2))
    assert bounds.divergence_from_reference(0.5) == pytest.approx(math.log(1.5))


@pytest.mark.parametrize(
    ("choices", "ratio", "stable"),
    [
        (3, 0.5, False),
        (3, 0.49, True),
        (4, 0.5, False),
        (1, 100.0, True),
        (2, math.inf, False),
        (math.inf, 0.1, False),
    ],
)
def test_theorem_2_4_is_silent_from_one_over_choices_minus_one_on(choices: float, ratio: float, stable: bool) -> None:
    assert bounds.is_stable(choices, ratio) is stable
    assert (bounds.divergence_to_reference(choices, ratio) is not None) is stable


def test_forecasts_satisfy_every_claim_that_applies() -> None:
    rewards = list(np.minimum(np.random.default_rng(0).normal(0, 2, 100), 1.0))
    expected = {
        PURE: {
            "lemma_2_2": "holds",
            "theorem_2_1": "holds",
            "theorem_2_3": "not applicable",
            "theorem_2_4": "not applicable",
            "kl_from_reference": "vacuous",
        },
        MIXED: {
            "lemma_2_2": "not applicable",
            "theorem_2_1": "not applicable",
            "theorem_2_3": "holds",
            "theorem_2_4": "holds",
            "kl_from_reference": "holds",
        },
    }
    for loop, verdict in expected.items():
        rows = check_claims(loop, trajectory(rewards, loop.choices, loop.real_fraction), "forecast")
        assert {name: verdicts(rows, name) for name in CLAIMS} == {name: [verdict[name]] * 6 for name in CLAIMS}


def test_rows_have_the_columns_of_the_claims_table_and_one_row_for_each_generation() -> None:
    rows = check_claims(PURE, trajectory([0.0, -1.0], 4, 0.0, generations=3), "forecast", ["lemma_2_2"])
    assert [tuple(row) for row in rows] == [COLUMNS] * 3
    assert [row["generation"] for row in rows] == [1, 2, 3]
    assert {(row["study"], row["arm"], row["claim"], row["source"]) for row in rows} == {
        ("ring", "curated only", "lemma_2_2", "forecast")
    }
    text = io.StringIO()
    csv.DictWriter(text, COLUMNS).writerows(rows)
    assert len(text.getvalue().splitlines()) == 3


def test_slack_is_the_signed_distance_to_lower_and_upper_bounds() -> None:
    values = trajectory([0.0, -1.0, -2.0], 4, 0.8)
    rows = check_claims(MIXED, values, "forecast", ["theorem_2_3", "theorem_2_4"])
    for row in rows:
        sign = 1 if row["claim"] == "theorem_2_3" else -1
        assert row["slack"] == pytest.approx(sign * (row["measured"] - row["bound"]), abs=1e-14)
        assert row["slack"] > 0
    assert rows[-1]["bound"] == pytest.approx(-math.log(1 - 3 / 4))


def test_a_measured_violation_beyond_noise_fails() -> None:
    (row,) = check_claims(PURE, measured_means([-0.10, -0.11, -0.09, -0.10]), "measured", ["lemma_2_2"])
    assert row["verdict"] == "fails"
    assert row["slack"] == pytest.approx(-0.10)
    assert row["standard_error"] == pytest.approx(math.sqrt(2e-4 / 3 / 4))


def test_a_measured_violation_inside_noise_holds_and_says_so() -> None:
    (row,) = check_claims(PURE, measured_means([-0.3, 0.2, -0.1, 0.1]), "measured", ["lemma_2_2"])
    assert (row["verdict"], row["note"]) == ("holds", "within noise")
    assert row["slack"] < 0


@pytest.mark.parametrize(("mean", "verdict"), [(-2.77, "holds"), (-2.79, "fails")])
def test_the_error_bar_is_the_tabulated_one_sided_97_5_percent_student_quantile(mean: float, verdict: str) -> None:
    # t(0.975, 4 degrees of freedom) = 2.776 in the printed tables; these five numbers have standard error 1.
    unit = np.array([-2, -1, 0, 1, 2]) * math.sqrt(2)
    (row,) = check_claims(PURE, measured_means(list(unit + mean)), "measured", ["lemma_2_2"])
    assert row["standard_error"] == pytest.approx(1)
    assert row["verdict"] == verdict


def test_a_positive_mean_slack_holds_without_a_note() -> None:
    (row,) = check_claims(PURE, measured_means([0.3, -0.1]), "measured", ["lemma_2_2"])
    assert (row["verdict"], row["note"]) == ("holds", "")


@pytest.mark.parametrize(("slack", "verdict"), [(0.01, "holds"), (0.0, "holds"), (-0.01, "fails")])
def test_a_single_seed_is_judged_by_sign_and_has_no_error_bar(slack: float, verdict: str) -> None:
    (row,) = check_claims(PURE, measured_means([slack]), "measured", ["lemma_2_2"])
    assert (row["verdict"], row["note"]) == (verdict, "one seed, no error bar")
    assert math.isnan(row["standard_error"])


def test_one_bad_seed_fails_a_forecast_although_the_mean_satisfies_it() -> None:
    (row,) = check_claims(PURE, measured_means([0.5, 0.5, -1e-6]), "forecast", ["lemma_2_2"])
    assert (row["verdict"], row["note"]) == ("fails", "smallest slack -1e-06")
    assert row["slack"] > 0 and row["standard_error"] > 0


def test_a_forecast_is_forgiven_rounding() -> None:
    (row,) = check_claims(PURE, measured_means([-5e-10]), "forecast", ["lemma_2_2"])
    assert row["verdict"] == "holds"


def test_values_that_are_not_numbers_exempt_their_generations_only() -> None:
    values = measured_means([0.1, 0.1])
    values = {name: np.concatenate([array, array[:, 1:]], axis=1) for name, array in values.items()}
    values["exp_reward_mean"][1, 2] = math.nan
    rows = check_claims(PURE, values, "measured", ["lemma_2_2"])
    assert verdicts(rows, "lemma_2_2") == ["holds", "not applicable"]
    assert rows[1]["note"] == "no finite slack in 1 of 2 seeds"


def test_the_top_share_must_not_fall() -> None:
    shares = np.array([[0.1, 0.5, 0.2], [0.1, 0.5, 0.21]])
    rows = check_claims(PURE, {"top_share": shares}, "measured", ["theorem_2_1"])
    assert verdicts(rows, "theorem_2_1") == ["holds", "fails"]
    assert rows[0]["measured"] == pytest.approx(math.log(2)) and rows[0]["bound"] == pytest.approx(math.log(10))


def test_losing_the_highest_reward_in_all_seeds_fails_and_in_some_is_undecided() -> None:
    rows = check_claims(PURE, {"top_share": [[0.1, 0.0], [0.1, 0.0]]}, "measured", ["theorem_2_1"])
    assert verdicts(rows, "theorem_2_1") == ["fails"]
    rows = check_claims(PURE, {"top_share": [[0.1, 0.0], [0.1, 0.2]]}, "measured", ["theorem_2_1"])
    assert verdicts(rows, "theorem_2_1") == ["not applicable"]


def test_without_mass_on_the_highest_reward_theorem_2_1_is_vacuous() -> None:
    (row,) = check_claims(PURE, {"top_share": [[0.0, 0.1], [0.2, 0.3]]}, "measured", ["theorem_2_1"])
    assert (row["verdict"], row["note"]) == (
        "vacuous",
        "in generation 0 of 1 of 2 seeds no sample has the highest reward",
    )


@pytest.mark.parametrize("claim", list(CLAIMS))
def test_no_published_claim_speaks_of_biased_samples(claim: str) -> None:
    loop = ClosedLoop("study", "arm", 4, 0.5, is_biased=True)
    rows = check_claims(loop, trajectory([0.0, -1.0, -2.0], 4, 0.5), "measured", [claim])
    assert {(row["verdict"], row["note"]) for row in rows} == {
        ("not applicable", "the claim is about samples of what was learnt, here sampling is biased")
    }


@pytest.mark.parametrize("claim", list(CLAIMS))
def test_claims_speak_of_fresh_real_data_as_of_fixed_ones(claim: str) -> None:
    values = trajectory([0.0, -1.0, -2.0], 4, 0.8)
    fixed, fresh = (
        check_claims(ClosedLoop("study", "arm", 4, 0.8, regime), values, "forecast", [claim])
        for regime in ("augmentation", "fresh")
    )
    assert str(fixed) == str(fresh)  # a nan is not equal to itself


@pytest.mark.parametrize("regime", ["accumulate", "contamination"])
@pytest.mark.parametrize("claim", list(CLAIMS))
def test_no_published_claim_speaks_of_accumulating_data(claim: str, regime: TrainedRegime) -> None:
    loop = ClosedLoop("study", "arm", 4, 0.5, regime)
    rows = check_claims(loop, trajectory([0.0, -1.0, -2.0], 4, 0.5), "forecast", [claim])
    assert {(row["verdict"], row["note"]) for row in rows} == {
        ("not applicable", "the claim is about training sets of constant proportions, here data accumulate")
    }


@pytest.mark.parametrize(
    ("claim", "choices", "real_fraction", "source", "verdict", "reason"),
    [
        ("theorem_2_1", 1, 0.0, "measured", "not applicable", "K = 1"),
        ("theorem_2_3", 1, 0.5, "measured", "vacuous", "K = 1"),
        ("theorem_2_3", 4, 1.0, "measured", "vacuous", "lambda = 0"),
        ("theorem_2_4", 4, 2 / 3, "forecast", "vacuous", "lambda = 0.5 is not below 1/(K-1) = 0.3333"),
        ("theorem_2_4", math.inf, 0.9, "forecast", "vacuous", "1/(K-1) = 0,"),
        ("theorem_2_4", 4, 0.8, "measured", "not applicable", "samples do not bound"),
        ("kl_from_reference", 4, 0.8, "measured", "not applicable", "samples do not bound"),
        ("kl_from_reference", 4, 0.0, "measured", "vacuous", "infinite"),
    ],
)
def test_claims_that_say_nothing_give_their_reason(
    claim: str, choices: float, real_fraction: float, source: str, verdict: str, reason: str
) -> None:
    values = {name: np.full((2, 3), 0.5) for name in METRICS}
    rows = check_claims(ClosedLoop("study", "arm", choices, real_fraction), values, source, [claim])
    assert [row["verdict"] for row in rows] == [verdict] * 2
    assert all(reason in row["note"] and math.isnan(row["slack"]) for row in rows)


def test_a_metric_that_was_not_recorded_exempts_the_claim() -> None:
    rows = check_claims(PURE, {"reward_mean": np.zeros((2, 2))}, "measured")
    notes = {row["claim"]: row["note"] for row in rows}
    assert notes["theorem_2_1"] == "metric top_share was not recorded"
    assert notes["lemma_2_2"] == "metric exp_reward_mean was not recorded"


def test_a_claim_of_ones_own_joins_by_registration(monkeypatch: pytest.MonkeyPatch) -> None:
    def reward_never_exceeds_one(loop: ClosedLoop, metrics: dict, source: str) -> Evidence | Exemption:
        rewards = metrics["reward_mean"][:, 1:]
        return Evidence(rewards, np.ones_like(rewards), is_upper_bound=True)

    monkeypatch.setitem(CLAIMS, "reward_never_exceeds_one", reward_never_exceeds_one)
    rows = check_claims(PURE, {"reward_mean": [[0.0, 0.5, 1.5]]}, "measured", ["reward_never_exceeds_one"])
    assert [row["verdict"] for row in rows] == ["holds", "fails"]


def test_unknown_claims_sources_and_ragged_metrics_are_refused() -> None:
    with pytest.raises(RecurateError, match="no claim 'lemma_9'; known claims are lemma_2_2"):
        check_claims(PURE, measured_means([0.0]), "measured", ["lemma_9"])
    with pytest.raises(RecurateError, match="forecast or measured"):
        check_claims(PURE, measured_means([0.0]), "guessed")
    with pytest.raises(RecurateError, match="Metrics of arm curated only"):
        check_claims(PURE, {"a": np.zeros((2, 3)), "b": np.zeros((2, 4))}, "measured")
    with pytest.raises(RecurateError, match="Metrics of arm curated only"):
        check_claims(PURE, {}, "measured")
