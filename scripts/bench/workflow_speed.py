"""Dry runs beside what Snakemake needs for itself, and the whole study beside an earlier commit's."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from measuring import ROOT, Child, Row, interleaved, run_child

from recurate.commands.compare import BEFORE, checked_out

sys.path.insert(0, str(ROOT / "tests/workflow"))
from tiny import CODE, fresh

ARMS, GENERATIONS = 100, 25
ACCUMULATING_ARMS, ACCUMULATING_GENERATIONS = 13, 250  # as many jobs as wang_diffusion has at paper scale
LONG_ARM = (500, 1000)  # generations of one arm
PARSE_SECONDS, GRAPH_SECONDS = 1.5, 15.0
TIMES_BARE, TIMES_AT_TWICE = 4.0, 2.3
TIMES_BEFORE = 1.6  # of the whole study
ONE_RULE = """
rule only:
    output: "made"
    params: setting=1
    shell: "touch {output}"
"""
# The same graph, job for job, with nothing that this project adds: no params, logs, benchmarks, groups, environments.
BARE_LOOP = """
rule all:
    input: expand("{arm}/{t}/metrics", arm=[f"arm_{arm}" for arm in range(ARMS)], t=range(GENERATIONS + 1))
rule train:
    input: lambda w: f"{w.arm}/{int(w.t) - 1}/curated" if int(w.t) else []
    output: "{arm}/{t}/model"
    shell: "touch {output}"
rule sample:
    input: "{arm}/{t}/model"
    output: "{arm}/{t}/samples"
    shell: "touch {output}"
rule curate:
    input: "{arm}/{t}/samples"
    output: "{arm}/{t}/curated"
    shell: "touch {output}"
rule measure:
    input: "{arm}/{t}/curated"
    output: "{arm}/{t}/metrics"
    shell: "touch {output}"
"""


def rows(runs: int, graph_runs: int) -> list[Row]:
    """Dry runs of a small built study, of one with ten thousand jobs, and of arms where data accumulate."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        return _parsing(folder, runs) + _graph(folder, graph_runs) + _accumulating(folder, graph_runs)


def _parsing(folder: Path, runs: int) -> list[Row]:
    print("dry run of a built study", file=sys.stderr)
    built = fresh(folder / "built")
    _snakemake(built.folder, "--cores", "2", "--", "tiny")
    bare = _bare(folder / "bare", ONE_RULE)
    _snakemake(bare, "--cores", "1")
    return _against_bare("parse, built study", built.folder, bare, runs, PARSE_SECONDS)


def _graph(folder: Path, runs: int) -> list[Row]:
    print("dry run of ten thousand jobs", file=sys.stderr)
    mixing = [{"lambda": number / 10} for number in range(ARMS)]
    large, bare = _loops(folder / "large", mixing, GENERATIONS), _bare_loop(folder / "loop", ARMS, GENERATIONS)
    return _against_bare("graph of 10,000 jobs", large, bare, runs, GRAPH_SECONDS, memory=True)


def _accumulating(folder: Path, runs: int) -> list[Row]:
    """Processor time of plans: of many arms where data accumulate, and of one with twice as many generations."""
    print("dry runs of arms where data accumulate", file=sys.stderr)
    mixing = [{"regime": "accumulate", "lambda": 1 + number} for number in range(ACCUMULATING_ARMS)]
    many = _loops(folder / "many", mixing, ACCUMULATING_GENERATIONS)
    bare = _bare_loop(folder / "many-bare", ACCUMULATING_ARMS, ACCUMULATING_GENERATIONS)
    ours, own = interleaved(lambda: _plan_time(many, "tiny"), lambda: _plan_time(bare), runs)
    short, long = (_loops(folder / f"long-{number}", mixing[:1], number) for number in LONG_ARM)
    once, twice = interleaved(lambda: _plan_time(short, "tiny"), lambda: _plan_time(long, "tiny"), runs)
    name, arm = "13,000 jobs where data accumulate", f"one such arm, {LONG_ARM[1]:,} generations for {LONG_ARM[0]:,}"
    return [
        Row(f"{name}: dry run, processor time", ours, "s"),
        Row(f"{name}: Snakemake by itself, processor time", own, "s"),
        Row(f"{name}: times as long", [a / b for a, b in zip(ours, own, strict=True)], "", TIMES_BARE),
        Row(f"{arm}: dry run, processor time", twice, "s"),
        Row(f"{arm}: times as long", [b / a for a, b in zip(once, twice, strict=True)], "", TIMES_AT_TWICE),
    ]


def _loops(folder: Path, mixing: Sequence[Mapping[str, object]], generations: int) -> Path:
    """A study of an arm for each mixing rule."""
    arms = {f"arm_{number:03d}": {"mixing": rule} for number, rule in enumerate(mixing)}
    fresh(folder).study(generations=generations, arms=arms)
    return folder


def _bare_loop(folder: Path, arms: int, generations: int) -> Path:
    return _bare(folder, f"ARMS, GENERATIONS = {arms}, {generations}\n{BARE_LOOP}")


def _plan_time(folder: Path, *targets: str) -> float:
    return _dry_run(folder, list(targets)).processor


def _bare(folder: Path, snakefile: str) -> Path:
    folder.mkdir()
    (folder / "Snakefile").write_text(snakefile, encoding="utf-8")
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
    """What `make study` runs once everything is installed, without results: at the commit `BEFORE`, then here."""
    print(f"the whole study, at {BEFORE} and here", file=sys.stderr)
    command = ("--cores", str(os.cpu_count()), "--quiet", "all")
    with tempfile.TemporaryDirectory() as temporary:
        here = Path(temporary) / "here"
        here.mkdir()
        for name in CODE:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
            copy(ROOT / name, here / name)
        with checked_out(BEFORE, Path(temporary) / "before") as before:
            former = _snakemake(before, *command)
        present = _snakemake(here, *command)
    return [
        Row("make study, installed", [present.seconds], "s"),
        Row("make study, processor", [present.processor], "s"),
        Row(f"make study at {BEFORE}, installed", [former.seconds], "s"),
        Row(f"make study at {BEFORE}, processor", [former.processor], "s"),
        Row(f"make study, times {BEFORE}", [present.seconds / former.seconds], "", TIMES_BEFORE),
    ]
