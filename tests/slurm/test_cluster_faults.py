"""What clusters do to jobs: the study ends in the bytes of an undisturbed run, and training goes on where it was."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from itertools import groupby
from pathlib import Path

import psutil
import pytest
import yaml
from cluster import Cluster
from slurm_copy import LONGEST, SlurmCopy, at_the_same_time
from tiny import TINY, Copy, contents, fresh, kill_with_children, processes_in

pytestmark = pytest.mark.slurm

STEPS = 6_000  # some seconds of training, of which a private checkpoint is written every half second
GENERATION = Path("tiny/arms/curated/seeds-0-1/gen-001")
MODEL = Path("results", GENERATION, "model.safetensors")
# An objective whose training leaves a line, its process, with every chunk of steps.
WATCHED = """
import os

from recurate.training.objectives.flow_matching import FlowMatching


class Watched(FlowMatching):
    def noise(self, model, generator, steps, batch_size, shape):
        with open("at_work", "a") as file:
            file.write(f"{os.getpid()}\\n")
        return super().noise(model, generator, steps, batch_size, shape)
"""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A study of one generation that trains for a while, built on this machine."""
    copy = fresh(tmp_path_factory.mktemp("undisturbed") / "project")
    retraining = {**TINY["arm_defaults"]["retraining"], "steps": STEPS}
    (copy.folder / "watched.py").write_text(WATCHED)
    origins = {"gaussians": {**TINY["origins"]["gaussians"], "objective": {"kind": "watched.py"}}}
    copy.study(generations=1, origins=origins, arms={"curated": {"retraining": retraining}})
    with (copy.folder / "config/config.yaml").open("a") as file:
        file.write("save_every: 0.5\n")
    done = copy.snakemake("tiny")
    assert done.returncode == 0, done.stdout
    return copy


def without_its_end(undisturbed: Copy, folder: Path, cluster: Cluster) -> SlurmCopy:
    """That study without its last generation and its tables."""
    shutil.copytree(undisturbed.folder, folder)
    shutil.rmtree(folder / "results" / GENERATION)
    for table in filter(Path.is_file, (folder / "results/tiny").glob("*.*")):
        table.unlink()
    (folder / "at_work").unlink()
    return SlurmCopy(folder, cluster)


def in_training(project: SlurmCopy) -> subprocess.Popen[str]:
    """Start the study; returns when the last generation has a private checkpoint."""
    run = project.start()
    folder = project.folder / "results" / GENERATION / ".progress"
    Cluster.wait(lambda: bool(list(folder.glob("[!.]*.safetensors"))), "a private checkpoint", LONGEST)
    return run


def went_on(project: SlurmCopy) -> None:
    """Training was resumed in its midst, not restarted."""
    log = (project.folder / "results/logs" / GENERATION / "model.log").read_text()
    found = re.search(r"resuming at step (\d+)", log)
    assert found, log
    assert 0 < int(found.group(1)) < STEPS


def same(project: SlurmCopy, undisturbed: Copy) -> None:
    """The bytes of the undisturbed run, nothing left of the training, and no two copies that worked at once."""
    one_at_a_time(project)
    assert contents(project) == contents(undisturbed)
    assert list((project.folder / "results").rglob(".progress/*")) == []


def at_work(project: SlurmCopy) -> list[str]:
    """The processes that trained, in their order, one line a chunk of steps."""
    return (project.folder / "at_work").read_text().splitlines()


def one_at_a_time(project: SlurmCopy) -> None:
    """No process trained while another did."""
    turns = [process for process, _ in groupby(at_work(project))]
    assert len(turns) == len(set(turns)), turns


def trainers(project: SlurmCopy) -> list[int]:
    """Processes that train, or wait until they may."""
    found = []
    for pid in processes_in(project.folder):
        with suppress(psutil.NoSuchProcess):
            if any(part.endswith(".train.py") for part in psutil.Process(pid).cmdline()):
                found.append(pid)
    return found


def trainer(project: SlurmCopy) -> int:
    """Process that trains."""
    (found,) = trainers(project)
    return found


def cancelled(project: SlurmCopy) -> None:
    """A running job is cancelled."""
    run = in_training(project)
    project.cluster.call("scancel", project.jobs()[0]["id"])
    project.finish(run)
    went_on(project)


def step_killed(project: SlurmCopy) -> None:
    """kill -9 of the process that trains."""
    run = in_training(project)
    os.kill(trainer(project), signal.SIGKILL)
    project.finish(run)
    went_on(project)


def snakemake_killed(project: SlurmCopy) -> None:
    """kill -9 of Snakemake while a job runs, and a new start at once."""
    run = in_training(project)
    old = project.jobs()[0]["id"]
    kill_with_children(run)
    run.wait()
    assert project.jobs()[0]["id"] == old, "the job lives on"
    project.finish(project.start())
    assert f"cancelling Slurm jobs of an earlier run: {old}" in project.log
    assert "JobState=CANCELLED" in project.cluster.call("scontrol", "show", "job", old)
    went_on(project)


def over_memory(project: SlurmCopy) -> None:
    """A job needs more memory than it asks for at first."""
    ask(project, "mem_mb", 330)
    project.finish(project.start())
    assert project.requests("MinMemoryNode") == ["330M", "660M"]


