"""Published bounds on exact random problems, and the verdicts of the claims table."""

from __future__ import annotations

import csv
import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from theory_setup import check_arm, forecast

from recurate.foundation.errors import RecurateError
from recurate.mixing.regimes import TrainedRegime
from recurate.theory import bounds
from recurate.theory.claims import CLAIMS, ClosedLoop, Evidence, Exemption
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
            "lemma_2_2": "supported",
            "theorem_2_1": "supported",
            "theorem_2_3": "not applicable",
            "theorem_2_4": "not applicable",
            "kl_from_reference": "vacuous",
        },
        MIXED: {
            "lemma_2_2": "not applicable",
            "theorem_2_1": "not applicable",
            "theorem_2_3": "supported",
            "theorem_2_4": "supported",
            "kl_from_reference": "supported",
        },
    }
    for loop, verdict in expected.items():
        rows = check_arm(loop, trajectory(rewards, loop.choices, loop.real_fraction), "forecast")
        assert {name: verdicts(rows, name) for name in CLAIMS} == {name: [verdict[name]] * 6 for name in CLAIMS}


def test_rows_have_the_columns_of_the_claims_table_and_one_row_for_each_generation() -> None:
    rows = check_arm(PURE, trajectory([0.0, -1.0], 4, 0.0, generations=3), "forecast", ["lemma_2_2"])
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
    rows = check_arm(MIXED, values, "forecast", ["theorem_2_3", "theorem_2_4"])
    for row in rows:
        sign = 1 if row["claim"] == "theorem_2_3" else -1
        assert row["slack"] == pytest.approx(sign * (row["measured"] - row["bound"]), abs=1e-14)
        assert row["slack"] > 0
    assert rows[-1]["bound"] == pytest.approx(-math.log(1 - 3 / 4))


def test_a_measured_violation_beyond_noise_contradicts() -> None:
    (row,) = check_arm(PURE, measured_means([-0.10, -0.11, -0.09, -0.10]), "measured", ["lemma_2_2"])
    assert (row["verdict"], row["note"]) == ("contradicted", "24.5 standard errors away")
    assert row["slack"] == pytest.approx(-0.10)
    assert row["standard_error"] == pytest.approx(math.sqrt(2e-4 / 3 / 4))


@pytest.mark.parametrize("slack", [[-0.3, 0.2, -0.1, 0.1], [0.3, -0.2, 0.1, -0.1]])
def test_what_lies_inside_noise_is_undecided_on_either_side(slack: list[float]) -> None:
    (row,) = check_arm(PURE, measured_means(slack), "measured", ["lemma_2_2"])
    assert (row["verdict"], row["note"]) == ("undecided", "")
    assert row["lower"] < 0 < row["upper"]


@pytest.mark.parametrize(
    ("mean", "verdict"),
    [(-2.79, "contradicted"), (-2.77, "undecided"), (2.77, "undecided"), (2.79, "supported")],
)
def test_the_limit_is_the_tabulated_one_sided_97_5_percent_student_quantile(mean: float, verdict: str) -> None:
    # t(0.975, 4 degrees of freedom) = 2.776 in the printed tables; these five numbers have standard error 1.
    unit = np.array([-2, -1, 0, 1, 2]) * math.sqrt(2)
    (row,) = check_arm(PURE, measured_means(list(unit + mean)), "measured", ["lemma_2_2"])
    assert (row["n"], row["degrees"], row["standard_error"]) == (5, 4, pytest.approx(1))
    assert (row["lower"], row["upper"]) == (
        pytest.approx(mean - 2.776, abs=1e-3),
        pytest.approx(mean + 2.776, abs=1e-3),
    )
    assert row["verdict"] == verdict


@pytest.mark.parametrize("slack", [0.01, 0.0, -0.01])
def test_a_single_seed_decides_nothing(slack: float) -> None:
    (row,) = check_arm(PURE, measured_means([slack]), "measured", ["lemma_2_2"])
    assert (row["verdict"], row["note"]) == ("undecided", "one seed, no error bar")
    assert math.isnan(row["standard_error"]) and math.isnan(row["lower"]) and math.isnan(row["detectable"] or math.nan)


def test_one_bad_seed_contradicts_a_forecast_although_the_mean_satisfies_it() -> None:
    (row,) = check_arm(PURE, measured_means([0.5, 0.5, -1e-6]), "forecast", ["lemma_2_2"])
    assert (row["verdict"], row["note"]) == ("contradicted", "smallest slack -1e-06")
    assert row["slack"] > 0 and (row["lower"], row["upper"]) == (pytest.approx(-1e-6), pytest.approx(0.5))


def test_a_forecast_is_forgiven_rounding() -> None:
    (row,) = check_arm(PURE, measured_means([-5e-10]), "forecast", ["lemma_2_2"])
    assert row["verdict"] == "supported"


def test_values_that_are_not_numbers_exempt_their_generations_only() -> None:
    values = measured_means([0.1, 0.1])  # the same in both seeds: no error at all
    values = {name: np.concatenate([array, array[:, 1:]], axis=1) for name, array in values.items()}
    values["exp_reward_mean"][1, 2] = math.nan
    rows = check_arm(PURE, values, "measured", ["lemma_2_2"])
    assert verdicts(rows, "lemma_2_2") == ["supported", "not applicable"]
    assert rows[1]["note"] == "no slack in 1 of 2 seeds"


def test_the_top_share_must_not_fall() -> None:
    shares = np.array([[0.1, 0.5, 0.2], [0.1, 0.5, 0.21]])
    rows = check_arm(PURE, {"top_share": shares}, "measured", ["theorem_2_1"])
    assert verdicts(rows, "theorem_2_1") == ["supported", "contradicted"]
    assert rows[0]["measured"] == pytest.approx(math.log(2)) and rows[0]["bound"] == pytest.approx(math.log(10))


