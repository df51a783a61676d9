"""A small study whose jobs go to a Slurm cluster."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from cluster import Cluster
from tiny import Copy, environment, kill_with_children

# Jobs here take 8 to 20 s: they are asked after when 6 and 22 s have passed.
ON_SLURM = ("--workflow-profile", "profiles/slurm", "--slurm-init-seconds-before-status-checks", "6")
LONGEST = 900  # seconds that a run may take, beside others on a slow machine


class SlurmCopy(Copy):
    """A project whose jobs go to a cluster."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        super().__init__(folder)
        self.cluster = cluster
        self.runs: list[subprocess.Popen[str]] = []

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Start the study on the cluster, as `make study` does; its output goes to `study.log`."""
        return self.launch(sys.executable, "scripts/manage.py", "run", "--cores", "2", *ON_SLURM, *options, "tiny")

    def launch(self, *command: str) -> subprocess.Popen[str]:
        """Start a command that sends jobs to the cluster; its output goes to `study.log`."""
        run = subprocess.Popen(
            command,
            cwd=self.folder,
            env={**environment(), "SLURM_CONF": str(self.cluster.configuration)},
            text=True,
            stdout=(self.folder / "study.log").open("a"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.runs.append(run)
        return run

    def finish(self, run: subprocess.Popen[str]) -> None:
        """Wait for a run's good end."""
        assert run.wait(timeout=LONGEST) == 0, self.log

    def stop(self) -> None:
        """End the runs that a failed test has left."""
        for run in self.runs:
            with suppress(psutil.NoSuchProcess):
                kill_with_children(run)

    @property
    def log(self) -> str:
        """What Snakemake said."""
        return (self.folder / "study.log").read_text()

    def sent(self) -> list[str]:
        """What `scontrol` tells of the jobs that were sent, in their order."""
        numbers = re.findall(r"SLURM jobid (\d+)", self.log)
        return [self.cluster.call("scontrol", "show", "job", number) for number in numbers]

    def requests(self, key: str) -> list[str]:
        """What `scontrol` tells of the jobs that were sent under one key."""
        return re.findall(rf"\b{key}=(\S+)", "\n".join(self.sent()))

    def jobs(self) -> list[dict[str, str]]:
        """The project's jobs on the cluster."""
        return [job for job in self.cluster.jobs() if job["folder"] == str(self.folder)]


@contextmanager
def at_the_same_time(
    scenarios: Sequence[Callable[[SlurmCopy], None]], make: Callable[[str], SlurmCopy]
) -> Iterator[dict[str, Future[None]]]:
    """Run scenarios beside each other, each in a project of its own: they spend most of their time waiting.

    `make` makes a project from a scenario's name. Gives, by name, what came out when all have ended.
    """
    projects = {scenario.__name__: make(scenario.__name__) for scenario in scenarios}
    try:
        with ThreadPoolExecutor(len(scenarios)) as pool:
            outcomes = {s.__name__: pool.submit(s, projects[s.__name__]) for s in scenarios}
        yield outcomes
    finally:
        for project in projects.values():
            project.stop()