def over_time(project: SlurmCopy) -> None:
    """A job reaches its limit of time."""
    ask(project, "runtime", 1)
    run = in_training(project)
    (limit,) = project.requests("TimeLimit")
    project.cluster.call("scontrol", "update", f"JobId={project.jobs()[0]['id']}", "TimeLimit=1")
    stopped = psutil.Process(trainer(project))
    stopped.suspend()  # the job will not end by itself
    Cluster.wait(lambda: not stopped.is_running(), "the time limit", LONGEST)
    project.finish(run)
    assert (limit, project.requests("TimeLimit")[1]) == ("00:04:00", "00:08:00")  # the sum of four rules
    went_on(project)


def ask(project: SlurmCopy, resource: str, amount: int) -> None:
    """Let a generation ask for so little in its first attempt."""
    rules = ("train_arm", "sample_arm", "curate", "measure")
    with project.study_file.open("a") as file:
        yaml.safe_dump({"resources": {rule: {resource: amount} for rule in rules}}, file)


def slurmdbd_away(project: SlurmCopy) -> None:
    """The accounting's daemon is away for 20 s."""
    run = in_training(project)
    away(project, "slurmdbd")
    project.finish(run)


def slurmctld_away(project: SlurmCopy) -> None:
    """Controller and accounting are away for 20 s, in which the job may end; it is written down that the job runs."""
    run = in_training(project)
    stopped = psutil.Process(trainer(project))
    stopped.suspend()  # the job does not end before
    project.cluster.wait_until_saved(project.jobs()[0]["id"])
    stopped.resume()
    away(project, "slurmdbd", "slurmctld")
    project.finish(run)


def away(project: SlurmCopy, *daemons: str) -> None:
    """kill -9 of daemons, and their return one after the other."""
    cluster = project.cluster
    for daemon in daemons:
        cluster.kill(daemon)
    time.sleep(20)
    for daemon in daemons:
        cluster.run(daemon)
        if daemon == "slurmdbd":
            cluster.wait(cluster.accounting_answers, "slurmdbd")


def preempted(project: SlurmCopy) -> None:
    """A job of a partition with priority takes the nodes; Slurm puts the preempted job back into the queue."""
    run = in_training(project)
    cluster, job = project.cluster, project.jobs()[0]["id"]
    cluster.call("sbatch", "--partition=urgent", "--nodes=2", "--exclusive", "--output=/dev/null", "--wrap=sleep 3")
    project.finish(run)
    assert "Restarts=1" in cluster.call("scontrol", "show", "job", job)
    went_on(project)


def node_down(project: SlurmCopy) -> None:
    """kill -9 of the slurmd of the node that trains; the job lives on, another node starts it too, the node returns."""
    run = in_training(project)
    cluster, node = project.cluster, project.jobs()[0]["node"]
    first = psutil.Process(trainer(project))
    first.suspend()  # it does not end by itself
    cluster.kill(node)
    try:
        cluster.wait(lambda: len(trainers(project)) == 2, "a second copy", LONGEST)
        before = at_work(project)
        time.sleep(15)  # longer than all that is left to do
        assert cluster.states()[node].startswith("down")
        assert len(trainers(project)) == 2, "the second copy waits"
        assert at_work(project) == before
    finally:
        cluster.run(node)
        cluster.wait(lambda: not first.is_running(), "Slurm to end the first copy", LONGEST)
        cluster.wait(lambda: "down" not in cluster.states()[node], "the node", LONGEST)
    project.finish(run)
    went_on(project)


OF_ONE_JOB = (cancelled, step_killed, snakemake_killed, over_memory, over_time, slurmdbd_away)
OF_THE_CLUSTER = (slurmctld_away, preempted, node_down)


@pytest.fixture(scope="module")
def projects() -> dict[str, SlurmCopy]:
    """The projects that met a fault, by fault."""
    return {}


@pytest.fixture(scope="module")
def make(
    cluster: Cluster, undisturbed: Copy, projects: dict[str, SlurmCopy], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], SlurmCopy]:
    """Makes a project without its end for a fault."""

    def made(name: str) -> SlurmCopy:
        projects[name] = without_its_end(undisturbed, tmp_path_factory.mktemp(name) / "project", cluster)
        return projects[name]

    return made


@pytest.fixture(scope="module")
def met(make: Callable[[str], SlurmCopy]) -> Iterator[dict[str, Future[None]]]:
    """Faults that concern one job only, each met by a project of its own."""
    with at_the_same_time(OF_ONE_JOB, make) as outcomes:
        yield outcomes


@pytest.mark.parametrize("fault", OF_ONE_JOB)
def test_a_fault_of_one_job_changes_no_byte(
    met: dict[str, Future[None]], projects: dict[str, SlurmCopy], undisturbed: Copy, fault: Callable[..., None]
) -> None:
    met[fault.__name__].result()
    same(projects[fault.__name__], undisturbed)


@pytest.mark.parametrize("fault", OF_THE_CLUSTER)
def test_a_fault_of_the_cluster_changes_no_byte(
    make: Callable[[str], SlurmCopy], undisturbed: Copy, fault: Callable[[SlurmCopy], None]
) -> None:
    project = make(fault.__name__)
    try:
        fault(project)
        same(project, undisturbed)
    finally:
        project.stop()
