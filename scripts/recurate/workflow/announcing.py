"""What the Snakefile tells those who watch a run: the project when it was read, and the jobs that are to run.

The parts of Snakemake that are touched here and not public were seen with version 9.27.1.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from recurate.workflow.ahead import Job
from recurate.workflow.project import Project

ATTRIBUTE = "recurate"  # of the records of Snakemake's logger that carry what is told
LOGGER = "snakemake.logging"


class Resources(Protocol):
    """Amounts by name."""

    def get(self, name: str, default: int) -> int:
        """Amount of one resource."""


class Rule(Protocol):
    """A rule of the Snakefile."""

    name: str


class PlannedJob(Protocol):
    """A job of Snakemake's graph."""

    jobid: int
    rule: Rule
    wildcards_dict: Mapping[str, str]
    input: Sequence[str]
    output: Sequence[str]
    log: Sequence[str]
    benchmark: str | None
    threads: int
    resources: Resources


class Graph(Protocol):
    """Snakemake's graph."""

    targetjobs: Iterable[PlannedJob]

    def needrun_jobs(self) -> Iterable[PlannedJob]:
        """Jobs that are to run."""


class Loggers(Protocol):
    """Snakemake's handlers of its log."""

    plugin_handlers: Sequence[logging.Handler]


class Workflow(Protocol):
    """What is looked at of a workflow."""

    dag: Graph
    logger_manager: Loggers


@dataclass(frozen=True)
class Read:
    """A project was read from the Snakefile of a workflow."""

    workflow: Workflow
    project: Project

    @property
    def cores(self) -> int | None:
        """Cores that the command names, all of this host if it names none; None where a cluster has others."""
        settings = getattr(self.workflow, "resource_settings", None)
        nodes, cores = (getattr(settings, name, None) for name in ("nodes", "cores"))
        return cores if isinstance(cores, int) and 0 < cores < sys.maxsize and not nodes else None

    def requested(self) -> list[str]:
        """Files that were asked for, once the graph is built; those of a rule without outputs are its inputs."""
        files = [file for job in self.workflow.dag.targetjobs for file in (job.output or job.input)]
        return list(dict.fromkeys(map(str, files)))

    @property
    def is_stopping(self) -> bool:
        """Whether Snakemake was told to start nothing more, so that jobs end because they are stopped."""
        return bool(getattr(getattr(self.workflow, "scheduler", None), "_user_kill", None))


@dataclass(frozen=True)
class Planned:
    """Jobs that are to run."""

    jobs: tuple[Job, ...]


def tell_project(workflow: Workflow, project: Project) -> None:
    """Let those who watch know whose events they will see."""
    _tell(workflow, Read(workflow, project))


def tell_jobs(workflow: Workflow) -> None:
    """Let those who watch know what is to run; by itself Snakemake tells of a job when it starts."""
    if workflow.logger_manager.plugin_handlers:
        _tell(workflow, Planned(tuple(map(_planned, needed_jobs(workflow)))))


def needed_jobs(workflow: Workflow) -> list[PlannedJob]:
    """Jobs that are to run, without targets that make nothing themselves."""
    return [job for job in workflow.dag.needrun_jobs() if job.benchmark is not None]


def _tell(workflow: Workflow, what: Read | Planned) -> None:
    if workflow.logger_manager.plugin_handlers:  # Snakemake's own handlers would write an empty line to its log
        logging.getLogger(LOGGER).info("", extra={ATTRIBUTE: what})


def _planned(job: PlannedJob) -> Job:
    return Job(
        number=job.jobid,
        rule=job.rule.name,
        wildcards=dict(job.wildcards_dict),
        outputs=tuple(map(str, job.output)),
        benchmark=str(job.benchmark),
        threads=job.threads,
        gpus=job.resources.get("gpu", 0),
    )
