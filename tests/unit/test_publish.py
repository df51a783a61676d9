"""What is kept of a finished run in results/published/."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from study_setup import STUDY, read

from recurate.commands import publish
from recurate.files.writing import TEMPORARY, write_text
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
    with pytest.raises(RecurateError, match="is no finished study"):
        publish.main(["first", "make study"])


NO_NAMES = (
    "..", "../..", ".", "", "a/b", "/tmp/x", "../tiny", "tiny/../../tiny", "-x", "a b", "a\n", "A", "a.b", "~", "é",
    "a\0", "a" * 101, " first", "first/", "*",
)  # fmt: skip


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("name", NO_NAMES)
def test_what_is_no_plain_name_is_refused_and_nothing_is_touched(project: Path, name: str) -> None:
    write_text(project / "out/published/first/tiny/claims.csv", "before")
    before = tree(project)
    with pytest.raises(RecurateError, match=r"is no name of a run; use lower-case"):
        publish.main(["--", name, "make study"])
    with pytest.raises(RecurateError, match=r"is no finished study|there is no"):
        publish.main(["first", "make study", "--", "tiny", name])
    assert tree(project) == before


@pytest.mark.parametrize("name", ["a", "demo", "loops-paper", "run_2", "a" * 100])
def test_plain_names_are_names(project: Path, name: str) -> None:
    assert publish.main([name, "make study"]) == 0
    assert (project / "out/published" / name / "run.json").is_file()


def test_what_was_published_stays_until_its_successor_is_complete(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish.main(["first", "make study", "tiny", "tiny"]) == 0
    before = tree(project / "out/published")
    write_text(project / "out/tiny/claims.csv", "other claims")
    copied = []

    def until_the_disk_is_full(source: Path, destination: Path) -> None:
        copied.append(source)
        if len(copied) > 3:
            raise OSError(28, "No space left on device", str(destination))

    with monkeypatch.context() as full:
        full.setattr(publish, "_copy", until_the_disk_is_full)
        with pytest.raises(OSError, match="No space left"):
            publish.main(["first", "make study"])
    with monkeypatch.context() as stuck:
        stuck.setattr(publish, "write_json", until_the_disk_is_full)
        stuck.setattr(Path, "rename", refuse_what_is_made(Path.rename))
        with pytest.raises(OSError, match="Is a directory"):
            publish.main(["first", "make study"])
    assert tree(project / "out/published") == before
    capsys.readouterr()
    assert publish.main(["first", "make study"]) == 0
    assert "first/tiny: takes the place of what was published there" in capsys.readouterr().out
    assert (project / "out/published/first/tiny/claims.csv").read_text() == "other claims"
    assert sorted(path.name for path in (project / "out/published/first").iterdir()) == ["run.json", "tiny"]


def refuse_what_is_made(rename: Callable[[Path, Path], Path]) -> Callable[[Path, Path], Path]:
    """A rename that fails for a study that was made to be published."""

    def renamed(path: Path, target: Path) -> Path:
        if path.parent.name.startswith(TEMPORARY) and path.name == "tiny":
            raise OSError(21, "Is a directory", str(target))
        return rename(path, target)

    return renamed


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


def test_what_lies_in_no_clone_is_not_published(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setattr(publish, "_git", _GIT)
    with pytest.raises(RecurateError, match=r"git does not say which commit this is .*; publish from a clone"):
        publish.main(["first", "make study"])
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("without_git")))
    with pytest.raises(RecurateError, match=r"git does not say which commit this is .*; publish from a clone"):
        publish.main(["first", "make study"])
    assert not (project / "out/published").exists()
