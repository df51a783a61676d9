"""A study whose generations take a minute: on one machine, and in three ways on a Slurm cluster on one host."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from measuring import ROOT, Row

sys.path.insert(0, str(ROOT / "tests/slurm"))
sys.path.insert(0, str(ROOT / "tests/workflow"))
from cluster import Cluster, why_not
from tiny import TINY, Copy, contents, environment, fresh

GENERATIONS = 2
SECONDS = 50  # of a generation's minute; its jobs take the rest
GROUPED_SHARE = 30.0  # per cent of a generation that sending it may cost
LAST_OF_GENERATION_0 = [
    f"results/tiny/arms/curated/seeds-0/gen-000/{name}" for name in ("curated.safetensors", "metrics.csv")
]
GENERATION_0 = "results/tiny/arms/curated/seeds-0-0/gen-000"
SLOW = f"""
import time

from recurate.training.objectives.flow_matching import FlowMatching


class Slow(FlowMatching):
    def noise(self, model, generator, steps, batch_size, shape):
        time.sleep({SECONDS})
        return super().noise(model, generator, steps, batch_size, shape)
"""


@dataclass(frozen=True)
class Timed:
    """A run: time in s until all results are there and until Snakemake ends, the results, seconds that each job ran."""

    seconds: float
    to_the_end: float
    results: dict[str, bytes]
    jobs: list[int]


def rows() -> list[Row]:
    """Wall time, Slurm jobs and overhead per generation of every way; nothing where no cluster can be brought up."""
    if reason := why_not():
        print(f"the scheduler is not measured: {reason}", file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory(prefix="recurate-lab-") as temporary:
        cluster = Cluster(Path(temporary) / "lab")
        try:
            cluster.start()
            return _rows(_built_to_generation_0(Path(temporary) / "built"), cluster)
        finally:
            cluster.stop()


def _rows(built: Copy, cluster: Cluster) -> list[Row]:
    study = [sys.executable, "scripts/manage.py", "run", "--cores", "2"]
    local = _timed("one machine", built, [*study, "--", "tiny"], cluster)
    generation = local.seconds / GENERATIONS
    # First asked after when a generation should just be done; ungrouped, as soon as the shorter rules should be.
    on_slurm = [*study, "--workflow-profile", "profiles/slurm", "--slurm-init-seconds-before-status-checks"]
    batch = ["sbatch", "--wait", "--cpus-per-task=2", "--output=study.log"]
    ways = {
        "grouped": (built, [*on_slurm, str(math.ceil(generation + 10)), "--", "tiny"]),
        "ungrouped": (_ungrouped(built), [*on_slurm, "10", "--", "tiny"]),
        "inside one allocation": (built, [*batch, f"--wrap={' '.join([*study, '--', 'tiny'])}"]),
    }
    found = [Row("one machine: a generation", [generation], "s")]
    for way, (copy, command) in ways.items():
        run = _timed(way, copy, command, cluster)
        if run.results != local.results:
            raise RuntimeError(f"{way}: other results than on one machine")
        more = run.seconds - local.seconds
        found += [
            Row(f"{way}: Slurm jobs of {GENERATIONS} generations", [len(run.jobs)], ""),
            Row(f"{way}: a Slurm job runs", run.jobs, "s"),
            Row(f"{way}: wall time of {GENERATIONS} generations", [run.seconds], "s"),
            Row(f"{way}: until Snakemake ends", [run.to_the_end], "s"),
            Row(f"{way}: overhead per generation", [more / GENERATIONS], "s"),
            Row(f"{way}: overhead", [100 * more / local.seconds], "%", GROUPED_SHARE if way == "grouped" else None),
        ]
    return found


def _built_to_generation_0(folder: Path) -> Copy:
    """The study of one seed with generation 0 done, which is in every way the same."""
    copy = fresh(folder)
    (folder / "slow.py").write_text(SLOW, encoding="utf-8")
    origin, defaults = TINY["origins"]["gaussians"], TINY["arm_defaults"]
    copy.study(
        seeds=1,
        generations=GENERATIONS,
        origins={
            "gaussians": {
                **origin,
                "objective": {"kind": "slow.py"},
                "training": {**origin["training"], "steps": 50},  # one chunk, for which numbers are drawn once
            }
        },
        arm_defaults={**defaults, "retraining": {**defaults["retraining"], "steps": 50}},
        arms={"curated": {}},
    )
    done = copy.snakemake(f"{GENERATION_0}/curated.safetensors", f"{GENERATION_0}/metrics.csv")
    if done.returncode:
        raise RuntimeError(done.stdout)
    return copy


def _ungrouped(built: Copy) -> Copy:
    copy = Copy(built.folder.with_name("ungrouped"))
    shutil.copytree(built.folder, copy.folder)
    for rules in (copy.folder / "rules").glob("*.smk"):
        rules.write_text(re.sub(r" {4}group:\n.*\n", "", rules.read_text(encoding="utf-8")), encoding="utf-8")
    return copy


def _timed(way: str, built: Copy, command: list[str], cluster: Cluster) -> Timed:
    """A run of the rest of the study, in a folder of its own."""
    print(way, file=sys.stderr)
    copy = Copy(built.folder.with_name(f"run-{way.replace(' ', '-')}"))
    shutil.copytree(built.folder, copy.folder)
    settings = {**environment(), "SLURM_CONF": str(cluster.configuration)}
    start = time.time()
    done = subprocess.run(command, cwd=copy.folder, env=settings, encoding="utf-8", capture_output=True)
    end = time.time()
    if done.returncode:
        raise RuntimeError(f"{way}: {done.stdout}{done.stderr}")
    jobs = re.findall(r"(?:SLURM jobid|Submitted batch job) (\d+)", done.stdout + done.stderr)
    shown = "".join(cluster.call("scontrol", "show", "job", job) for job in jobs)
    running = [int(m) * 60 + int(s) for m, s in re.findall(r"RunTime=\d+:(\d+):(\d+)", shown)]
    written = max(path.stat().st_mtime for path in (copy.folder / "results").rglob("*"))
    return Timed(written - start, end - start, contents(copy), running)
