"""Simulated studies in the graph: one job for each arm, nothing stale, tables, figures and the report."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny import Copy, contents, fresh

from recurate.closed_form.tables import LAW_COLUMNS, RATE_COLUMNS
from recurate.files.arrays import read_arrays
from recurate.files.tables import METRIC_COLUMNS, read_rows
from recurate.theory.verdicts import CLAIM_COLUMNS

LOOPS: dict[str, Any] = {
    "loop": "simulated",
    "title": "Loops for tests",
    "answers": "nothing",
    "generations": 40,
    "seeds": 12,
    "measures": ["w1", "squared_distance"],
    "rates": {"measures": ["w1", "squared_distance"], "drop": 3, "exponent": 0.5},
    "figures": ["curves", "rates"],
    "arms": {
        "ecdf": {
            "each": {"mixing.real_fraction": [0.25, 1.0]},
            "title": "α = {real_fraction}",
            "panel": "resampled",
            "estimator": {"kind": "ecdf", "points": 60},
            "mixing": {"regime": "contamination", "real": 20},
        },
        "kde": {
            "panel": "smoothed",
            "estimator": {"kind": "lattice_kde", "points": 60},
            "mixing": {"regime": "contamination", "real": 20, "real_fraction": 0.5},
        },
    },
}


def write(project: Copy, **changes: Any) -> None:
    project.study_file.write_text(yaml.safe_dump({**LOOPS, **changes}, sort_keys=False))


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The study, built once; tests must not change it."""
    copy = fresh(tmp_path_factory.mktemp("simulated") / "project")
    write(copy)
    done = copy.snakemake()
    assert done.returncode == 0, done.stdout
    return copy


