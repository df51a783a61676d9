"""Claims about simulated loops: what is supported, what is contradicted, and what could not have failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from loops import estimator, loop

from recurate.closed_form.laws.registry import laws_of
from recurate.closed_form.rates import (
    bootstrap_means,
    fit_rates,
    fitted_slope,
    has_logarithm,
    pool_sizes,
    theoretical_exponent,
)
from recurate.files.tables import METRIC_COLUMNS, write_rows
from recurate.study.common import Published
from recurate.theory import agreement
from recurate.theory.verdicts import CLAIM_COLUMNS, ArmRow, settled

RANDOM = np.random.default_rng(0)
NORMAL = RANDOM.normal(1.0, 0.1, 100)
ERROR = NORMAL.std(ddof=1) / 10


def law(value: float, deviation: float | str = "", order: float | str = "", metric: str = "m") -> dict[str, str]:
    head = {"arm": "a", "metric": metric, "generation": "3", "source": "theory"}
    return {**head, "value": str(value), "deviation": str(deviation), "order": str(order)}


def judged(sample: np.ndarray, **of: Any) -> ArmRow:
    row = law(**of)
    (found,) = settled(agreement.with_laws({("a", row["metric"], 3): sample}, [row], {"a": 1}))
    return found


def verdict(sample: np.ndarray, **of: Any) -> tuple[str, str]:
    row = judged(sample, **of)
    return row["verdict"], row["note"]


# Of 100 replicates t(.9875) is 2.27 standard errors: equalities are tested on both sides, at 2.5 % together.
@pytest.mark.parametrize(
    ("distance", "expected"),
    [(0.0, "supported"), (2.2, "supported"), (-2.2, "supported"), (2.4, "contradicted"), (-2.4, "contradicted")],
)
def test_an_exact_law_is_met_within_its_errors(distance: float, expected: str) -> None:
    assert verdict(NORMAL, value=NORMAL.mean() + distance * ERROR)[0] == expected


def test_a_law_is_supported_only_within_a_tenth_of_its_value() -> None:
    """Means of 0.5 +- 0.02 and of 0.5 +- 0.06 agree with 0.5; that they lie within 0.05 is shown of the first alone."""
    unit = np.array([-1, 1] * 50) * np.sqrt(0.99)  # standard error 0.1
    near, far = judged(0.5 + 0.2 * unit, value=0.5), judged(0.5 + 0.6 * unit, value=0.5)
    assert [near["verdict"], far["verdict"]] == ["supported", "undecided"]
    assert near["margin"] == far["margin"] == 0.05
    assert far["upper"] == pytest.approx(1.984 * 0.06, rel=1e-3)  # t(.975, 99) = 1.984 in the printed tables


def test_logarithms_are_equal_within_that_of_a_tenth() -> None:
    sample = np.array([-1, 1] * 50) * 0.3
    assert judged(sample, value=0.0, metric="log_variance")["verdict"] == "supported"
    assert judged(sample, value=0.0, metric="mean")["verdict"] == "undecided"
    assert judged(sample, value=0.0, metric="log_variance")["margin"] == pytest.approx(np.log(1.1))


def test_a_contradiction_says_by_how_many_standard_errors_and_whether_it_is_small() -> None:
    assert verdict(NORMAL, value=NORMAL.mean() + 20 * ERROR) == ("contradicted", "20.0 standard errors away; theory")
    small = "5.0 standard errors away, though within the margin; theory"
    assert verdict(NORMAL, value=NORMAL.mean() + 5 * ERROR) == ("contradicted", small)


def test_what_a_law_leaves_out_is_allowed_besides() -> None:
    value = NORMAL.mean() + 3 * ERROR
    assert verdict(NORMAL, value=value, order=ERROR)[0] == "supported"
    assert verdict(NORMAL, value=value, order=0.4 * ERROR)[0] == "contradicted"
    least = judged(NORMAL, value=value)["detectable"]
    assert judged(NORMAL, value=value, order=ERROR)["detectable"] == pytest.approx(least + ERROR)


def test_the_spread_that_theory_knows_counts_where_few_replicates_understate_it() -> None:
    value = NORMAL.mean() + 5 * ERROR
    assert verdict(NORMAL, value=value, deviation=0.3)[0] == "undecided"
    assert verdict(NORMAL, value=value, deviation=0.01)[0] == "contradicted"


@pytest.mark.parametrize(
    ("sample", "of", "reason"),
    [
        (NORMAL, {"value": 1.0, "deviation": 10.0}, "the mean rests on replicates rarer than 1 in 100"),
        (np.r_[np.zeros(99), 5.0], {"value": 1.0}, "the mean rests on fewer than 10 of 100 seeds"),
        (np.zeros(100), {"value": 1.0}, "the mean rests on fewer than 10 of 100 seeds"),
        (NORMAL, {"value": 1.0, "order": 0.6}, "what the law leaves out is no small correction"),
    ],
)
def test_a_comparison_that_could_not_fail_says_so(sample: np.ndarray, of: dict[str, float], reason: str) -> None:
    found, note = verdict(sample, **of)
    assert (found, note.partition(";")[0]) == ("vacuous", reason)


def test_one_replicate_decides_nothing() -> None:
    assert verdict(NORMAL[:1], value=1.0) == ("undecided", "one seed, no error bar; theory")


def test_a_law_without_randomness_is_met_to_rounding() -> None:
    assert verdict(np.full(5, 2.0), value=2.0 + 1e-12)[0] == "supported"
    assert verdict(np.full(5, 2.0), value=3.0) == ("contradicted", "the same in every seed; theory")


def test_a_published_number_of_one_run_is_compared_with_the_spread_of_runs() -> None:
    number = Published(arm="a", measure="m", generation=3, value=0.0, note="a notebook")
    values = {("a", "m", 3): NORMAL}
    spread = NORMAL.std(ddof=1)

    def of_runs(number: Published, spreads: float, runs: int = 1) -> Published:
        return number.model_copy(update={"value": NORMAL.mean() + spreads * spread, "replicates": runs})

    rows = [
        agreement.with_published(values, [of_runs(number, *of)], {"a": 1})[0] for of in ((2.2,), (2.4,), (1.0, 100))
    ]
    near, far, mean = (settled([row])[0] for row in rows)
    assert (near["verdict"], far["verdict"], mean["verdict"]) == ("undecided", "contradicted", "contradicted")
    assert near["note"] == "a notebook"


def rate(**changes: Any) -> dict[str, str]:
    base = {"arm": "a", "metric": "w1", "slope": "-0.4", "slope_error": "0.01", "slope_log_corrected": "-0.55"}
    rest = {"slope_log_corrected_error": "0.02", "theory": "-0.5", "logarithm": "False", "slope_of_law": "", "law": ""}
    return {**base, **rest, **{key: str(value) for key, value in changes.items()}}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ["contradicted"]),
        ({"slope": -0.49}, ["undecided"]),
        ({"slope": -0.9}, ["supported"]),  # faster than the bound
        ({"logarithm": True}, ["supported"]),
        ({"logarithm": True, "slope_log_corrected_error": 0.1}, ["undecided"]),
        ({"law": "exact", "slope_of_law": -0.41}, ["supported", "vacuous"]),
        ({"law": "exact", "slope_of_law": -0.51}, ["contradicted", "contradicted"]),
        ({"law": "exact", "slope_of_law": -0.53, "slope": -0.53}, ["supported", "supported"]),
        ({"law": "first order", "slope_of_law": -0.41}, ["vacuous"]),
        # Divided by its logarithm the law's slope is by 0.15 steeper, as all are.
        ({"law": "exact", "slope_of_law": -0.39, "logarithm": True}, ["supported", "supported"]),
        ({"law": "exact", "slope_of_law": -0.34, "logarithm": True}, ["contradicted", "vacuous"]),
    ],
)
def test_slopes_are_held_to_the_law_and_to_the_bound(changes: dict[str, Any], expected: list[str]) -> None:
    rows = settled(agreement.with_rates([rate(**changes)], 100, 50, {"a": 1}))
    assert [row["verdict"] for row in rows] == expected
    assert {frozenset(row) for row in rows} == {frozenset(CLAIM_COLUMNS[1:])}


def test_values_are_read_by_arm_metric_and_generation(tmp_path: Path) -> None:
    rows = [
        {"study": "s", "arm": "a", "generation": g, "seed": s, "metric": "m", "value": repr(10.0 * g + s)}
        for g in (0, 7)
        for s in range(3)
    ]
    write_rows(tmp_path / "metrics.csv", METRIC_COLUMNS, rows)
    found = agreement.read_values(str(tmp_path / "metrics.csv"))
    assert set(found) == {("a", "m", 0), ("a", "m", 7)}
    np.testing.assert_array_equal(found["a", "m", 7], [70, 71, 72])


# Rates


def test_the_slope_of_a_power_law_is_its_exponent() -> None:
    sizes = np.arange(50, 5000, 50)
    np.testing.assert_allclose(fitted_slope(sizes, np.stack([3 * sizes**-0.5, sizes**-0.1])), [-0.5, -0.1])


def test_pools_grow_by_what_every_round_adds() -> None:
    of = loop({"regime": "contamination", "real": 50, "real_fraction": 0.25}, 3)
    np.testing.assert_array_equal(pool_sizes(of), [50, 250, 450, 650])
    np.testing.assert_array_equal(pool_sizes(loop({"regime": "accumulate", "initial": 5}, 2)), [5, 10, 15])


@pytest.mark.parametrize(
    ("exponents", "smallest", "logarithm"),
    [((0.5, 0.25, np.inf), 0.25, False), ((0.5, 0.5, np.inf), 0.5, True), ((0.5, 0.25, 0.25), 0.25, True),
     ((0.5, 0.75, 0.25), 0.25, False), ((0.5, 1.0, np.inf), 0.5, False)],
)  # fmt: skip
def test_the_smallest_exponent_counts_and_two_of_it_add_a_logarithm(
    exponents: tuple[float, float, float], smallest: float, logarithm: bool
) -> None:
    assert theoretical_exponent(*exponents) == smallest
    assert has_logarithm(*exponents) == logarithm


def test_bootstrap_errors_equal_the_standard_error_of_the_mean() -> None:
    values = RANDOM.normal(size=(50, 3))
    found = bootstrap_means(values).std(axis=0)
    # Of RESAMPLES samples a standard deviation has the relative error 1 / sqrt(2 RESAMPLES), 2.2 %.
    np.testing.assert_allclose(found, values.std(axis=0) / np.sqrt(50), rtol=0.08)


def test_rates_of_a_law_are_fitted_to_what_follows_it() -> None:
    of = loop({"regime": "contamination", "real": 50, "real_fraction": 0.5}, 300)
    fitted = estimator(kind="ecdf", points=50)
    laws = {found.measure: found.values for found in laws_of(fitted, of)}
    noise = np.exp(RANDOM.normal(0, 0.05, (20, 1)))
    values = {"squared_distance": noise * laws["squared_distance"]}
    (found,) = fit_rates(fitted, of, values, ["squared_distance"], 30, 0.5)
    assert float(found["slope"]) == pytest.approx(float(found["slope_of_law"]))
    assert float(found["theory"]) == -1.0  # of a square
    assert found["logarithm"] == "True" and found["law"] == "exact"
    assert float(found["slope_log_corrected"]) < float(found["slope"])