@pytest.mark.parametrize(
    ("lost", "seeds", "verdict"),
    [(7, 7, "contradicted"), (6, 6, "undecided"), (6, 7, "undecided"), (0, 7, "supported"), (0, 5, "undecided")],
)
def test_infinite_slack_is_judged_by_signs(lost: int, seeds: int, verdict: str) -> None:
    """Seeds of one sign have probability 1/128 = .8 % if seven, 1.6 % if six: too much for one of two rows."""
    start = np.where(np.arange(seeds) < lost, 0.1, 0.0)[:, None]
    shares = np.concatenate([np.full((seeds, 1), 0.1), start, 0.1 - start], axis=1)
    rows = check_arm(PURE, {"top_share": shares}, "measured", ["theorem_2_1"])
    assert rows[1]["verdict"] == verdict
    assert "judged by signs" in rows[1]["note"]


def test_without_a_choice_the_lemma_is_an_equality_within_a_tenth() -> None:
    """Neither a rise nor a fall is in order at K = 1; that the mean stays is shown only within a margin."""
    loop = ClosedLoop("ring", "uncurated", 1, 0.0)
    noise = 0.02 * np.array([-1, 1, -1, 1])  # standard error 0.0115, t(0.975, 3) = 3.18: the interval is +- 0.037
    found = {
        mean: check_arm(loop, measured_means(list(noise + mean)), "measured", ["lemma_2_2"])[0]
        for mean in (-0.1, -0.03, 0.0, 0.01, 0.03, 0.1)
    }
    wanted = ["contradicted", "undecided", "supported", "supported", "undecided", "contradicted"]
    assert [row["verdict"] for row in found.values()] == wanted
    assert {row["margin"] for row in found.values()} == {0.05}


def test_without_mass_on_the_highest_reward_theorem_2_1_is_vacuous() -> None:
    (row,) = check_arm(PURE, {"top_share": [[0.0, 0.1], [0.2, 0.3]]}, "measured", ["theorem_2_1"])
    assert (row["verdict"], row["note"]) == (
        "vacuous",
        "in generation 0 of 1 of 2 seeds no sample has the highest reward",
    )


@pytest.mark.parametrize("claim", list(CLAIMS))
def test_no_published_claim_speaks_of_biased_samples(claim: str) -> None:
    loop = ClosedLoop("study", "arm", 4, 0.5, is_biased=True)
    rows = check_arm(loop, trajectory([0.0, -1.0, -2.0], 4, 0.5), "measured", [claim])
    assert {(row["verdict"], row["note"]) for row in rows} == {
        ("not applicable", "the claim is about samples of what was learnt, here sampling is biased")
    }


@pytest.mark.parametrize("claim", list(CLAIMS))
def test_claims_speak_of_fresh_real_data_as_of_fixed_ones(claim: str) -> None:
    values = trajectory([0.0, -1.0, -2.0], 4, 0.8)
    fixed, fresh = (
        check_arm(ClosedLoop("study", "arm", 4, 0.8, regime), values, "forecast", [claim])
        for regime in ("augmentation", "fresh")
    )
    assert str(fixed) == str(fresh)  # a nan is not equal to itself


@pytest.mark.parametrize("regime", ["accumulate", "contamination"])
@pytest.mark.parametrize("claim", list(CLAIMS))
def test_no_published_claim_speaks_of_accumulating_data(claim: str, regime: TrainedRegime) -> None:
    loop = ClosedLoop("study", "arm", 4, 0.5, regime)
    rows = check_arm(loop, trajectory([0.0, -1.0, -2.0], 4, 0.5), "forecast", [claim])
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
    rows = check_arm(ClosedLoop("study", "arm", choices, real_fraction), values, source, [claim])
    assert [row["verdict"] for row in rows] == [verdict] * 2
    assert all(reason in row["note"] and math.isnan(row["slack"]) for row in rows)


def test_a_metric_that_was_not_recorded_exempts_the_claim() -> None:
    rows = check_arm(PURE, {"reward_mean": np.zeros((2, 2))}, "measured")
    notes = {row["claim"]: row["note"] for row in rows}
    assert notes["theorem_2_1"] == "metric top_share was not recorded"
    assert notes["lemma_2_2"] == "metric exp_reward_mean was not recorded"


def test_a_claim_of_ones_own_joins_by_registration(monkeypatch: pytest.MonkeyPatch) -> None:
    def reward_never_exceeds_one(loop: ClosedLoop, metrics: dict, source: str) -> Evidence | Exemption:
        rewards = metrics["reward_mean"][:, 1:]
        return Evidence(rewards, np.ones_like(rewards), is_upper_bound=True)

    monkeypatch.setitem(CLAIMS, "reward_never_exceeds_one", reward_never_exceeds_one)
    rows = check_arm(PURE, {"reward_mean": [[0.0, 0.5, 1.5]]}, "forecast", ["reward_never_exceeds_one"])
    assert [row["verdict"] for row in rows] == ["supported", "contradicted"]


def test_unknown_claims_sources_and_ragged_metrics_are_refused() -> None:
    with pytest.raises(RecurateError, match="no claim 'lemma_9'; known claims are lemma_2_2"):
        check_arm(PURE, measured_means([0.0]), "measured", ["lemma_9"])
    with pytest.raises(RecurateError, match="forecast or measured"):
        check_arm(PURE, measured_means([0.0]), "guessed")
    with pytest.raises(RecurateError, match="Metrics of arm curated only"):
        check_arm(PURE, {"a": np.zeros((2, 3)), "b": np.zeros((2, 4))}, "measured")
    with pytest.raises(RecurateError, match="Metrics of arm curated only"):
        check_arm(PURE, {}, "measured")
