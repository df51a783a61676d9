"""Which run made a result is told by what runs noted when they started, and by when the result was recorded."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from study_setup import ROOT

from recurate.commands import page, trace
from recurate.files import runs
from recurate.files.paths import runs_in
from recurate.files.records import Record, record_of
from recurate.files.writing import write_json
from recurate.foundation.errors import RecurateError

LOG = "results/logs/tiny/model.log"


def noted(started: float, *jobs: str) -> runs.Run:
    run = runs.Run(
        started=started, command=f"snakemake {started:.0f}", commit=None, changed=[], host="here", hardware={},
        config={}, jobs=list(jobs),
    )  # fmt: skip
    runs.write("results", run)
    return run


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    model = Path("results/tiny/model.safetensors")
    model.parent.mkdir(parents=True)
    record = Record(rule="train_arm", log=LOG, device="cpu", versions={}, sha256="")
    write_json(record_of(model), vars(record))
    return model


def maker(model: Path, recorded_at: float) -> str | None:
    os.utime(record_of(model), (recorded_at, recorded_at))
    record = Record(rule="train_arm", log=LOG, device="cpu", versions={}, sha256="")
    run = runs.run_of(str(model), record, runs.runs_by_log("results"))
    return run.command if run else None


def test_the_last_run_that_was_to_make_a_result_and_had_started_made_it(model: Path) -> None:
    noted(100, LOG)
    noted(200, "results/logs/other.log")
    noted(300, LOG)
    assert [maker(model, at) for at in (150, 250, 350)] == ["snakemake 100", "snakemake 100", "snakemake 300"]


def test_of_a_copy_with_a_time_before_all_runs_the_last_is_named(model: Path) -> None:
    noted(100, LOG)
    noted(300, LOG)
    assert maker(model, 50) == "snakemake 300"


def test_of_a_result_that_no_run_was_to_make_none_is_named(model: Path) -> None:
    assert maker(model, 50) is None
    noted(100, "results/logs/other.log")
    assert maker(model, 150) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"started": 3}'])
def test_a_note_that_cannot_be_read_hides_no_other(model: Path, content: bytes) -> None:
    noted(100, LOG)
    Path(runs_in("results"), "200.json").write_bytes(content)
    assert maker(model, 350) == "snakemake 100"


MACHINE = {"cores": 2, "memory_gib": 24, "processor": "one", "system": "Linux"}
PUBLISHED_RUN = {"command": "make study", "commit": "c0ffee", "hardware": MACHINE, "jobs": {}}


@pytest.mark.parametrize("file", ["run.json", "tiny/claims.csv", "tiny/figures/shares.png", "tiny/data/moons.json"])
@pytest.mark.parametrize("results", ["results", "paper/deeper", "linked"])
def test_a_published_file_is_of_the_run_that_stands_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, results: str, file: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    (tmp_path / "linked").symlink_to("there")
    write_json(Path(results, "published/first/run.json"), PUBLISHED_RUN)
    path = Path(results, "published/first", file)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    for name in (str(path), str(path.absolute())):
        assert page.published(name) == [
            "by the run of: make study",
            "code: commit c0ffee",
            "machine: one, 2 cores, 24 GiB, Linux",
            f"as {results}/published/first/run.json says; no records of single files are published",
        ]
    assert trace.main([str(path)]) == trace.main(["--all", str(path)]) == 0


@pytest.mark.parametrize("path", ["results/tiny/claims.csv", "results/published/origins/a.json", "published/a.csv"])
def test_other_files_are_of_no_published_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.chdir(tmp_path)
    write_json(Path("results/published/first/run.json"), PUBLISHED_RUN)
    write_json(Path("results/tiny/run.json"), PUBLISHED_RUN)
    assert page.published(path) == []


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"command": "make"}', '{"command": 3, "commit": "c"}'])
def test_a_published_run_that_cannot_be_read_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("results/published/first").mkdir(parents=True)
    Path("results/published/first/run.json").write_text(content)
    with pytest.raises(RecurateError, match=r"^results/published/first/run\.json: "):
        page.published("results/published/first/tiny/claims.csv")


@pytest.mark.parametrize("name", ["mnist", "cifar10", "brown"])
def test_of_published_parameters_their_card_tells(name: str) -> None:
    lines = page.published(str(ROOT / f"results/published/origins/{name}.safetensors"))
    assert lines[0].startswith("by scripts/train.py") and lines[1].startswith("code: commit ")
    assert lines[2].startswith("data: kind ") and re.match(r"\d+ steps in .* on NVIDIA", lines[3])
    assert lines[-1].endswith("the file's bytes are those that it names")


def test_parameters_that_are_not_those_of_their_card_are_said_to_be_others(tmp_path: Path) -> None:
    folder = tmp_path / "published/origins"
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "results/published/origins/brown.json", folder)
    (folder / "brown.safetensors").write_bytes(b"others")
    assert page.published(str(folder / "brown.safetensors"))[-1].endswith("bytes are NOT those that it names")
    (folder / "brown.json").write_text("{}")
    with pytest.raises(RecurateError, match=r"brown\.json: does not say what trained .*; restore what was published"):
        page.published(str(folder / "brown.safetensors"))
