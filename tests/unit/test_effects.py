"""Controls: which arm is whose, what table and figure of effects say, and what they say of loops that are none."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
from figure_setup import arm_view, study_view
from ideal_learners import ideal_loops, split
from script import call
from study_setup import ROOT, changed, complaint, read

import effects as script
from recurate.figures import Files, effects, trajectory
from recurate.files.tables import FORECAST_COLUMNS, METRIC_COLUMNS, write_rows
from recurate.foundation.errors import RecurateError
from recurate.report.report import arm_table
from recurate.stages.views import figure_reads, trained_view
from recurate.study.controls import controls, of_other_size
from recurate.study.reading import read_study
from recurate.study.trained import Study
from recurate.theory.effects import EFFECT_COLUMNS, effect_of, effect_rows
from recurate.workflow.project import Project
from recurate.workflow.studies import Wildcards

STUDIES = sorted((ROOT / "config/studies").glob("*.yaml"))
ARM = changed()["arms"]["curated"]
SEEDS, GENERATIONS = 4, 3


def alike(**changes: Any) -> dict[str, Any]:
    """The curated arm of the small study with nobody to choose, and other changes."""
    return {**ARM, "curation": {**ARM["curation"], "choices": 1}, **changes}


# Which arm is whose


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_curated_arm_that_is_shipped_has_a_control_that_differs_in_the_choice_alone(path: Path) -> None:
    study = read_study(path, "demo", {})
    if not isinstance(study, Study):
        pytest.skip("closed-form loops are compared with laws")
    found = controls(study)
    assert found.keys() == {name for name, arm in study.arms.items() if arm.curation.bradley_terry_choices != 1}
    for arm, control in found.items():
        one, other = (study.arms[name].model_dump(exclude={"title", "panel", "parameters"}) for name in (arm, control))
        one["sampler"], other["sampler"] = (
            block["sampler"] or study.origins[block["origin"]].sampler.model_dump() for block in (one, other)
        )
        assert other["curation"].pop("choices") == 1 != one["curation"].pop("choices")
        assert {"kind": other["curation"]["kind"], "kept": other["curation"]["kept"]} == {
            "kind": "bradley_terry", "kept": one["curation"]["kept"],
        }  # fmt: skip
        del one["curation"], other["curation"]
        assert one == other


@pytest.mark.parametrize(
    "changes",
    [
        {"mixing": {"lambda": 0.3}},
        {"mixing": {"regime": "accumulate", "lambda": 0.5}},
        {"retraining": {**ARM["retraining"], "steps": 11}},
        {"retraining": {**ARM["retraining"], "start": "scratch"}},
        {"reward": {**ARM["reward"], "gamma": 2.0}},
        {"sampler": {"kind": "ode", "steps": 7}},
        {"curation": {**ARM["curation"], "choices": 1, "kept": 50}},
        {"curation": {**ARM["curation"], "choices": 2}},
    ],
    ids=str,
)
def test_an_arm_that_differs_in_more_than_the_choice_is_no_control(changes: dict[str, Any], tmp_path: Path) -> None:
    assert controls(read(changed(("arms.alone", alike())), tmp_path)) == {"curated": "alone"}
    assert "curated" not in controls(read(changed(("arms.alone", alike(**changes))), tmp_path))


def test_a_sampler_that_an_arm_repeats_is_that_of_its_origin_and_the_first_control_counts(tmp_path: Path) -> None:
    arms = {"one": alike(sampler={"kind": "ode"}, title="one"), "two": alike(title="two"), "curated": ARM}
    assert controls(read(changed(("arms", arms)), tmp_path)) == {"curated": "one"}


def test_a_control_itself_needs_none(tmp_path: Path) -> None:
    assert controls(read(changed(("arms", {"one": alike(), "two": alike()})), tmp_path)) == {}


def test_an_arm_whose_control_would_keep_another_number_says_which_numbers_these_are(tmp_path: Path) -> None:
    other = alike(curation={**ARM["curation"], "choices": 1, "kept": 50})
    settings = changed(("arms", {"curated": ARM, "alone": other, "mixed": {**ARM, "mixing": {"lambda": 0.3}}}))
    study = read(settings, tmp_path)
    sentence = "no control: keeps 100, `alone` keeps 50"
    assert of_other_size(study) == {"curated": sentence}
    arms = trained_view("tiny", study).arms
    assert {name: arm.no_control for name, arm in arms.items()} == {"curated": sentence, "alone": "", "mixed": ""}
    heads = arm_table(arms, {name: {} for name in arms}, {})["heads"]
    assert [head["no_control"] for head in heads] == [arm.no_control for arm in arms.values()]
    (line,) = complaint(changed(("figures", ["effects"]), ("arms", settings["arms"])), tmp_path)
    assert f"figures: effects: curated: {sentence}; let a curated arm and its control keep equally many" in line
    settings["arms"]["same"] = alike()
    assert of_other_size(read(settings, tmp_path)) == {}


# Numbers


def test_effect_is_the_paired_t_interval_of_scipy() -> None:
    random = np.random.default_rng(1)
    arm, control = random.normal(size=(2, 6, 5))
    effect, paired = effect_of(arm, control), scipy.stats.ttest_rel(arm, control)
    np.testing.assert_allclose(effect.p_value, paired.pvalue)
    interval = paired.confidence_interval(0.95)
    np.testing.assert_allclose([effect.low, effect.high], [interval.low, interval.high])
    np.testing.assert_allclose(effect.mean, (arm - control).mean(axis=0))


def test_seeds_as_pairs_take_out_what_arm_and_control_share() -> None:
    random = np.random.default_rng(2)
    shared = random.normal(size=(6, 4))
    effect = effect_of(shared + 0.1 + 0.001 * random.normal(size=(6, 4)), shared)
    assert (effect.low > 0.09).all() and (effect.high < 0.11).all()


def test_without_an_effect_the_interval_excludes_zero_in_one_of_twenty_and_what_is_detectable_in_four_of_five() -> None:
    random = np.random.default_rng(3)
    for seeds in (2, 4, 6):
        noise = random.normal(size=(seeds, 20_000))
        effect = effect_of(noise, np.zeros_like(noise))
        assert np.mean((effect.low > 0) | (effect.high < 0)) == pytest.approx(0.05, abs=0.006)
        error_of_one = np.sqrt(1 / seeds)
        there = effect.detectable / effect.error * error_of_one  # in units of the noise, known here
        shifted = effect_of(noise + there[0], np.zeros_like(noise))
        assert np.mean(shifted.low > 0) == pytest.approx(0.8, abs=0.012)


def test_arms_that_are_alike_have_no_effect_and_one_seed_no_error() -> None:
    values = np.random.default_rng(4).normal(size=(3, 2))
    assert (effect_of(values, values).p_value == 1).all()
    assert effect_of(values + 1, values).p_value == pytest.approx([0, 0])
    one = effect_of(values[:1] + 1, values[:1])
    assert one.mean == pytest.approx([1, 1]) and np.isnan([one.low, one.high, one.p_value, one.detectable]).all()


def test_an_arm_and_a_control_of_other_seeds_are_refused() -> None:
    with pytest.raises(RecurateError, match="seeds and generations"):
        effect_of(np.zeros((3, 2)), np.zeros((4, 2)))


@pytest.mark.parametrize(("choices", "found"), [(4, 1.0), (1, 0.05)])
def test_ideal_learners_have_an_effect_where_people_choose_and_none_in_a_loop_sold_as_curated(
    choices: int, found: float
) -> None:
    random = np.random.default_rng(5)
    arms = split(ideal_loops(random, 4 * 400, 2, choices), 4)
    others = split(ideal_loops(random, 4 * 400, 2, 1), 4)
    higher = []
    for arm, control in zip(arms, others, strict=True):
        (row,) = effect_rows("s", {"a": "c"}, {"a": only(arm), "c": only(control)})
        higher.append(row["lower"] > 0 or row["upper"] < 0)
    assert np.mean(higher) == pytest.approx(found, abs=0.035)


def only(metrics: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The mean reward of generations 0 and 2."""
    return {"exp_reward_mean": metrics["exp_reward_mean"][:, [0, 2]]}


