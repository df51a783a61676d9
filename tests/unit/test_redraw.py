"""Published figures can be drawn again from their tables, and are those that the study's own rules would draw."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import draw
import resolve_config
from recurate.commands import redraw
from recurate.files.paths import Layout
from recurate.files.tables import FORECAST_COLUMNS, METRIC_COLUMNS, write_rows
from recurate.files.writing import write_json, write_text
from recurate.foundation.errors import RecurateError
from recurate.stages.draw import Reads
from recurate.study.reading import as_study, read_study, read_trained, validated
from recurate.study.simulated import SimulatedStudy
from recurate.study.trained import Study
from recurate.study.yaml_files import read_yaml
from recurate.workflow.figures import Figures
from recurate.workflow.inputs import Inputs
from recurate.workflow.stage_settings import StageSettings
from recurate.workflow.studies import Studies, Wildcards

STUDIES = sorted((Path(__file__).parents[2] / "config/studies").glob("*.yaml"))
TABLES = ("metrics", "forecast", "laws", "rates", "traversed")
PUBLISHED = Path(__file__).parents[2] / "results/published"
FIGURES = ["trajectory", "shares", "quality", "choices", "densities", "animation"]


def resolved(name: str, study: Study | SimulatedStudy) -> dict[str, Any]:
    """All settings of a study."""
    return StageSettings(Studies({name: study})).resolved(Wildcards(study=name))


@pytest.fixture(scope="module")
def study() -> Study:
    """The study of two moons, small, with every figure that it can have."""
    path = next(path for path in STUDIES if path.stem == "moons")
    return read_trained(path, "demo", {"generations": 2, "seeds": 2, "metrics": [], "figures": FIGURES})


@pytest.fixture(scope="module")
def published(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published run with that study: made-up tables, its settings, a picture of densities but no animation."""
    folder = tmp_path_factory.mktemp("published") / "moons"
    write_tables(folder, study)
    resolve_config.main(str(folder / "config.yaml"), str(folder / "arms.csv"), "moons", resolved("moons", study), [])
    write_text(folder / "figures/densities.png", "a picture")
    write_text(folder / "figures/densities.txt", "A caption.\n")
    return folder.parent


@pytest.fixture(scope="module")
def again(published: Path) -> tuple[Path, list[str]]:
    """The folder of the redrawn study, and what redrawing said."""
    output = published.with_name("again")
    return output / "moons", redraw.redraw(published, output)


def write_tables(folder: Path, study: Study) -> None:
    """Write `metrics.csv` and `forecast.csv` with values that differ in every row."""
    generator = np.random.default_rng(0)
    shares = [f"share_{number}" for number in range(2)]
    names = ["reward_mean", "exp_reward_mean", "exp_reward_variance", *shares, "share_entropy", "frechet_data"]
    rows: list[dict[str, Any]] = [
        {"study": "moons", "arm": arm, "generation": g, "seed": s, "metric": name, "value": repr(generator.random())}
        for arm in study.arms
        for s in study.seeds
        for g in range(study.generations + 1)
        for name in names
    ]
    write_rows(folder / "metrics.csv", METRIC_COLUMNS, rows)
    predicted = [{**row, "effective_sample_size": "500.0"} for row in rows if row["metric"] != "frechet_data"]
    write_rows(folder / "forecast.csv", FORECAST_COLUMNS, predicted)


def test_redrawn_trajectory_is_the_one_of_the_studys_own_rule(
    study: Study, published: Path, again: tuple[Path, list[str]], tmp_path: Path
) -> None:
    studies, layout = Studies({"moons": study}), Layout(str(published), "data")
    figures = Figures(studies, Inputs(studies, layout), layout)
    wildcards = Wildcards(study="moons", figure="trajectory")
    reads = Reads.model_validate_json(figures.reads(wildcards).model_dump_json())  # as a rule hands it over
    own = {kind: str(tmp_path / f"own.{kind}") for kind in ("pdf", "png", "txt")}
    files = {name: paths or (None if name in TABLES else []) for name, paths in figures.inputs(wildcards).items()}
    draw.main([own["pdf"], own["png"]], own["txt"], reads, **files)
    for kind, path in own.items():
        assert (again[0] / f"trajectory.{kind}").read_bytes() == Path(path).read_bytes()