@pytest.fixture
def project(simulated: Copy, tmp_path: Path) -> Copy:
    shutil.copytree(simulated.folder, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__"))
    return Copy(tmp_path / "project")


def test_each_arm_is_one_job_and_all_generations_are_recorded(simulated: Copy) -> None:
    folder = simulated.folder / "results/tiny"
    assert sorted(path.name for path in (folder / "arms").iterdir()) == ["ecdf_0_25", "ecdf_1_0", "kde"]
    arrays = read_arrays(folder / "arms/kde/trajectories.safetensors")
    of_seeds, quantiles = {"w1": (12, 41), "squared_distance": (12, 41)}, {"quantiles/w1", "quantiles/squared_distance"}
    assert {name: array.shape for name, array in arrays.items() if name not in quantiles} == of_seeds
    assert {arrays[name].shape for name in quantiles} == {(3, 18)}
    rows = read_rows(folder / "metrics.csv", METRIC_COLUMNS)
    last = [row for row in rows if (row["arm"], row["generation"], row["metric"]) == ("kde", "40", "w1")]
    assert [float(row["value"]) for row in last] == arrays["w1"][:, 40].tolist()


def test_tables_hold_laws_rates_and_verdicts(simulated: Copy) -> None:
    folder = simulated.folder / "results/tiny"
    laws = read_rows(folder / "laws.csv", LAW_COLUMNS)
    assert {row["arm"] for row in laws} == {"ecdf_0_25", "ecdf_1_0"}
    assert len(read_rows(folder / "rates.csv", RATE_COLUMNS)) == 6
    claims = read_rows(folder / "claims.csv", CLAIM_COLUMNS)
    exact = [row["verdict"] for row in claims if row["claim"] == "law_squared_distance"]
    assert "undecided" in exact and "contradicted" not in exact


def test_the_report_and_the_provenance_show_the_study(simulated: Copy) -> None:
    report = (simulated.folder / "results/report.html").read_text()
    for text in ("Loops for tests", "Agreement with theory", "law of the integral", "closed-form loops"):
        assert text in report
    assert report.count("data:image/png;base64") == 2
    chain = simulated.run(sys.executable, "scripts/manage.py", "trace", "--all", "results/tiny/figures/rates.pdf")
    assert "arms/kde/trajectories.safetensors" in chain.stdout


@pytest.mark.parametrize(
    ("changes", "jobs"),
    [
        ({}, {}),
        ({"title": "Another"}, {"draw": 2}),
        ({"figures": [{"kind": "curves", "rows": ["w1"]}, "rates"]}, {"draw": 1}),
        ({"rates": {**LOOPS["rates"], "drop": 5}}, {"rates": 1, "claims": 1, "draw": 2}),
    ],
)
def test_only_what_a_change_touches_runs_again(project: Copy, changes: dict[str, Any], jobs: dict[str, int]) -> None:
    write(project, **changes)
    around = {"account", "resolved_config"}
    assert {rule: n for rule, n in project.planned().items() if rule not in around} == jobs


def test_another_arm_runs_alone(project: Copy) -> None:
    more = {**LOOPS["arms"], "more": {**LOOPS["arms"]["kde"], "mixing": {"regime": "replace", "initial": 20}}}
    write(project, arms=more, rates=None, figures=["curves"])
    planned = project.planned()
    assert planned["simulate"] == 1


def test_an_edited_estimator_runs_its_own_arms_again(project: Copy) -> None:
    project.edit("scripts/recurate/closed_form/estimators/lattice_kde.py", "MARGIN = 12", "MARGIN = 13")
    assert project.planned()["simulate"] == 1


def test_the_same_bytes_come_out_again(simulated: Copy, tmp_path: Path) -> None:
    again = fresh(tmp_path / "again")
    write(again)
    assert again.snakemake().returncode == 0
    assert contents(again) == contents(simulated)


def test_a_mistake_stops_before_anything_runs(project: Copy) -> None:
    write(project, measures=["w2"])
    done = project.snakemake("tiny")
    assert done.returncode != 0
    assert "tiny.yaml: measures: 'w2' is not known" in done.stdout


OWN = '''
from recurate.figures import SimulatedFigure
from recurate.figures.parts import style
from recurate.figures.parts.series import read_measured


class Ends(SimulatedFigure):
    """Bars as high as every arm's last error."""

    reads = ("metrics",)

    def check(self, study):
        study.check_measures("measures", ["w1"])

    def draw(self, study, files):
        measured = read_measured(files.metrics)
        figure = style.new_figure(3, 2)
        figure.subplots().bar(list(study.arms), [measured[arm]["w1"].values[:, -1].mean() for arm in study.arms])
        return style.Printed(figure, "The last errors.")
'''


def test_a_figure_from_outside_the_library_is_checked_drawn_and_redrawn_alone(project: Copy) -> None:
    (project.folder / "my_ends.py").write_text(OWN)
    write(project, figures=["curves", "my_ends.py"], measures=["squared_distance"], rates=None)
    refused = project.snakemake("-n", "tiny")
    assert refused.returncode != 0
    assert "tiny.yaml: figures: my_ends: measures: 'w1' is not measured" in refused.stdout
    write(project, figures=["curves", "rates", "my_ends.py"])
    done = project.snakemake("results/tiny/figures/my_ends.pdf", "--", "tiny")
    assert done.returncode == 0, done.stdout
    assert (project.folder / "results/tiny/figures/my_ends.png").stat().st_size > 1_000
    assert (project.folder / "results/tiny/figures/my_ends.txt").read_text() == "The last errors."
    assert project.planned() == {}
    project.edit("my_ends.py", "(3, 2)", "(4, 2)")
    assert project.planned("results/tiny/figures/my_ends.pdf", "results/tiny/figures/curves.pdf") == {"draw": 1}
    project.edit("scripts/recurate/figures/curves.py", "LONG = 60", "LONG = 61")
    figures = [f"results/tiny/figures/{name}.pdf" for name in ("my_ends", "curves", "rates")]
    assert project.planned(*figures) == {"draw": 2}