# Table


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """Metrics and forecast of an arm and its control, whose rewards differ by generation / 10."""
    random = np.random.default_rng(6)
    rows = []
    for seed in range(SEEDS):
        for generation in range(GENERATIONS + 1):
            noise = 0.01 * random.normal()
            for arm, choices in (("curated", 4), ("alone", 1)):
                reward = 0.2 + noise + (generation / 10 if choices > 1 else 0.0)
                values = {
                    "reward_mean": reward, "exp_reward_mean": reward, "exp_reward_variance": 0.1,
                    "curation_reward_after": reward, "neighbours_data": 3.0, "recall_data": 0.5,
                }  # fmt: skip
                place = {"study": "s", "arm": arm, "generation": generation, "seed": seed}
                rows += [{**place, "metric": name, "value": repr(value)} for name, value in values.items()]
    write_rows(tmp_path / "metrics.csv", METRIC_COLUMNS, rows)
    forecast = [{**row, "effective_sample_size": "500.0"} for row in rows if "reward_m" in row["metric"]]
    write_rows(tmp_path / "forecast.csv", FORECAST_COLUMNS, forecast)
    return tmp_path


def test_the_table_has_a_row_for_each_result_and_later_generation(tables: Path) -> None:
    call(
        script.main, metrics=str(tables / "metrics.csv"), effects=str(tables / "effects.csv"), study="s",
        spec={"controls": {"curated": "alone"}},
    )  # fmt: skip
    with (tables / "effects.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == EFFECT_COLUMNS
    assert {row["metric"] for row in rows} == {"reward_mean", "exp_reward_mean", "exp_reward_variance", "recall_data"}
    assert {int(row["generation"]) for row in rows} == {1, 2, 3}
    last = next(row for row in rows if row["metric"] == "reward_mean" and row["generation"] == "3")
    assert float(last["effect"]) == pytest.approx(0.3)
    assert float(last["value"]) - float(last["control_value"]) == pytest.approx(0.3)
    assert (last["arm"], last["control"], last["n"]) == ("curated", "alone", "4")


def test_only_studies_with_a_control_have_the_table(tmp_path: Path) -> None:
    def names(*changes: Any) -> tuple[str, ...]:
        (tmp_path / "studies").mkdir(exist_ok=True)
        read(changed(*changes), tmp_path / "studies")
        return Project({"studies": ["tiny"], "results": "r"}, str(tmp_path / "studies")).targets.tables("tiny")

    assert "effects.csv" not in names()
    assert "effects.csv" in names(("arms.alone", alike()))


# Figures

ARMS = {"alone": arm_view(title="K = 1", choices=1), "curated": arm_view(title="K = 4", control="alone")}
VIEW = study_view(ARMS, generations=GENERATIONS)


def heights(figure: Any) -> list[np.ndarray]:
    return [np.asarray(line.get_ydata(), dtype=float) for axes in figure.axes for line in axes.get_lines()]


def test_the_figure_draws_measured_and_forecast_differences(tables: Path) -> None:
    files = Files(metrics=str(tables / "metrics.csv"), forecast=str(tables / "forecast.csv"))
    printed = effects.Effects(kind="effects").draw(VIEW, files)
    wanted = np.arange(GENERATIONS + 1) / 10
    drawn = [line for line in heights(printed.figure) if line.shape == wanted.shape and np.allclose(line, wanted)]
    assert len(drawn) == 4  # two metrics, measured and forecast
    assert "undecided: K = 4: recall" in printed.caption and "n = 4 seeds" in printed.caption


def test_the_figure_is_refused_where_no_arm_has_a_control(tmp_path: Path) -> None:
    (line,) = complaint(changed(("figures", ["effects"])), tmp_path)
    assert "figures: effects: no curated arm has a control; add an arm" in line


def test_trajectories_show_a_control_beside_its_arm_and_in_no_column_of_its_own(tables: Path) -> None:
    files = Files(metrics=str(tables / "metrics.csv"), forecast=str(tables / "forecast.csv"))
    printed = trajectory.Trajectory(kind="trajectory").draw(VIEW, files)
    assert len({axes.get_subplotspec().colspan.start for axes in printed.figure.axes}) == 1
    lines = [line for axes in printed.figure.axes for line in axes.get_lines() if line.get_color() == "#7F7F7F"]
    assert len(lines) == len(printed.figure.axes)
    assert trajectory.CONTROLS in printed.caption and "Shown are the arms" not in printed.caption


def test_a_figure_shows_the_arms_that_it_names_and_no_others(tmp_path: Path) -> None:
    study = changed(("arms.alone", alike()), ("seeds", 3))
    (line,) = complaint({**study, "figures": [{"kind": "trajectory", "arms": ["alone", "gone"]}]}, tmp_path)
    assert line.endswith(
        "figures: trajectory: arms: there is no arm 'gone'; known are alone, curated; nearest is alone"
    )
    (tmp_path / "studies").mkdir()
    settings = {**study, "figures": [{"kind": "densities", "arms": ["alone"]}, "trajectory"]}
    read(settings, tmp_path / "studies")
    project = Project({"studies": ["tiny"], "results": "r"}, str(tmp_path / "studies"))
    of_job = project.figures.inputs(Wildcards(study="tiny", figure="densities"))
    assert len(of_job["samples"]) == 3 and all("/arms/curated/" not in path for path in of_job["curated"])
    shown = figure_reads("tiny", project.studies.trained["tiny"], project.studies.trained["tiny"].figures[0])
    assert list(shown.study.arms) == ["alone"]


def test_what_results_rest_on_is_no_effect() -> None:
    values = np.random.default_rng(7).normal(size=(3, 2))
    arm = {"test_perplexity": values, "perplexity_context": np.full((3, 2), 64.0)}
    assert {row["metric"] for row in effect_rows("s", {"a": "c"}, {"a": arm, "c": arm})} == {"test_perplexity"}
