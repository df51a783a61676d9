"""Snakemake's events are told in the words of a study: a line a job, what failed, what was made."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from study_setup import changed

from recurate.files.fingerprints import file_digest
from recurate.files.paths import Layout
from recurate.files.records import Record, record_of
from recurate.files.writing import write_json
from recurate.workflow.ahead import Job
from recurate.workflow.announcing import ATTRIBUTE, Planned, Read
from recurate.workflow.outcome import damaged, made
from recurate.workflow.project import Project
from recurate.workflow.watching import CLEAR_LINE, Watcher

MODEL = "results/tiny/arms/curated/seeds-0-2/gen-001/model.safetensors"
TRAIN = Job(
    7,
    "train_arm",
    {"study": "tiny", "arm": "curated", "seeds": "0-2", "generation": "001"},
    (MODEL,),
    "results/benchmarks/tiny/arms/curated/seeds-0-2/gen-001/model.tsv",
)
DRAW = Job(8, "draw", {"study": "tiny", "figure": "shares"}, ("results/tiny/figures/shares.pdf",), "b/shares.tsv")


class Run:
    """A run that is watched, and what was told of it."""

    def __init__(self, requested: list[str], **settings: Any) -> None:
        self.stream = settings.pop("stream", io.StringIO())
        self.watcher = Watcher(self.stream, **settings)
        target = SimpleNamespace(output=[], input=requested)
        self.scheduler = SimpleNamespace(_user_kill=None)
        self.workflow = SimpleNamespace(dag=SimpleNamespace(targetjobs=[target]), scheduler=self.scheduler)

    def event(self, event: str | None = None, text: str = "", level: int = logging.INFO, **told: Any) -> None:
        record = logging.LogRecord("snakemake.logging", level, "", 0, text, None, None)
        vars(record).update(told if event is None else {**told, "event": event})
        self.watcher.heed(record)

    def begin(self, project: Project, *jobs: Job) -> None:
        self.event(**{ATTRIBUTE: Read(self.workflow, project)})  # type: ignore[arg-type]
        self.event("resources_info", cores=2)
        if jobs:
            self.event(**{ATTRIBUTE: Planned(jobs)})  # type: ignore[arg-type]

    def starts(self, job: Job, **told: Any) -> None:
        usual = {"benchmark": job.benchmark, "threads": 1, "resources": {"gpu": 0}, "reason": ""}
        place = {"jobid": job.number, "rule_name": job.rule, "wildcards": job.wildcards, "output": list(job.outputs)}
        self.event("job_info", **{**usual, **place, **told})

    def told(self) -> list[str]:
        return self.stream.getvalue().splitlines()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies/tiny.yaml").write_text(yaml.safe_dump(changed()))
    return Project({"studies": ["tiny"]}, "studies")


def written(*paths: str) -> None:
    for path in paths:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text("")


def test_a_run_is_told_from_what_lies_ahead_to_what_was_made(project: Project) -> None:
    run = Run([*DRAW.outputs, "results/report.html"])
    run.begin(project, TRAIN, DRAW)
    run.event(None, "Building DAG of jobs...")
    run.event("run_info", "Job stats:", stats={})
    for job in (TRAIN, DRAW):
        run.starts(job)
        run.event("shellcmd", "Shell command: None")
        run.event("job_finished", "Finished", job_id=job.number)
        run.event("progress", done=1, total=2)
    written(*DRAW.outputs)
    run.watcher.close()
    run.watcher.close()
    assert run.told() == [
        "tiny: 2 jobs, no measured costs before some are done",
        "tiny, curated, seeds 0-2, generation 1: train_arm, 0.0 s (50 %, 0 s left)",
        "tiny, figure shares: draw, 0.0 s (100 %)",
        "results/tiny/figures/shares.pdf",
    ]


def test_the_seconds_of_a_job_are_those_that_were_measured(project: Project) -> None:
    written(TRAIN.benchmark)
    Path(TRAIN.benchmark).write_text("s\tmax_rss\tcpu_time\n12.34\t1\t2\n")
    run = Run([MODEL])
    run.begin(project, TRAIN)
    run.starts(TRAIN)
    run.event("job_finished", job_id=7)
    assert run.told()[-1] == "tiny, curated, seeds 0-2, generation 1: train_arm, 12.3 s (100 %)"


def test_quiet_runs_tell_the_beginning_the_end_and_what_is_wrong(project: Project) -> None:
    run = Run([MODEL], quiet=True)
    run.begin(project, TRAIN)
    run.starts(TRAIN)
    run.event("job_finished", job_id=7)
    written(MODEL)
    run.watcher.close()
    assert run.told() == ["tiny: 1 job, no measured costs before some are done", MODEL]


def test_a_job_that_fails_is_told_once_and_its_log_is_named(project: Project) -> None:
    run = Run([MODEL])
    run.begin(project, TRAIN, DRAW)
    run.starts(TRAIN)
    run.event("error", "RuleException:\nCalledProcessError in file ..", logging.ERROR, exception="RuleException")
    for _ in range(2):
        run.event("job_error", level=logging.ERROR, jobid=7, rule_name="train_arm", log=["results/logs/model.log"])
    run.event(None, "Exiting because a job execution failed. Look above for error messages", logging.ERROR)
    run.event("error", "WorkflowError:\nAt least one job did not complete successfully.", logging.ERROR)
    run.watcher.close()
    assert run.told()[1:] == [
        "failed: tiny, curated, seeds 0-2, generation 1: train_arm; see results/logs/model.log",
        "1 job failed; 0 of 2 were done. What is wrong stands above and in the logs; after mending it the same command "
        "goes on",
    ]


def test_jobs_that_end_because_the_run_is_stopped_have_not_failed(project: Project) -> None:
    run = Run([MODEL])
    run.begin(project, TRAIN, DRAW)
    for job in (TRAIN, DRAW):
        run.starts(job)
    run.scheduler._user_kill = "graceful"
    run.event("error", "RuleException:\nCalledProcessError in file ..", logging.ERROR, exception="RuleException")
    for job in (TRAIN, DRAW):
        run.event("job_error", level=logging.ERROR, jobid=job.number, rule_name=job.rule, log=["results/logs/a.log"])
    run.watcher.close()
    assert run.told() == ["tiny: 2 jobs, no measured costs before some are done"]


def test_a_job_that_failed_before_the_run_was_stopped_stays_told(project: Project) -> None:
    run = Run([MODEL])
    run.begin(project, TRAIN, DRAW)
    run.event("job_error", level=logging.ERROR, jobid=8, rule_name="draw", log=[])
    run.scheduler._user_kill = "graceful"
    run.event("job_error", level=logging.ERROR, jobid=7, rule_name="train_arm", log=[])
    run.watcher.close()
    assert run.told()[1] == "failed: tiny, figure shares: draw"
    assert run.told()[2].startswith("1 job failed; 0 of 2 were done.")


def test_a_second_attempt_that_succeeds_is_no_failure(project: Project) -> None:
    run = Run([MODEL])
    run.begin(project, TRAIN)
    run.starts(TRAIN)
    run.event("job_error", level=logging.ERROR, jobid=7, rule_name="train_arm", log=[])
    run.starts(TRAIN)
    run.event("job_finished", job_id=7)
    written(MODEL)
    run.watcher.close()
    assert run.told()[-1] == MODEL


def test_jobs_of_a_cluster_are_told_with_their_number_and_log(project: Project) -> None:
    text = f"Job 3 has been submitted with SLURM jobid 17 (log: {Path.cwd()}/.snakemake/slurm_logs/group_tiny/17.log)."
    for quiet, told in ((False, ["sent as SLURM jobid 17: .snakemake/slurm_logs/group_tiny/17.log"]), (True, [])):
        run = Run([], quiet=quiet)
        run.begin(project)
        run.event(text=text)
        assert run.told() == told


def test_errors_and_warnings_of_snakemake_itself_are_passed_on(project: Project) -> None:
    run = Run([])
    run.begin(project)
    run.event("error", "LockException:\nError: Directory cannot be locked.", logging.ERROR, exception="LockException")
    run.event(None, "Some warning", logging.WARNING)
    run.event(None, "Select jobs to execute...")
    assert run.told() == ["LockException:", "Error: Directory cannot be locked.", "Some warning"]


def test_a_run_that_was_stopped_names_nothing_as_made(project: Project) -> None:
    written("results/report.html")  # of an earlier run
    run = Run(["results/report.html"])
    run.begin(project, TRAIN)
    run.starts(TRAIN)
    run.watcher.close()
    assert run.told() == ["tiny: 1 job, no measured costs before some are done"]


def test_where_nothing_is_to_do_what_was_asked_for_is_named(project: Project) -> None:
    written("results/report.html", MODEL)
    run = Run(["results/report.html"])
    run.begin(project)
    run.event(None, "Nothing to be done (all requested files are present and up to date).")
    run.watcher.close()
    assert run.told() == ["nothing to do: all is up to date", "report: results/report.html"]


def test_a_dry_run_tells_jobs_with_their_reasons_and_names_no_result(project: Project) -> None:
    written("results/report.html")
    run = Run(["results/report.html"], dry=True)
    run.begin(project)
    run.starts(TRAIN, reason="Params have changed")
    run.starts(Job(9, "tiny"), benchmark=None)
    run.watcher.close()
    assert run.told() == [
        "tiny, curated, seeds 0-2, generation 1: train_arm: Params have changed",
        "tiny: 1 job, no measured costs before some are done",
        "nothing was made: this was a dry run",
    ]


def test_a_plan_tells_sums_alone(project: Project) -> None:
    run = Run([], dry=True, in_sum=True)
    run.begin(project)
    run.starts(TRAIN)
    run.starts(DRAW)
    run.watcher.close()
    assert run.told() == ["tiny: 2 jobs, no measured costs before some are done"]


@pytest.mark.parametrize(
    ("given", "cores"),
    [
        ({"cores": 2, "nodes": None}, 2),
        ({"cores": None, "nodes": 100}, None),
        ({"cores": 2, "nodes": 5}, None),
        ({}, None),
    ],
)
def test_the_cores_of_a_plan_are_those_that_its_command_names(
    project: Project, given: dict[str, int | None], cores: int | None
) -> None:
    workflow: Any = SimpleNamespace(resource_settings=SimpleNamespace(**given))
    assert Read(workflow, project).cores == cores


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_line_takes_the_place_of_a_job_s_progress_bar(project: Project) -> None:
    run = Run([], stream=Terminal())
    run.begin(project, TRAIN)
    assert run.stream.getvalue() == f"{CLEAR_LINE}tiny: 1 job, no measured costs before some are done\n"


def test_many_files_are_told_by_folder_and_the_report_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    figures = [f"results/a/figures/{name}{end}" for name in "xyz" for end in (".pdf", ".png")]
    requested = [
        "results/report.html",
        *figures,
        "results/a/metrics.csv",
        "results/b/metrics.csv",
        "results/a/gone.csv",
    ]
    written(*requested[:-1])
    assert made(requested, Layout("results", "data")) == [
        "results/a: 3 figures, 1 table",
        "results/b: 1 table",
        "report: results/report.html",
    ]


def test_a_result_that_no_job_reads_is_looked_at_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("cost.csv", "claims.csv"):
        Path(name).write_text("as written")
        record = Record(rule="account", log="", device="cpu", versions={}, sha256=file_digest(name))
        write_json(record_of(name), vars(record))
    files = ["cost.csv", "claims.csv", "of_no_record.csv", "not_there.csv"]
    Path("of_no_record.csv").touch()
    assert damaged(files) == []
    Path("cost.csv").write_text("as edited")
    one = "cost.csv does not hold the bytes that account wrote"
    assert damaged(files) == [one, "make verify ARGS=--rebuild makes it again"]
