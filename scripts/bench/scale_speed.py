"""What large studies take: plans of many arms, and a miniature on a Slurm cluster of many nodes on one host."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from measuring import ROOT, Row, run_child

sys.path.insert(0, str(ROOT / "tests/slurm"))
sys.path.insert(0, str(ROOT / "tests/workflow"))
from cluster import Cluster, why_not
from tiny import Copy, fresh

ARMS = (10, 100, 1000)
SEEDS, GENERATIONS = 20, 20
NODES, ARMS_SENT, GENERATIONS_SENT = 24, 20, 2


def rows() -> list[Row]:
    """Time and memory of plans; Slurm jobs, time, memory and disk of the miniature, where it can run."""
    with tempfile.TemporaryDirectory(prefix="recurate-lab-") as temporary:
        folder = Path(temporary)
        found = [row for arms in ARMS for row in _planned(folder / str(arms), arms)]
        if reason := why_not():
            print(f"no miniature on a cluster: {reason}", file=sys.stderr)
            return found
        cluster = Cluster(folder / "lab", nodes=NODES, cpus=2, memory=16_000)
        try:
            cluster.start()
            return found + _sent(folder / "sent")
        finally:
            cluster.stop()


def _study(folder: Path, arms: int, generations: int) -> Copy:
    copy = fresh(folder)
    settings = {f"arm_{number:04d}": {"mixing": {"lambda": number / 10}} for number in range(arms)}
    copy.study(seeds=SEEDS, seeds_per_job=SEEDS, generations=generations, arms=settings)
    return copy


def _planned(folder: Path, arms: int) -> list[Row]:
    print(f"plan of {arms} arms", file=sys.stderr)
    _study(folder, arms, GENERATIONS)
    snakemake = str(Path(sys.executable).with_name("snakemake"))
    plan = run_child([snakemake, "--dry-run", "--quiet", "host", "rules", "--cores", "1", "--", "tiny"], folder)
    total = re.search(r"^total +(\d+)$", plan.output, re.MULTILINE)
    if total is None:
        raise RuntimeError(plan.output)
    name = f"{arms} arms x {SEEDS} seeds x {GENERATIONS} generations"
    return [
        Row(f"{name}: jobs of Snakemake", [int(total.group(1))], ""),
        Row(f"{name}: plan", [plan.seconds], "s"),
        Row(f"{name}: peak memory of the plan", [plan.peak], "MB"),
    ]


def _sent(folder: Path) -> list[Row]:
    print(f"{ARMS_SENT} arms on {NODES} nodes", file=sys.stderr)
    copy = _study(folder, ARMS_SENT, GENERATIONS_SENT)
    study = [sys.executable, "scripts/manage.py", "run", "--cores", "2", "--workflow-profile", "profiles/slurm"]
    run = run_child([*study, "--", "tiny"], copy.folder)
    files = [path for path in (copy.folder / "results").rglob("*") if path.is_file()]
    name = f"{ARMS_SENT} arms x {SEEDS} seeds x {GENERATIONS_SENT} generations on {NODES} nodes of one host"
    return [
        Row(f"{name}: Slurm jobs", [len(re.findall(r"SLURM jobid \d+", run.output))], ""),
        Row(f"{name}: wall time", [run.seconds], "s"),
        Row(f"{name}: largest process on the submit host", [run.peak], "MB"),
        Row(f"{name}: files", [len(files)], ""),
        Row(f"{name}: on disk", [sum(path.stat().st_size for path in files) / 1e6], "MB"),
    ]
