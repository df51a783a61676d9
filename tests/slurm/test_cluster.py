"""The study on a Slurm cluster: the same bytes as on one machine, however it is sent."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
import yaml
from cluster import Cluster
from slurm_copy import LONGEST, ON_SLURM, SlurmCopy, at_the_same_time
from tiny import TINY, Copy, contents, fresh

pytestmark = pytest.mark.slurm
ACCOUNTING = False

# A network that a cluster gives a GPU to, and that says which one it sees.
ON_GPU = """
import os
from typing import ClassVar

from recurate.models.mlp import MLP


class OnGPU(MLP):
    wants_gpu: ClassVar[bool] = True

    def velocity(self, parameters, x, time):
        if x.shape[1] > 64:
            print("CUDA_VISIBLE_DEVICES", os.environ.get("CUDA_VISIBLE_DEVICES"))
        return super().velocity(parameters, x, time)
"""
# An objective that never trains, and notes how often it was asked to and said so.
FAILS = """
import time
from pathlib import Path

from recurate.training.objectives.flow_matching import FlowMatching


class Fails(FlowMatching):
    def noise(self, model, generator, steps, batch_size, shape):
        with open("runs", "a", buffering=1) as file:
            print("begins", file=file)
            while Path("wait").exists():
                time.sleep(0.1)
            print("fails", file=file)
        raise RuntimeError("this never works")
"""
GROUP = r" {4}group:\n.*\n"


def prepare(copy: Copy) -> None:
    """A study with such a network, of one generation."""
    (copy.folder / "on_gpu.py").write_text(ON_GPU)
    origin = TINY["origins"]["gaussians"]
    origins = {"gaussians": {**origin, "model": {"kind": "on_gpu.py", "width": 16, "depth": 2}}}
    copy.study(origins=origins, generations=1)
    copy.edit("config/config.yaml", "device: cpu", "device: auto")


def ungroup(project: SlurmCopy) -> None:
    """Let every rule be a job of its own."""
    for rules in (project.folder / "rules").glob("*.smk"):
        rules.write_text(re.sub(GROUP, "", rules.read_text()))


def grouped(project: SlurmCopy) -> None:
    """A generation is one job, with a GPU if it wants one."""
    project.finish(project.start())
    # Data, origin, and for each of two arms generations 0 and 1.
    assert ["gres:gpu:1" in job for job in project.sent()] == [False, True, False, False, True, True]
    logs = project.folder / "results/logs/tiny"
    for path in ("origins/gaussians/seeds-0-1/gen-000", "arms/curated/seeds-0-1/gen-001"):
        assert re.search(r"CUDA_VISIBLE_DEVICES [01]\n", (logs / path / "samples.log").read_text())


def ungrouped(project: SlurmCopy) -> None:
    """Every rule is a job of its own, in the partition that suits it."""
    project.edit("profiles/slurm/config.yaml", '  slurm_partition: "main"\n', "")
    project.edit("profiles/slurm/config.yaml", "# slurm-partition-config", "slurm-partition-config")
    ungroup(project)
    samples = "results/tiny/origins/gaussians/seeds-0-1/gen-000/samples.safetensors"
    assert project.snakemake(samples).returncode == 0
    project.finish(project.start())
    # For each arm: curate and measure generation 0, train, sample and measure generation 1; the last is not curated.
    assert Counter(project.requests("Partition")) == {"cpu": 2 * 4, "gpu": 2 * 2}


def inside_one_allocation(project: SlurmCopy) -> None:
    """Snakemake itself is the job."""
    command = f"{sys.executable} scripts/manage.py run --cores 2 -- tiny"
    batch = ["sbatch", "--wait", "--gpus=1", "--cpus-per-task=2", "--output=job.log", f"--wrap={command}"]
    done = subprocess.run(batch, cwd=project.folder, env=project.cluster.environment(), timeout=LONGEST)
    assert done.returncode == 0, (project.folder / "job.log").read_text()


def prepare_to_fail(project: SlurmCopy) -> None:
    """Let the origin's training always fail, while there is no file `wait`."""
    project.edit("config/studies/tiny.yaml", "kind: flow_matching", "kind: fails.py")
    (project.folder / "fails.py").write_text(FAILS)


def runs(project: SlurmCopy) -> list[str]:
    """Beginnings and ends of the training that fails."""
    notes = project.folder / "runs"
    return notes.read_text().splitlines() if notes.exists() else []


