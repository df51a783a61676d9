"""A signal to the command ends its Snakemake and the jobs of that, in an order in which each ends quietly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = """
import os, sys
from recurate.commands import stopping
stopping.PATIENCE = 0.3
sys.exit(stopping.supervised([sys.executable, "snakemake.py"], os.environ))
"""
# As Snakemake does, it waits for its job after SIGTERM and cancels jobs elsewhere after SIGINT.
SNAKEMAKE = """
import pathlib, signal, subprocess, sys, time
terminated = []
signal.signal(signal.SIGTERM, lambda *_: terminated.append(1))
job = subprocess.Popen([sys.executable, ".snakemake/scripts/job.py"]) if {here} else None
pathlib.Path("ready").touch() if job is None else None
try:
    while job.poll() is None if job else True:
        time.sleep(0.02)
    print("the job ended with", job.returncode, "after" if terminated else "before", "its Snakemake was told")
except KeyboardInterrupt:
    print("jobs elsewhere are cancelled", "after" if terminated else "before", "Snakemake was told")
"""
JOB = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
pathlib.Path("ready").touch()
try:
    time.sleep(60)
finally:
    pathlib.Path("ready").unlink()
"""


def start(folder: Path, here: bool = True) -> subprocess.Popen[str]:
    """A command that watches over a Snakemake with one job, on this host or elsewhere."""
    (folder / ".snakemake/scripts").mkdir(parents=True)
    (folder / ".snakemake/scripts/job.py").write_text(JOB)
    (folder / "snakemake.py").write_text(SNAKEMAKE.replace("{here}", str(here)))
    command = subprocess.Popen(
        [sys.executable, "-c", COMMAND],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "scripts")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    while not (folder / "ready").exists():
        assert command.poll() is None, command.communicate()[0]
        time.sleep(0.02)
    return command


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("to_the_group", [False, True], ids=["alone", "as Ctrl-C does"])
def test_jobs_end_after_snakemake_was_told(tmp_path: Path, number: signal.Signals, to_the_group: bool) -> None:
    command = start(tmp_path)
    (os.killpg if to_the_group else os.kill)(command.pid, number)
    said = command.communicate(timeout=30)[0].splitlines()
    assert said == [
        "stopping",
        "the job ended with 143 after its Snakemake was told",
        "stopped; the same command goes on where it was",
    ]
    assert command.returncode == 128 + number
    assert not (tmp_path / "ready").exists(), "the job has cleaned up"


def test_where_no_job_is_left_here_those_elsewhere_are_cancelled(tmp_path: Path) -> None:
    command = start(tmp_path, here=False)
    os.kill(command.pid, signal.SIGTERM)
    said = command.communicate(timeout=30)[0]
    assert "jobs elsewhere are cancelled after Snakemake was told" in said
    assert "Traceback" not in said


def test_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    command = start(tmp_path)
    os.kill(command.pid, signal.SIGINT)
    os.kill(command.pid, signal.SIGINT)
    said = command.communicate(timeout=30)[0]
    assert command.returncode == 130
    assert "Traceback" not in said


def test_a_run_that_is_held_goes_on_with_its_jobs(tmp_path: Path) -> None:
    command = start(tmp_path)
    os.kill(command.pid, signal.SIGTSTP)
    time.sleep(0.5)
    assert command.poll() is None
    os.kill(command.pid, signal.SIGCONT)
    os.kill(command.pid, signal.SIGTERM)
    assert "the job ended with 143 after" in command.communicate(timeout=30)[0]
