"""The study on a Slurm cluster: the same bytes as on one machine, however it is sent."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future

import pytest
from cluster import Cluster
from slurm_copy import LONGEST, SlurmCopy, at_the_same_time
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
GROUP = r" {4}group:\n.*\n"


def prepare(copy: Copy) -> None:
    """A study with such a network, of one generation."""
    (copy.folder / "on_gpu.py").write_text(ON_GPU)
    origin = TINY["origins"]["gaussians"]
    origins = {"gaussians": {**origin, "model": {"kind": "on_gpu.py", "width": 16, "depth": 2}}}
    copy.study(origins=origins, generations=1)
    copy.edit("config/config.yaml", "device: cpu", "device: auto")


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
    for rules in (project.folder / "rules").glob("*.smk"):
        rules.write_text(re.sub(GROUP, "", rules.read_text()))
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
    """The study sent in every way, from nothing."""

    def make(name: str) -> SlurmCopy:
        projects[name] = SlurmCopy(fresh(tmp_path_factory.mktemp(name) / "project").folder, cluster)
        prepare(projects[name])
        return projects[name]

    with at_the_same_time(WAYS, make) as outcomes:
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
