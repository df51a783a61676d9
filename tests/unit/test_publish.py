"""What is kept of a finished run in results/published/."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from study_setup import STUDY, read

from recurate.commands import publish
from recurate.files.writing import write_text
from recurate.foundation.errors import RecurateError

_GIT = publish._git
FINISHED = ("claims.csv", "metrics.csv", "forecast.csv", "figures/shares.png", "figures/shares.pdf", "report.html")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with a finished study `tiny` in it, whose data have a card, and no uncommitted change."""
    for name in FINISHED:
        write_text(tmp_path / "out/tiny" / name, name)
    write_text(tmp_path / "out/tiny/config.yaml", yaml.safe_dump(read(STUDY, tmp_path).model_dump(mode="json")))
    write_text(tmp_path / ".gitignore", ".gitignore\nsets\n/tiny.yaml\n")
    for kind in ("eight_gaussians", "two_moons"):
        write_text(tmp_path / f"sets/{kind}.json", kind)
    write_text(tmp_path / "config/config.yaml", "studies: [tiny]\nresults: out\ndata: sets\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(publish, "_git", lambda *arguments: "c0ffee" if "rev-parse" in arguments else "")
    return tmp_path


def test_tables_pictures_settings_and_cards_of_the_default_studies_are_kept(project: Path) -> None:
    assert publish.main(["first", "make study"]) == 0
    published = project / "out/published/first"
    kept = {str(path.relative_to(published)) for path in published.rglob("*") if path.is_file()}
    tables = {f"tiny/{name}" for name in ("claims.csv", "metrics.csv", "forecast.csv", "config.yaml")}
    assert kept == {"run.json", "tiny/figures/shares.png", "tiny/data/eight_gaussians.json", *tables}
    run: dict[str, Any] = json.loads((published / "run.json").read_text())
    assert (run["command"], run["commit"]) == ("make study", "c0ffee")


def test_a_study_that_is_not_finished_is_not_published(project: Path) -> None:
    (project / "out/tiny/claims.csv").unlink()
    with pytest.raises(RecurateError, match="the study is not finished"):
        publish.main(["first", "make study"])


def test_a_run_whose_results_lie_elsewhere_is_published_beside_the_others(project: Path) -> None:
    (project / "out").rename(project / "paper")
    assert publish.main(["--from", "paper", "first", "make study"]) == 0
    assert (project / "out/published/first/tiny/claims.csv").is_file()


def test_what_no_commit_holds_is_not_published_but_results_need_none(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for command in (
        ["init", "-q"],
        ["add", "config"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *command], check=True)
    monkeypatch.setattr(publish, "_git", _GIT)
    assert publish.main(["first", "make study"]) == publish.main(["second", "make study"]) == 0
    write_text(project / "config/studies/tiny.yaml", "")
    with pytest.raises(RecurateError, match="uncommitted changes"):
        publish.main(["third", "make study"])


def test_a_mistake_in_the_configuration_is_one_sentence(project: Path) -> None:
    write_text(project / "config/config.yaml", "studies: [tiny]\nreslts: out\n")
    with pytest.raises(RecurateError, match=r"config/config\.yaml: unknown key 'reslts'; known are studies"):
        publish.main(["first", "make study"])
