"""Snakemake's events in the words of a study: what lies ahead, a line a job, what went wrong, what was made.

Events have the names that Snakemake's interface for loggers gives them.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from collections.abc import Iterable
from typing import TextIO

from recurate.files.costs import read_benchmark
from recurate.workflow.ahead import Job, Measured, ahead
from recurate.workflow.announcing import ATTRIBUTE, Planned, Read
from recurate.workflow.outcome import counted, damaged, made
from recurate.workflow.progress import Progress, duration

NOTHING = "Nothing to be done"
TOLD_OTHERWISE = (  # of these messages an event tells too, or the last line
    "Exiting because a job execution failed",
    "At least one job did not complete successfully",
    "CalledProcessError",
)
SENT = re.compile(r"submitted with (SLURM jobid \S+) \(log: (.+)\)")  # what Slurm's executor says of a job
CLEAR_LINE = "\r\x1b[K"  # a job's own progress bar may stand in the terminal's last line


class Watcher:
    """Writes lines about one run to a stream: all of them, or, if `quiet`, none about single jobs that went well.

    A dry run is told job by job or, `in_sum`, by what it comes to.
    """

    def __init__(self, stream: TextIO, quiet: bool = False, dry: bool = False, in_sum: bool = False) -> None:
        self.stream, self.quiet, self.dry, self.in_sum = stream, quiet, dry, in_sum
        self.read: Read | None = None
        self.jobs = dict[int, Job]()
        self.begun = dict[int, float]()  # by time.monotonic
        self.done, self.failed = set[int](), dict[int, None]()
        self.parallel: int | None = None
        self.progress: Progress | None = None
        self.nothing = self.closed = False

    def write(self, *lines: str) -> None:
        """Lines, the first in the place of a job's progress bar if there is one."""
        clear = CLEAR_LINE if self.stream.isatty() else ""
        self.stream.write("".join(f"{clear}{line}\n" for line in lines))
        self.stream.flush()

    def heed(self, record: logging.LogRecord) -> None:
        """Take a record in, and tell what a user wants to know of it."""
        told, event = getattr(record, ATTRIBUTE, None), getattr(record, "event", None)
        if isinstance(told, Read):
            self.read = told
        elif isinstance(told, Planned):
            self._plan(told.jobs)
        elif event in (None, "error"):
            self._message(record)
        elif event == "resources_info":
            self.parallel = _parallel(record) or self.parallel
        elif event == "job_info":
            self._starts(record)
        elif event == "job_finished":
            self._ends(vars(record)["job_id"])
        elif event == "job_error":
            self._fails(record)

    def _plan(self, jobs: Iterable[Job]) -> None:
        """What lies ahead."""
        self.jobs = {job.number: job for job in jobs}
        if self.read is None or not self.jobs:
            return
        self._tell_what_lies_ahead(self.read, "from here")

    def _tell_what_lies_ahead(self, read: Read, since: str) -> None:
        """What the jobs come to, and how long that is by the clock."""
        measured = Measured(read.project)
        self.write(*ahead(self.jobs.values(), measured))
        costs = {number: measured.of(job) for number, job in self.jobs.items()}
        self.progress = Progress(self.jobs, costs, self.parallel)
        if left := self._left():
            self.write(f"about {left} {since}")

    def _starts(self, record: logging.LogRecord) -> None:
        """A job begins; in a dry run, it would."""
        told = vars(record)
        if self.dry and told["benchmark"] is not None:
            self.jobs[told["jobid"]] = job = _job(record)
            if not (self.in_sum or self.quiet):
                self.write(f"{job}: {told['reason']}" if told["reason"] else str(job))
        self.begun[told["jobid"]] = time.monotonic()

    def _ends(self, jobid: int) -> None:
        """A job has ended well."""
        job = self.jobs.get(jobid)
        if job is None or self.progress is None:
            return
        self.failed.pop(jobid, None)  # in an attempt before
        seconds = time.monotonic() - self.begun.get(jobid, time.monotonic())
        self.done.add(jobid)
        self.progress.finish(jobid, seconds)
        if not self.quiet:
            measured = read_benchmark(job.benchmark)
            left = self._left()
            ahead = f", {left} left" if left and len(self.done) < len(self.jobs) else ""
            took = measured.seconds if measured else seconds
            self.write(f"{job}, {took:.1f} s ({100 * self.progress.share:.0f} %{ahead})")

    def _fails(self, record: logging.LogRecord) -> None:
        """A job, or one of a group, has failed; one that ends because the run is stopped has not."""
        told, stopping = vars(record), self.read is not None and self.read.is_stopping
        if told["jobid"] not in self.failed and not stopping:
            self.failed[told["jobid"]] = None
            logs = f"; see {', '.join(told['log'])}" if told["log"] else ""
            self.write(f"failed: {self.jobs.get(told['jobid'], told['rule_name'])}{logs}")

    def _message(self, record: logging.LogRecord) -> None:
        """What Snakemake says beside events: what is wrong, and that there is nothing to do."""
        text = record.getMessage()
        if text.startswith(NOTHING):
            self.nothing = True
        elif (sent := SENT.search(text)) and not self.quiet:
            self.write(f"sent as {sent[1]}: {os.path.relpath(sent[2])}")
        elif record.levelno >= logging.WARNING and not any(words in text for words in TOLD_OTHERWISE):
            self.write(text)

    def _left(self) -> str | None:
        seconds = self.progress.seconds_left if self.progress else None
        return None if seconds is None else duration(seconds)

    def close(self) -> None:
        """Tell how it ended. Only the first call counts."""
        if self.closed or self.read is None:
            return
        self.closed = True
        if self.dry and not self.nothing and self.jobs:
            self.parallel = self.read.cores
            self._tell_what_lies_ahead(self.read, "by the clock")
            self.write(*([] if self.in_sum else ["nothing was made: this was a dry run"]))
        elif self.failed:
            self.write(
                f"{counted(len(self.failed), 'job')} failed; {len(self.done)} of {len(self.jobs)} were "
                "done. What is wrong stands above and in the logs; after mending it the same command goes on"
            )
        elif self.nothing or (self.jobs and len(self.done) == len(self.jobs)):
            self.write(*(["nothing to do: all is up to date"] if self.nothing else []))
            requested = self.read.requested()
            self.write(*damaged(requested), *made(requested, self.read.project.layout))


def _job(record: logging.LogRecord) -> Job:
    """The job that an event tells of."""
    told = vars(record)
    return Job(
        number=told["jobid"],
        rule=told["rule_name"],
        wildcards=dict(told["wildcards"]),
        outputs=tuple(told["output"]),
        benchmark=told["benchmark"],
        threads=told["threads"],
        gpus=told["resources"].get("gpu", 0),
    )


def _parallel(record: logging.LogRecord) -> int | None:
    """How many cores, or nodes of a cluster, there are; None where there is no limit or the event is about others."""
    told = vars(record)
    number = told.get("cores") or told.get("nodes")
    return number if isinstance(number, int) and number < sys.maxsize else None
