"""What a user sees of a run: what lies ahead, a line a job, what was made; and how it stops."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from long_cases import others_long
from tiny import Copy, changed, contents, processes_in

pytestmark = pytest.mark.workflow

MANAGE = (sys.executable, "scripts/manage.py")
LINE = re.compile(r"^tiny.*: \w+, \d+\.\d s \(\d+ %(, .* left)?\)$")
FIGURE = "results/tiny/figures/trajectory.pdf"


def run(project: Copy, *words: str) -> subprocess.CompletedProcess[str]:
    return project.run(*MANAGE, "run", "--cores", "2", *words)


def lines_of(text: str) -> list[str]:
    """Lines but for those of Snakemake itself about profiles."""
    return [line for line in text.splitlines() if not line.startswith("Using ")]


def test_a_study_is_told_in_a_line_a_job_and_what_was_made_at_the_end(unbuilt: Copy) -> None:
    before = unbuilt.run(*MANAGE, "plan")
    assert before.returncode == 0
    assert re.search(r"^tiny: \d+ jobs, no measured costs before some are done$", before.stdout, re.MULTILINE), (
        before.stdout
    )
    done = run(unbuilt)
    assert done.returncode == 0, done.stdout
    lines = lines_of(done.stdout)
    jobs = [line for line in lines if LINE.match(line)]
    planned = int(re.findall(r"^tiny: (\d+) jobs", before.stdout, re.MULTILINE)[0])
    assert len(jobs) == planned, done.stdout
    assert any(line.startswith("tiny, mixed, seeds 0-1, generation 2: train_arm, ") for line in jobs)
    assert lines[-1] == "report: results/report.html"
    assert re.fullmatch(r"results/tiny: 1 figure, \d tables", lines[-2])
    assert len(lines) < planned + 12, done.stdout

    again = run(unbuilt)
    assert lines_of(again.stdout)[-3:] == ["nothing to do: all is up to date", *lines[-2:]]
    one_file = run(unbuilt, FIGURE)
    of_its_job = [FIGURE, FIGURE.replace(".pdf", ".png"), FIGURE.replace(".pdf", ".txt")]
    assert lines_of(one_file.stdout)[-4:] == ["nothing to do: all is up to date", *of_its_job]
    (unbuilt.folder / FIGURE).unlink()
    dry = run(unbuilt, FIGURE, "-n")
    assert "figure trajectory: draw" in dry.stdout and dry.stdout.endswith("nothing was made: this was a dry run\n")
    plan = unbuilt.run(*MANAGE, "plan", "tiny")
    assert re.search(
        r"^tiny: 2 jobs, .* core-seconds, \d+ MB of memory in the largest job, \d+ MB of disk", plan.stdout, re.M
    )
    quiet = run(unbuilt, "--quiet", FIGURE)
    assert lines_of(quiet.stdout)[-3:] == of_its_job and not any(map(LINE.match, lines_of(quiet.stdout)))

    page = unbuilt.run(*MANAGE, "trace", FIGURE)
    assert page.returncode == 0, page.stdout
    assert len(page.stdout.splitlines()) < 40, page.stdout
    for part in (
        r"by the run of: snakemake .*--cores 2",
        "machine: .* cores, .* GiB",
        "as the study file says",
        "numpy",
        r"train_arm: 4 files of arm (curated, mixed|mixed, curated), seeds 0-1, generation 1 to 2",
        "0 of which no longer",
    ):
        assert re.search(part, page.stdout), (part, page.stdout)
    (noted,) = [json.loads(path.read_text()) for path in sorted((unbuilt.folder / "results/logs/runs").glob("*"))][:1]
    assert noted["commit"] is None or len(noted["commit"]) == 40


def test_another_handful_of_studies_has_a_report_of_its_own(unbuilt: Copy) -> None:
    (unbuilt.folder / "config/studies/other.yaml").write_text("like: tiny\narms: {mixed: null}\n")
    planned = unbuilt.run(*MANAGE, "plan", "--study", "other tiny")
    assert re.findall(r"^(\w+): \d+ jobs?", planned.stdout, re.MULTILINE) == ["other", "tiny", "shared", "together"]
    alone = unbuilt.run(*MANAGE, "run", "--study", "other", "-n")
    assert "other, curated" in alone.stdout and "tiny, " not in alone.stdout and "report" in alone.stdout


def test_a_failed_job_is_told_with_its_place_and_log_and_no_report_is_named(unbuilt: Copy) -> None:
    unbuilt.study(**changed("origins.gaussians.training.learning_rate", 1.0e30))
    done = run(unbuilt)
    assert done.returncode != 0
    assert "error: training diverged" in done.stdout
    assert "failed: tiny, gaussians, seeds 0-1: train_origin; see results/logs/tiny/origins/" in done.stdout
    assert "Traceback" not in done.stdout and "report:" not in done.stdout
    assert lines_of(done.stdout)[-1].startswith("1 job failed; ")


def training(project: Copy) -> subprocess.Popen[str]:
    """Start a study whose training takes long; returns when it trains."""
    project.study(**changed("origins.gaussians.training.steps", 1_000_000))
    with (project.folder / "config/config.yaml").open("a") as file:
        file.write("save_every: 0.01\n")
    run = project.start()
    while not list(project.folder.rglob(".progress/*.safetensors")):
        assert run.poll() is None, run.communicate()[0]
        time.sleep(0.05)
    return run


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes through /proc")
@pytest.mark.parametrize(
    "number", others_long([signal.SIGINT, signal.SIGTERM, signal.SIGHUP], lambda number: number == signal.SIGTERM)
)
def test_a_signal_to_the_command_alone_ends_all_of_it_and_says_how_to_go_on(
    built: Copy, unbuilt: Copy, number: signal.Signals
) -> None:
    started = training(unbuilt)
    os.kill(started.pid, number)
    said = started.communicate(timeout=60)[0]
    assert started.returncode == 128 + number, said
    assert processes_in(unbuilt.folder) == []
    assert "Traceback" not in said and "Error" not in said
    assert said.endswith("\nstopping\nstopped; the same command goes on where it was\n")
    assert "failed" not in said
    assert list((unbuilt.folder / "results").rglob(".tmp*")) == []
    if number == signal.SIGTERM:
        unbuilt.study()
        done = run(unbuilt)
        assert done.returncode == 0, done.stdout
        assert contents(unbuilt) == contents(built)


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes through /proc")
def test_ctrl_c_while_snakemake_still_plans_ends_it_without_a_word_too_many(unbuilt: Copy) -> None:
    started = unbuilt.start()
    while not processes_in(unbuilt.folder):
        time.sleep(0.01)
    time.sleep(1)
    os.killpg(started.pid, signal.SIGINT)
    said = started.communicate(timeout=60)[0]
    assert started.returncode == 130, said
    assert "Traceback" not in said
    assert processes_in(unbuilt.folder) == []


def test_after_a_kill_plain_snakemake_says_which_command_goes_on(project: Copy) -> None:
    lock = project.folder / ".snakemake/locks/0.output.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text(f"{FIGURE}\n")
    (project.folder / FIGURE).unlink()
    refused = project.snakemake(FIGURE)
    assert refused.returncode != 0
    assert "LockException" in refused.stdout
    assert "locked by a run that was killed; make study goes on" in refused.stdout
    done = run(project, FIGURE)
    assert done.returncode == 0, done.stdout
    assert Path(project.folder, FIGURE).exists()
