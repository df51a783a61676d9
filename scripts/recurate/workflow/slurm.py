"""What the Slurm executor takes for granted of a cluster, looked at before the first job is sent.

The parts of the executor that are touched here and not public were seen with snakemake-executor-plugin-slurm 2.8.0.
"""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, cast

from recurate.foundation.errors import RecurateError

LONGEST_WAIT = 180  # s between two questions of the executor, unless the first wait is longer
LONGEST_ANSWER = 60  # s after which the executor gives a question up
FAILED = 1  # exit status of a job in which a rule failed, Snakemake's own
Answer = tuple[dict[str, str] | None, float | None]


class Settings(Protocol):
    """Options of the executor, `--slurm-..`."""

    status_command: str | None
    init_seconds_before_status_checks: int


class Plugin(Protocol):
    """What Snakemake sends jobs with."""

    name: str
    executor: type


class Workflow(Protocol):
    """A workflow about to start."""

    executor_plugin: Plugin
    executor_settings: Settings


def check_slurm(workflow: Workflow) -> None:
    """Where jobs go to Slurm, look at the cluster's configuration, and let the executor ask nobody but squeue.

    Raises RecurateError for a cluster on which a job would be waited for without end, or run without end.
    """
    plugin, settings = workflow.executor_plugin, workflow.executor_settings
    if plugin.name != "slurm":
        return
    check_configuration(configuration(), settings.status_command, settings.init_seconds_before_status_checks)
    ask_squeue_only(cast(Executor, sys.modules[plugin.executor.__module__]))


def configuration() -> dict[str, str]:
    """What `scontrol show config` says, by key. Raises RecurateError if Slurm does not answer."""
    try:
        done = subprocess.run(
            ["scontrol", "show", "config"],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=LONGEST_ANSWER,
        )
    except FileNotFoundError as error:
        raise RecurateError(
            "there is no Slurm on this machine (scontrol is not found); start Snakemake where sbatch works, or without "
            "profiles/slurm"
        ) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RecurateError(f"Slurm does not say how it is configured: {error}") from error
    if done.returncode:
        raise RecurateError(f"Slurm does not say how it is configured: {done.stderr.strip()}")
    pairs = (line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def check_configuration(slurm: Mapping[str, str], status_command: str | None, first_wait: int) -> None:
    """Raise RecurateError where the executor would not see the end of a job, or Slurm would run a failed one again.

    `first_wait` is the executor's, in s.
    """
    if status_command != "squeue":
        raise RecurateError(
            f"slurm-status-command is {status_command}, but only squeue is sure to tell of a job's end: without "
            "accounting sacct does not answer, and with it a cancelled job is waited for without end; set it to squeue"
        )
    known, needed = seconds_known(slurm), max(first_wait, LONGEST_WAIT) + LONGEST_ANSWER
    if known < needed:
        raise RecurateError(
            f"this cluster forgets finished jobs after {known:.0f} s (MinJobAge), and Snakemake asks after them every "
            f"{needed} s at the longest (slurm-init-seconds-before-status-checks: {first_wait}), so that it might wait "
            "for ever for one that has ended; run the study inside one allocation, see docs/cluster.md"
        )
    for key in ("RequeueExit", "RequeueExitHold"):
        if FAILED in exit_statuses(slurm.get(key, "")):
            raise RecurateError(
                f"this cluster puts jobs that end with status {FAILED} back into the queue ({key}={slurm[key]}), so "
                "that a job that fails would never be over; run the study inside one allocation, see docs/cluster.md"
            )


def seconds_known(slurm: Mapping[str, str]) -> float:
    """For how many s Slurm knows a finished job, `MinJobAge`; 0 there means for ever."""
    age = slurm.get("MinJobAge", "").split()
    if not age or not age[0].isdigit():
        raise RecurateError(
            "Slurm does not say for how long it knows finished jobs (MinJobAge in scontrol show config)"
        )
    return int(age[0]) or math.inf


def exit_statuses(listed: str) -> set[int]:
    """The numbers of a list such as `1,100-103`; none of `(null)`."""
    found: set[int] = set()
    for part in listed.split(","):
        first, _, last = part.partition("-")
        if first.isdigit():
            found |= set(range(int(first), int(last or first) + 1))
    return found


class Executor(Protocol):
    """The executor's module."""

    get_min_job_age: Callable[[], float]
    query_job_status: Callable[[str, object], Awaitable[Answer]]


def ask_squeue_only(executor: Executor) -> None:
    """Let the executor ask squeue alone, keep its jobs while Slurm does not answer, and send again what Slurm has lost.

    By itself it reads MinJobAge before every question, and while the controller is away turns to sacct, without a word.
    Where nobody answers, as sacct without accounting, it loses sight of all jobs, and it waits for ever for a job that
    squeue does not know any more.
    """
    ask, seen = executor.query_job_status, set[str]()

    async def ask_again_later(command: str, logger: object) -> Answer:
        status, seconds = await ask(command, logger)
        if status is None:
            return {}, 0.0
        lost = dict.fromkeys(seen - status.keys(), "ERROR")
        seen.update(status)
        return {**status, **lost}, seconds

    executor.get_min_job_age = lambda: math.inf
    executor.query_job_status = ask_again_later