def test_what_tables_tell_is_drawn_and_the_rest_copied(again: tuple[Path, list[str]]) -> None:
    folder, lines = again
    assert lines == ["moons: drawn trajectory, shares, quality, choices; copied densities; not published animation"]
    drawn = {f"{name}.{kind}" for name in FIGURES[:4] for kind in ("pdf", "png", "txt")}
    assert {path.name for path in folder.iterdir()} == drawn | {"densities.png", "densities.txt"}
    assert (folder / "densities.png").read_text() == "a picture"


@pytest.mark.parametrize("scale", ["demo", "paper"])
@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_settings_that_were_written_down_are_read_back_as_the_same_study(
    path: Path, scale: str, tmp_path: Path
) -> None:
    study = read_study(path, scale, {})
    written = tmp_path / "config.yaml"
    resolve_config.main(
        str(written), str(tmp_path / "arms.csv"), "s", json.loads(json.dumps(resolved("s", study))), ["a: note"]
    )  # as a rule hands them over
    assert validated(type(study), read_yaml(written), str(written)) == study.model_copy(update={"resources": {}})


@pytest.mark.parametrize("path", sorted(PUBLISHED.glob("*/*/config.yaml")), ids=lambda path: path.parent.name)
def test_settings_of_every_published_study_are_read(path: Path) -> None:
    settings = redraw.of_today(read_yaml(path))
    names = [figure.name for figure in as_study(settings, str(path)).figures]
    listed = read_yaml(path)["figures"]  # names in older runs, blocks in later ones
    assert names == [figure if isinstance(figure, str) else figure["kind"] for figure in listed]


def test_options_that_were_keys_of_the_study_are_options_of_its_figures() -> None:
    former = {
        "drawn": ["w1"], "medians": ["w1"], "linear": ["mmd"], "snapshots": [3], "shown": 12, "title": "T",
        "figures": ["curves", "rates", "snapshots", "equivalent_data"],
    }  # fmt: skip
    assert redraw.of_today(former) == {
        "title": "T",
        "figures": [
            {"kind": "curves", "rows": ["w1"], "medians": ["w1"], "linear": ["mmd"]},
            {"kind": "rates", "rows": ["w1"]},
            {"kind": "snapshots", "generations": [3]},
            {"kind": "equivalent_data"},
        ],
    }


def test_a_published_picture_of_rates_is_X(tmp_path: Path) -> None:
    folder = PUBLISHED / "loops-paper/wang_contamination"
    assert redraw.redraw_study(folder, tmp_path) == "drawn rates; copied curves"
    assert (tmp_path / "rates.txt").read_bytes() == (folder / "figures/rates.txt").read_bytes()


def test_a_folder_without_studies_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(RecurateError, match="no study is published"):
        redraw.redraw(tmp_path, tmp_path / "again")


def test_settings_of_another_version_are_one_sentence_with_their_file(published: Path, tmp_path: Path) -> None:
    old = tmp_path / "moons/config.yaml"
    write_text(old, (published / "moons/config.yaml").read_text() + "old_key: 1\n")
    with pytest.raises(SystemExit, match=r"moons/config\.yaml: .*unknown key 'old_key'"):
        redraw.main([str(tmp_path), str(tmp_path / "again")])


def test_without_folders_every_published_run_is_redrawn_and_one_that_fails_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = []

    def remember(published: Path, output: Path) -> list[str]:
        if published.name == "a":
            raise RecurateError("a is broken")
        drawn.append((str(published), str(output)))
        return ["s: drawn"]

    for run in ("a", "b"):
        write_json(tmp_path / f"results/published/{run}/run.json", {})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(redraw, "redraw", remember)
    with pytest.raises(SystemExit, match="error: a is broken"):
        redraw.main([])
    assert drawn == [("results/published/b", "results/figures/b")]
    assert "figures are in results/figures/b" in capsys.readouterr().out