def fails_grouped(project: SlurmCopy) -> None:
    """A rule of a group always fails."""
    prepare_to_fail(project)
    assert project.start().wait(timeout=LONGEST) == 1, project.log


def fails_ungrouped(project: SlurmCopy) -> None:
    """A rule that is a job of its own always fails."""
    ungroup(project)
    fails_grouped(project)


FAILURES = (fails_grouped, fails_ungrouped)
WAYS = (grouped, ungrouped, inside_one_allocation)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Results of the study on this machine."""
    copy = fresh(tmp_path_factory.mktemp("expected") / "project")
    prepare(copy)
    done = copy.snakemake("tiny")
    assert done.returncode == 0, done.stdout
    return contents(copy)


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SlurmCopy]:
    """The projects that were sent, by way."""
    return {}


@pytest.fixture(scope="module")
def sent(
    cluster: Cluster, projects: dict[str, SlurmCopy], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[None]]]:
    """The study sent in every way, and with a job that always fails, from nothing."""

    def make(name: str) -> SlurmCopy:
        projects[name] = SlurmCopy(fresh(tmp_path_factory.mktemp(name) / "project").folder, cluster)
        prepare(projects[name])
        return projects[name]

    with at_the_same_time(WAYS + FAILURES, make) as outcomes:
        yield outcomes


@pytest.mark.parametrize("way", WAYS)
def test_no_way_of_sending_a_study_changes_a_byte(
    sent: dict[str, Future[None]],
    projects: dict[str, SlurmCopy],
    expected: dict[str, bytes],
    way: Callable[[SlurmCopy], None],
) -> None:
    sent[way.__name__].result()
    assert contents(projects[way.__name__]) == expected


@pytest.mark.parametrize("failure", FAILURES)
def test_a_job_that_always_fails_runs_once_more_than_there_are_retries(
    sent: dict[str, Future[None]], projects: dict[str, SlurmCopy], failure: Callable[[SlurmCopy], None]
) -> None:
    """Slurm, which is asked to put jobs of failed nodes back (JobRequeue, `--requeue`), does not run it again too."""
    sent[failure.__name__].result()
    project = projects[failure.__name__]
    profile = yaml.safe_load((project.folder / "profiles/slurm/config.yaml").read_text())
    allowed = profile["retries"] + 1
    assert runs(project) == ["begins", "fails"] * allowed
    ends = re.findall(r"JobState=(\S+)", "\n".join(project.sent()))
    assert ends == ["COMPLETED"] + ["FAILED"] * allowed  # the data, and what fails
    assert project.requests("Requeue") == ["1"] * len(ends)
    assert project.requests("Restarts") == ["0"] * len(ends)


def test_a_run_that_a_node_cuts_short_is_no_failure_and_costs_no_retry(cluster: Cluster, tmp_path: Path) -> None:
    project = SlurmCopy(fresh(tmp_path / "project").folder, cluster)
    prepare_to_fail(project)
    (project.folder / "wait").touch()
    try:
        run = project.start("--retries", "0")
        cluster.wait(lambda: runs(project) == ["begins"], "the first run", LONGEST)
        node = project.jobs()[0]["node"]
        cluster.kill(node)
        try:
            cluster.wait(
                lambda: [job["node"] not in ("", node) for job in project.jobs()] == [True], "requeue", LONGEST
            )
        finally:
            cluster.run(node)
        cluster.wait(lambda: runs(project) == ["begins", "begins"], "the second run", LONGEST)
        (project.folder / "wait").unlink()
        assert run.wait(timeout=LONGEST) == 1, project.log
    finally:
        project.stop()
    assert runs(project) == ["begins", "begins", "fails"]


@pytest.mark.parametrize("through", ["make study", "plain Snakemake"])
def test_a_cluster_that_forgets_jobs_too_soon_is_refused_before_any_is_sent(
    cluster: Cluster, tmp_path: Path, through: str
) -> None:
    project = SlurmCopy(fresh(tmp_path / "project").folder, cluster)
    wait = ("--slurm-init-seconds-before-status-checks", "400")
    if through == "make study":
        run = project.start(*wait)
    else:
        run = project.launch(str(Path(sys.executable).with_name("snakemake")), *ON_SLURM, *wait, "tiny")
    assert run.wait(timeout=LONGEST) == 1
    assert re.search(r"^error: this cluster forgets finished jobs after 300 s \(MinJobAge\)", project.log, re.MULTILINE)
    assert project.sent() == []
    assert list(project.folder.glob(".snakemake/locks/*")) == []
