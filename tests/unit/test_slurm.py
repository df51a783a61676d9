"""What is asked of a Slurm cluster before the first job is sent, and what its executor is told of jobs."""

from __future__ import annotations

import asyncio
import math
import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import snakemake_executor_plugin_slurm

from recurate.foundation.errors import RecurateError
from recurate.workflow import slurm

USUAL = {"MinJobAge": "300 sec", "RequeueExit": "(null)", "RequeueExitHold": "(null)"}


def test_a_usual_cluster_will_do() -> None:
    slurm.check_configuration(USUAL, "squeue", 30)
    slurm.check_configuration({**USUAL, "MinJobAge": "0 sec"}, "squeue", 3_000)  # 0 is for ever
    slurm.check_configuration({**USUAL, "RequeueExit": "99,142"}, "squeue", 30)


@pytest.mark.parametrize(
    ("changes", "status_command", "first_wait", "sentence"),
    [
        ({"MinJobAge": "239 sec"}, "squeue", 30, r"forgets finished jobs after 239 s .* every 240 s at the longest"),
        ({}, "squeue", 241, r"after 300 s \(MinJobAge\), .* every 301 s at the longest .*checks: 241\)"),
        ({}, "sacct", 30, "slurm-status-command is sacct, but only squeue"),
        ({"RequeueExit": "0-9,142"}, "squeue", 30, r"status 1 back into the queue \(RequeueExit=0-9,142\)"),
        ({"RequeueExitHold": "1"}, "squeue", 30, r"RequeueExitHold=1"),
        ({"MinJobAge": ""}, "squeue", 30, "does not say for how long it knows finished jobs"),
    ],
)
def test_a_cluster_that_would_not_do_is_refused_in_a_sentence(
    changes: dict[str, str], status_command: str, first_wait: int, sentence: str
) -> None:
    with pytest.raises(RecurateError, match=sentence):
        slurm.check_configuration({**USUAL, **changes}, status_command, first_wait)


def scontrol(folder: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An scontrol of one line of shell."""
    (folder / "scontrol").write_text(f"#!/bin/sh\n{body}\n")
    (folder / "scontrol").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_the_configuration_is_read_from_scontrol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scontrol(
        tmp_path, r"printf 'Configuration data as of 2\nMinJobAge    = 300 sec\nAuthInfo = socket=/x\n'", monkeypatch
    )
    assert slurm.configuration() == {"MinJobAge": "300 sec", "AuthInfo": "socket=/x"}


def test_a_slurm_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scontrol(tmp_path, "echo cannot contact the controller >&2; exit 1", monkeypatch)
    with pytest.raises(RecurateError, match="does not say how it is configured: cannot contact the controller"):
        slurm.configuration()


def test_a_machine_without_slurm_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RecurateError, match=r"^there is no Slurm on this machine \(scontrol is not found\); start"):
        slurm.configuration()


def test_other_ways_of_running_jobs_ask_no_cluster() -> None:
    plugin = SimpleNamespace(name="local", executor=object)
    slurm.check_slurm(SimpleNamespace(executor_plugin=plugin, executor_settings=None))


def told(*answers: dict[str, str] | None) -> tuple[list[dict[str, str] | None], float]:
    """What the executor is told if Slurm gives these answers, and what it takes MinJobAge for."""
    given = iter(answers)

    async def query(command: str, logger: object) -> slurm.Answer:
        return next(given), 0.1

    executor = SimpleNamespace(query_job_status=query, get_min_job_age=lambda: None)
    slurm.ask_squeue_only(executor)
    return [asyncio.run(executor.query_job_status("squeue", None))[0] for _ in answers], executor.get_min_job_age()


def test_a_job_is_kept_while_slurm_is_silent_and_failed_once_slurm_has_lost_it() -> None:
    answers, age = told({"1": "RUNNING"}, None, {"1": "RUNNING", "2": "PENDING"}, {"2": "RUNNING"})
    assert answers == [
        {"1": "RUNNING"},
        {},
        {"1": "RUNNING", "2": "PENDING"},
        {"1": "ERROR", "2": "RUNNING"},
    ]
    assert age == math.inf


def test_what_is_replaced_in_the_executor_is_there() -> None:
    module: ModuleType = sys.modules[snakemake_executor_plugin_slurm.Executor.__module__]
    assert callable(module.get_min_job_age)
    assert asyncio.iscoroutinefunction(module.query_job_status)
