"""What jobs are expected to cost follows from what was measured, here or in a published run with the same settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from study_setup import changed

from recurate.files import records
from recurate.files.writing import write_json
from recurate.workflow.ahead import Job, Measured, ahead, different, of_machine
from recurate.workflow.progress import Progress, duration
from recurate.workflow.project import Project
from recurate.workflow.studies import Wildcards

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
ARM = {"study": "tiny", "arm": "curated", "seeds": "0-2"}
MODEL = "results/tiny/arms/curated/seeds-0-2/gen-{generation}/model.safetensors"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies/tiny.yaml").write_text(yaml.safe_dump(changed()))
    return Project({"studies": ["tiny"]}, "studies")


def training(generation: str = "001", number: int = 1, **changes: Any) -> Job:
    wildcards = {**ARM, "generation": generation}
    benchmark = f"results/benchmarks/{MODEL.removeprefix('results/').format(generation=generation)}"
    return Job(number, "train_arm", wildcards, benchmark=benchmark.replace(".safetensors", ".tsv"), **changes)


def finished(generation: str, cpu_seconds: float, memory_mb: float, device: str = "cpu", size: int = 0) -> None:
    """A job that has run: its output, record and benchmark."""
    path = Path(MODEL.format(generation=generation))
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(size))
    log = f"results/logs/{str(path).removeprefix('results/').replace('.safetensors', '.log')}"
    work = records.Work(rule="train_arm", wildcards={**ARM, "generation": generation}, log=log)
    record = records.Record(**vars(work), device=device, versions={}, sha256="")
    write_json(records.record_of(path), vars(record))
    benchmark = Path(log.replace("logs", "benchmarks").replace(".log", ".tsv"))
    benchmark.parent.mkdir(parents=True)
    benchmark.write_text(f"{HEADER}20.0\t0:00:20\t{memory_mb}\t0\t0\t0\t0\t0\t0\t{cpu_seconds}\n")


def published(project: Project, run: str, change: dict[str, Any] | None = None, **cost: float) -> None:
    """A published run of the study, with some settings changed."""
    settings = {**project.settings.resolved(Wildcards(study="tiny")), **(change or {})}
    folder = Path("results/published", run)
    (folder / "tiny").mkdir(parents=True)
    (folder / "tiny/config.yaml").write_text(yaml.safe_dump(json.loads(json.dumps(settings))))
    write_json(folder / "run.json", {"jobs": {"tiny": {"model": cost}}})


def test_where_nothing_was_measured_that_is_said(project: Project) -> None:
    assert ahead([training()], Measured(project)) == ["tiny: 1 job, no measured costs before some are done"]


def test_finished_jobs_of_the_same_rule_tell_the_mean_and_the_largest(project: Project) -> None:
    finished("001", 3600, 300, size=2_000_000)
    finished("002", 10_800, 400, size=4_000_000)
    measured = Measured(project)
    cost = measured.of(training("003"))
    assert cost is not None
    assert (cost.cpu_seconds, cost.gpu_seconds, cost.memory_mb, cost.disk_mb) == (7200, 0, 400, 3)
    (line,) = ahead([training("003"), training("004", 2)], measured)
    assert line == (
        "tiny: 2 jobs, 4 core-hours, 400 MB of memory in the largest job, 6 MB of disk (measured: results/tiny)"
    )


def test_time_on_a_gpu_is_told_apart(project: Project) -> None:
    finished("001", 10, 300, device="cuda")
    (line,) = ahead([training("002", gpus=1)] * 360, Measured(project))
    assert "360 jobs, 1 core-hours, 2 GPU-hours" in line and "measured on none" not in line


def test_jobs_that_ask_for_a_gpu_but_were_measured_without_are_counted(project: Project) -> None:
    finished("001", 10, 300)
    (line,) = ahead([training("002", gpus=1)], Measured(project))
    assert "1 ask for a GPU where there is one, and were measured on none" in line


def test_a_published_run_with_the_same_settings_is_scaled_to_the_seeds_of_a_job(project: Project) -> None:
    published(
        project, "demo", {"seeds": [0, 1, 2, 3, 4, 5], "seeds_per_job": 6}, jobs=2, cpu_seconds=120, max_memory_mb=500
    )
    cost = Measured(project).of(training())
    assert cost is not None
    assert (cost.cpu_seconds, cost.memory_mb, cost.disk_mb) == (30, 500, None)
    (line,) = ahead([training()], Measured(project))
    assert "disk not measured" in line and line.endswith("(measured: results/published/demo)")


def test_a_published_run_with_other_settings_tells_nothing(project: Project) -> None:
    origins = json.loads(json.dumps(project.settings.resolved(Wildcards(study="tiny"))["origins"]))
    origins["gaussians"]["training"]["steps"] += 1
    published(project, "other", {"origins": origins}, jobs=2, cpu_seconds=120, max_memory_mb=500)
    assert Measured(project).of(training()) is None


def test_what_costs_the_same_is_not_different() -> None:
    one = {"title": "a", "seeds": [0], "origins": {"o": {"samples": 3}}, "arms": {"x": {"title": "X", "kept": 1}}}
    other = {"title": "b", "seeds": [1], "origins": {"o": {"samples": 3}}, "arms": {"x": {"title": "Y", "kept": 1}}}
    assert different(one, other) == []
    assert different(one, {**other, "arms": {"x": {"kept": 2}, "y": {}}}) == ["arms.x.kept"]
    loops = {"loop": "simulated", "seeds": [0], "generations": 3, "arms": {}}
    assert different(loops, {**loops, "seeds": [0, 1], "generations": 4}) == ["generations", "seeds"]


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"jobs": 3}', '{"jobs": {"tiny": {"model": 1}}}'])
def test_a_published_run_that_cannot_be_read_tells_nothing(project: Project, content: str) -> None:
    published(project, "demo", jobs=2, cpu_seconds=120, max_memory_mb=500)
    Path("results/published/demo/run.json").write_text(content)
    assert Measured(project).of(training()) is None


def test_a_job_is_told_by_its_place_in_the_study() -> None:
    assert str(training()) == "tiny, curated, seeds 0-2, generation 1: train_arm"
    assert str(Job(1, "report")) == "report"
    assert str(Job(1, "draw", {"study": "tiny", "figure": "shares"})) == "tiny, figure shares: draw"
    assert str(Job(1, "train_origin", {"study": "tiny", "origin": "a", "seeds": "0-1"})) == (
        "tiny, a, seeds 0-1: train_origin"
    )


# How far a run is


def jobs_of(*rules: str) -> dict[int, Job]:
    return {number: Job(number, rule) for number, rule in enumerate(rules)}


def test_share_and_time_left_follow_from_measured_costs(project: Project) -> None:
    finished("001", 100, 300)
    measured = Measured(project)
    jobs = {number: training(f"{number:03d}", number) for number in range(2, 12)}
    progress = Progress(jobs, {number: measured.of(job) for number, job in jobs.items()}, parallel=2)
    assert (progress.share, progress.seconds_left) == (0, 500)
    progress.finish(2, 100)
    assert (progress.share, progress.seconds_left) == (0.1, 450)


def test_a_machine_that_is_slower_than_the_measured_one_makes_the_rest_longer(project: Project) -> None:
    finished("001", 100, 300)
    jobs = {number: training(f"{number:03d}", number) for number in range(2, 102)}
    progress = Progress(jobs, {number: Measured(project).of(job) for number, job in jobs.items()}, parallel=1)
    for number in range(2, 52):
        progress.finish(number, 300)
    assert progress.seconds_left is not None
    assert 2.7 * 5000 < progress.seconds_left < 3 * 5000


def test_without_costs_the_finished_jobs_of_a_rule_tell_how_long_the_others_take() -> None:
    jobs = jobs_of(*["train"] * 4, *["draw"] * 4)
    progress = Progress(jobs, {}, parallel=1)
    assert (progress.share, progress.seconds_left) == (0, None)
    progress.finish(0, 10)
    assert progress.share == pytest.approx(1 / 8)
    progress.finish(4, 2)
    assert progress.share == pytest.approx(12 / 48)
    assert progress.seconds_left == pytest.approx(36)


def test_all_done_is_all() -> None:
    progress = Progress(jobs_of("a", "b"), {}, parallel=None)
    for number in (0, 1):
        progress.finish(number, 1.0)
    assert (progress.share, progress.seconds_left) == (1, None)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.4, "0 s"), (45, "45 s"), (89.4, "89 s"), (180, "3 min"), (7140, "119 min"), (7800, "2 h 10 min")],
)
def test_durations_are_told_as_one_says_them(seconds: float, told: str) -> None:
    assert duration(seconds) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.5, "0.5 core-seconds"), (45, "45 core-seconds"), (90, "1.5 core-minutes"), (3500, "58 core-minutes"),
     (5400, "1.5 core-hours"), (1e6, "278 core-hours")],
)  # fmt: skip
def test_costs_have_the_unit_that_reads_best(seconds: float, told: str) -> None:
    assert of_machine("core", seconds) == told
