"""Dry runs beside what Snakemake needs for itself, and the whole study."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from measuring import ROOT, Child, Row, run_child

sys.path.insert(0, str(ROOT / "tests/workflow"))
from tiny import CODE, Copy, fresh

ARMS, GENERATIONS = 100, 25
PARSE_SECONDS, GRAPH_SECONDS, STUDY_SECONDS = 1.5, 15.0, 600.0
ONE_RULE = """
rule only:
    output: "made"
    params: setting=1
    shell: "touch {output}"
"""
# The same graph, job for job, with nothing that this project adds: no params, logs, benchmarks, groups, environments.
BARE_LOOP = f"""
ARMS = [f"arm_{{arm}}" for arm in range({ARMS})]
rule all:
    input: expand("{{arm}}/{{t}}/metrics", arm=ARMS, t=range({GENERATIONS} + 1))
rule train:
    input: lambda w: f"{{w.arm}}/{{int(w.t) - 1}}/curated" if int(w.t) else []
    output: "{{arm}}/{{t}}/model"
    shell: "touch {{output}}"
rule sample:
    input: "{{arm}}/{{t}}/model"
    output: "{{arm}}/{{t}}/samples"
    shell: "touch {{output}}"
rule curate:
    input: "{{arm}}/{{t}}/samples"
    output: "{{arm}}/{{t}}/curated"
    shell: "touch {{output}}"
rule measure:
    input: "{{arm}}/{{t}}/curated"
    output: "{{arm}}/{{t}}/metrics"
    shell: "touch {{output}}"
"""


def rows(runs: int, graph_runs: int) -> list[Row]:
    """Dry runs of a small built study and of one with ten thousand jobs."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        return _parsing(folder, runs) + _graph(folder, graph_runs)


def _parsing(folder: Path, runs: int) -> list[Row]:
    print("dry run of a built study", file=sys.stderr)
    built = fresh(folder / "built")
    _snakemake(built.folder, "--cores", "2", "--", "tiny")
    bare = _bare(folder / "bare", ONE_RULE)
    _snakemake(bare, "--cores", "1")
    return _against_bare("parse, built study", built.folder, bare, runs, PARSE_SECONDS)


def _graph(folder: Path, runs: int) -> list[Row]:
    print("dry run of ten thousand jobs", file=sys.stderr)
    large = fresh(folder / "large")
    _many_arms(large)
    return _against_bare(
        "graph of 10,000 jobs", large.folder, _bare(folder / "loop", BARE_LOOP), runs, GRAPH_SECONDS, memory=True
    )


def _many_arms(copy: Copy) -> None:
    arms = {f"arm_{number:03d}": {"mixing": {"lambda": number / 10}} for number in range(ARMS)}
    copy.study(generations=GENERATIONS, arms=arms)


def _bare(folder: Path, snakefile: str) -> Path:
    folder.mkdir()
    (folder / "Snakefile").write_text(snakefile)
    return folder


def _against_bare(name: str, ours: Path, bare: Path, runs: int, target: float, memory: bool = False) -> list[Row]:
    """Rows for a dry run of this project, for one of a bare Snakefile, and for the difference."""
    target_of = {ours: ["tiny"], bare: []}
    for folder in (ours, bare):
        _dry_run(folder, target_of[folder])
    pairs = [(_dry_run(ours, ["tiny"]), _dry_run(bare, [])) for _ in range(runs)]
    found = [
        Row(f"{name}: dry run", [one.seconds for one, _ in pairs], "s", target),
        Row(f"{name}: Snakemake by itself", [other.seconds for _, other in pairs], "s"),
        Row(f"{name}: what this project adds", [one.seconds - other.seconds for one, other in pairs], "s"),
    ]
    peaks = Row(f"{name}: peak memory", [one.peak for one, _ in pairs], "MB")
    return [*found, peaks] if memory else found


def _dry_run(folder: Path, targets: list[str]) -> Child:
    return _snakemake(folder, "--dry-run", "--quiet", "all", "--cores", "1", "--", *targets)


def _snakemake(folder: Path, *arguments: str) -> Child:
    return run_child([str(Path(sys.executable).with_name("snakemake")), *arguments], folder)


def study_rows() -> list[Row]:
    """Wall time of what `make study` runs once everything is installed, in a copy without results."""
    print("the whole study", file=sys.stderr)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in CODE:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
            copy(ROOT / name, folder / name)
        command = [
            sys.executable,
            "scripts/manage.py",
            "run",
            "--cores",
            str(os.cpu_count()),
            "--quiet",
            "host",
            "reason",
        ]
        return [Row("make study, installed", [run_child(command, folder).seconds], "s", STUDY_SECONDS)]
