"""A small real study in a folder of its own, to run and to edit."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import psutil
import yaml

ROOT = Path(__file__).parents[2]
CODE = ("Snakefile", "rules", "scripts", "config", "profiles", "envs")
TIMED = ("provenance.json", "cost.csv", ".provenance.json.record", ".cost.csv.record", ".report.html.record")
SECRET = "a token that nobody may see"
# Reads MNIST in seconds.
JUDGE = {
    "kind": "small_cnn",
    "channels": 8,
    "poolings": 2,
    "features": 32,
    "epochs": 1,
    "batch_size": 256,
    "minimum_accuracy": 0.9,
}
TINY: dict[str, Any] = {
    "title": "A study for tests",
    "answers": "nothing",
    "generations": 2,
    "seeds": 2,
    "origins": {
        "gaussians": {
            "data": {"kind": "eight_gaussians", "train": 500, "test": 300},
            "model": {"kind": "mlp", "width": 16, "depth": 2},
            "objective": {"kind": "flow_matching"},
            "training": {"steps": 120, "batch_size": 64, "learning_rate": 5.0e-3},
            "sampler": {"kind": "ode", "method": "midpoint", "steps": 3},
            "samples": 400,
        }
    },
    "arm_defaults": {
        "origin": "gaussians",
        "reward": {"kind": "clipped_distance", "target": [4.0, 0.0]},
        "curation": {"kind": "bradley_terry", "choices": 4, "kept": 200},
        "mixing": {"lambda": float("inf")},
        "retraining": {"steps": 60, "batch_size": 64, "learning_rate": 1.0e-3},
    },
    "arms": {"curated": {}, "mixed": {"mixing": {"lambda": 0.5}}},
    "metrics": [{"kind": "sliced_wasserstein"}],
    "figures": ["trajectory"],
}


class Copy:
    """A project folder with one study, `tiny`, which tests may edit and run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.study_file = folder / "config/studies/tiny.yaml"

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Snakemake in the folder; returns exit status and all output."""
        command = [str(Path(sys.executable).with_name("snakemake")), "--cores", "2", *arguments]
        return self.run(*command)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the folder."""
        return subprocess.run(
            command, cwd=self.folder, env=environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def start(self, *targets: str) -> subprocess.Popen[str]:
        """Start the study, or some of its files, as `make study` does, in a session of its own."""
        return subprocess.Popen(
            [sys.executable, "scripts/manage.py", "run", "--cores", "2", *targets],
            cwd=self.folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def kill(self, run: subprocess.Popen[str]) -> None:
        """kill -9 of a run and of all that works in the folder."""
        kill_with_children(run)
        for process in processes_in(self.folder):
            with suppress(ProcessLookupError):  # it may have ended by itself meanwhile
                os.kill(process, signal.SIGKILL)
        run.communicate()

    def planned(self, *targets: str) -> dict[str, int]:
        """Rules that a dry run would run, with the number of jobs of each."""
        done = self.snakemake("-n", "--quiet", "host", "reason", "--", *(targets or ("tiny",)))
        assert done.returncode == 0, done.stdout
        table = re.search(r"Job stats:\n.*?\n-.*?\n(.*?)\ntotal", done.stdout, re.DOTALL)
        rows = [line.split() for line in table.group(1).splitlines()] if table else []
        return {rule: int(count) for rule, count in rows if rule not in ("tiny", "all")}

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace text that must be there, in a file of the folder."""
        file = self.folder / path
        text = file.read_text()
        assert old in text, f"{old!r} is not in {path}"
        file.write_text(text.replace(old, new, 1))

    def study(self, **changes: object) -> None:
        """Write the study file with top-level keys replaced."""
        self.study_file.write_text(yaml.safe_dump({**TINY, **changes}, sort_keys=False))


def kill_with_children(run: subprocess.Popen[str]) -> None:
    """kill -9 of a command and of what it has started, in whatever groups."""
    command = psutil.Process(run.pid)
    for process in (command, *command.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def changed(path: str, value: Any) -> dict[str, Any]:
    """The tiny study with the value at a dotted path replaced."""
    study = deepcopy(TINY)
    *folders, last = path.split(".")
    block: Any = study
    for key in folders:
        block = block.setdefault(key, {})
    block[last] = value
    return study


def contents(project: Copy) -> dict[str, bytes]:
    """Bytes of every sample set, curated set, model, card, table, figure and record, by path; not what holds times."""
    results = project.folder / "results"
    kinds = (".safetensors", ".csv", ".json", ".yaml", ".pdf", ".record")
    files = (path for path in sorted(results.rglob("*")) if path.suffix in kinds and path.name not in TIMED)
    timed = {"benchmarks", "logs"}
    return {str(path.relative_to(results)): path.read_bytes() for path in files if not timed & set(path.parts)}


def processes_in(folder: Path) -> list[int]:
    """Processes that work in a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").resolve() == folder.resolve():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def environment() -> dict[str, str]:
    """The test's environment, without what would leak into Snakemake, with a secret that must not leak out of it."""
    inherited = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return {**inherited, "MPLBACKEND": "Agg", "A_TOKEN": SECRET}


def fresh(folder: Path) -> Copy:
    """A copy of the project's code with the study `tiny` alone."""
    folder.mkdir(parents=True)
    for name in CODE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name)  # with what Python compiled of it, which goes by dates that are kept
        else:
            shutil.copy2(source, folder / name)
    for study in (folder / "config/studies").glob("*.yaml"):
        study.unlink()
    (folder / "config/config.yaml").write_text("studies: [tiny]\nscale: demo\nresults: results\ndevice: cpu\n")
    copy = Copy(folder)
    copy.study()
    return copy
