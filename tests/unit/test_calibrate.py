"""Closed-form studies with other seeds: independent comparisons, false alarms, what is seen of wrong laws."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from long_cases import others_long

from recurate.closed_form.laws.urn import mean_root
from recurate.commands import calibrate
from recurate.foundation.errors import RecurateError
from recurate.study.reading import read_study
from recurate.study.simulated import SimulatedStudy
from recurate.theory import agreement
from recurate.theory.pooling import independent_rows, mean_squared_correlation
from recurate.theory.verdicts import settled

STUDIES = Path(__file__).parents[2] / "config/studies"


def shipped(name: str) -> SimulatedStudy:
    study = read_study(STUDIES / f"{name}.yaml", "demo", {})
    assert isinstance(study, SimulatedStudy)
    return study


@pytest.mark.parametrize(("columns", "copies"), [(200, 1), (20, 10), (1, 200)])
def test_rows_count_as_many_independent_ones_as_they_were_made_of(columns: int, copies: int) -> None:
    """200 rows that are copies of 200, 20 and 1, seen in 50 replicates: of the first plain r^2 would say 40."""
    drawn = np.random.default_rng(0).exponential(size=(50, columns))
    likeness = mean_squared_correlation(np.tile(drawn, copies))
    assert independent_rows(200, likeness) == pytest.approx(columns, rel=0.1)


def test_independent_rows_are_the_participation_ratio_of_the_correlations_eigenvalues() -> None:
    random = np.random.default_rng(1)
    mixing = random.normal(size=(12, 12))
    values = random.normal(size=(200_000, 12)) @ mixing
    eigenvalues = np.linalg.eigvalsh(np.corrcoef(values, rowvar=False))
    expected = eigenvalues.sum() ** 2 / np.square(eigenvalues).sum()
    assert independent_rows(12, mean_squared_correlation(values)) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("weights", [[1.0], [1.0, 1.0, 1.0], [3.0, 1.0, 0.1], [1e-9, 2.0]])
def test_the_mean_root_of_weighed_squares_equals_simulation_and_chi(weights: list[float]) -> None:
    drawn = np.sqrt(np.square(np.random.default_rng(2).normal(size=(1_000_000, len(weights)))) @ np.array(weights))
    assert mean_root(np.array(weights)) == pytest.approx(drawn.mean(), rel=3e-3)
    if len(set(weights)) == 1:
        n = len(weights)
        assert mean_root(np.array(weights)) == pytest.approx(
            math.sqrt(2) * math.gamma((n + 1) / 2) / math.gamma(n / 2), rel=1e-7
        )


def law(value: float, deviation: str = "", order: str = "") -> dict[str, str]:
    row = {"arm": "a", "metric": "m", "generation": "0", "source": "theory"}
    return {**row, "value": repr(value), "deviation": deviation, "order": order}


def test_the_spread_of_one_replicate_is_that_of_a_seeds_mean_times_the_root_of_its_loops() -> None:
    sample = np.array([0.9, 1.1] * 10)
    rows = agreement.with_laws({("a", "m", 0): sample}, [law(1.0, deviation="2.0")], {"a": 100})
    assert rows[0]["standard_error"] == pytest.approx(2 / math.sqrt(2000))
    assert (rows[0]["n"], rows[0]["degrees"]) == (2000, 19)


@pytest.mark.parametrize("order", [0.0, 0.04, 0.2])
def test_replicates_that_are_needed_see_a_tenth_with_80_percent_power(order: float) -> None:
    """Of a known spread of 3 with a law of 1, by simulated studies of 50 seeds of as many loops as are needed."""
    random, loops = np.random.default_rng(3), 10
    sample = random.normal(1.0, 3 / math.sqrt(loops), 50)
    sample = 1 + (sample - sample.mean()) * 3 / math.sqrt(loops) / sample.std(ddof=1)
    (row,) = settled(agreement.with_laws({("a", "m", 0): sample}, [law(1.0, order=repr(order))], {"a": loops}))
    factor = agreement.factor_needed(row, order)
    if order > 0.1:
        assert math.isinf(factor)
        return
    needed, seen = round(loops * factor), 0
    for _ in range(1000):
        means = random.normal(1.1, 3 / math.sqrt(needed), 50)
        found = agreement.with_laws({("a", "m", 0): means}, [law(1.0, order=repr(order))], {"a": needed})
        seen += settled(found)[0]["verdict"] == "contradicted"
    assert seen / 1000 == pytest.approx(0.8, abs=0.04)


@pytest.mark.parametrize(
    "name", others_long(["alemohammad_gaussian", "shumailov_gaussian"], lambda name: name != "shumailov_gaussian")
)
def test_a_shipped_study_has_the_replicates_that_power_asks_for(name: str) -> None:
    """The others take longer: `manage.py calibrate`, whose table stands in docs/limits.md."""
    found = calibrate.repeated(name, shipped(name), 1, 60)
    numbers = dict(zip(calibrate.COLUMNS[1:], calibrate.summary(found), strict=True))
    assert 0.8 < numbers["factor"] < 1.15
    assert numbers["noticed"] >= 0.5
    assert numbers["contradicted"] == 0
    assert 1 < numbers["independent"] < numbers["rows"] / 2


def test_the_page_on_limits_has_every_study_with_laws_as_it_is_shipped() -> None:
    text = (STUDIES.parents[1] / "docs/limits.md").read_text()
    told = {name: size for name, size in re.findall(r"\| `(\w+)` \| (\d+ x \d+) \|", text)}
    studies = {path.stem: read_study(path, "demo", {}) for path in STUDIES.glob("*.yaml")}
    simulated = {name: study for name, study in studies.items() if isinstance(study, SimulatedStudy)}
    lawful = {name: {law["arm"] for law in calibrate.laws_table(name, study)} for name, study in simulated.items()}
    assert told == {
        name: f"{len(simulated[name].seeds)} x {loops}"
        for name, arms in lawful.items()
        for loops in {simulated[name].arms[arm].replicates for arm in arms}
    }


def test_other_seeds_are_those_after_the_shipped_ones_and_laws_a_tenth_too_high_are_just_that() -> None:
    study = shipped("alemohammad_gaussian").model_copy(update={"seeds": [0, 1, 5], "generations": 3})
    found = calibrate.repeated("s", study, 2, 60)
    first, second = (values["synthetic_1_0", "variance", 3] for values in found.values)
    assert not np.array_equal(first, second)
    for right, wrong in zip(found.right[0], found.wrong[0], strict=True):
        expected = right["bound"] + math.log(1.1) if "log" in right["claim"] else 1.1 * right["bound"]
        assert wrong["bound"] == pytest.approx(expected)


def test_a_study_without_laws_cannot_be_calibrated() -> None:
    with pytest.raises(RecurateError, match="kazdan_kde is no simulated study with laws; these are: alemohammad"):
        calibrate.main(["kazdan_kde"])
