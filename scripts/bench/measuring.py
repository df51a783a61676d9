"""What all rows of the benchmark share: repeated runs, their median, a child's time and memory, the machine."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import torch

ROOT = Path(__file__).parents[2]
COLUMNS = ("what", "n", "median", "smallest", "largest", "target", "met")


@dataclass(frozen=True)
class Row:
    """One quantity, measured several times.

    `target` is the bound that the project sets itself, on the median; None where there is none. `at_least` says that
    large values are good.
    """

    what: str
    values: Sequence[float]
    unit: str
    target: float | None = None
    at_least: bool = False

    def cells(self) -> tuple[str, ...]:
        """Cells of the table, in the order of COLUMNS."""
        median = statistics.median(self.values)
        shown = [self._show(value) for value in (median, min(self.values), max(self.values))]
        if self.target is None:
            return (self.what, str(len(self.values)), *shown, "", "")
        met = median >= self.target if self.at_least else median <= self.target
        bound = f"{'>=' if self.at_least else '<='} {self.target:g} {self.unit}".rstrip()
        return (self.what, str(len(self.values)), *shown, bound, "yes" if met else "no")

    def _show(self, value: float) -> str:
        digits = 0 if value >= 100 else 2 if value >= 1 else 3
        return f"{value:.{digits}f} {self.unit}".rstrip()


def interleaved(first: Callable[[], float], second: Callable[[], float], runs: int) -> tuple[list[float], list[float]]:
    """Results of two measurements in turn, so that a slow minute of the machine falls on both.

    Each is called once before, unmeasured.
    """
    first(), second()
    pairs = [(first(), second()) for _ in range(runs)]
    return [a for a, _ in pairs], [b for _, b in pairs]


@dataclass(frozen=True)
class Way:
    """A way of doing something, in words, and what measures it once."""

    words: str
    measure: Callable[[], float]


def compared(what: str, unit: str, usual: Way, ours: Way, target: float, runs: int) -> list[Row]:
    """Rows of two ways measured in turn, and of how many times as fast ours is; `unit` is s or something a second."""
    before, after = interleaved(usual.measure, ours.measure, runs)
    gain = [a / b if unit == "s" else b / a for a, b in zip(before, after, strict=True)]
    return [
        Row(f"{what}: {usual.words}", before, unit),
        Row(f"{what}: {ours.words}", after, unit),
        Row(f"{what}: gain", gain, "", target, at_least=True),
    ]


@contextmanager
def threads(number: int) -> Iterator[str]:
    """Let PyTorch use so many threads meanwhile; gives them in words."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield f"{number} thread{'s' * (number > 1)}"
    finally:
        torch.set_num_threads(before)


@dataclass(frozen=True)
class Child:
    """A finished process: wall time in s, peak resident memory in MB, standard output, processor time in s."""

    seconds: float
    peak: float
    output: str
    processor: float


# A process inherits the peak of the one that starts it, so a small one stands in between and tells its child's own.
LAUNCHER = """
import os, resource, subprocess, sys
status = subprocess.call(sys.argv[2:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
os.write(int(sys.argv[1]), f"{used.ru_maxrss} {used.ru_utime + used.ru_stime}".encode())
sys.exit(status)
"""


def run_alone(function: Callable[..., object], **arguments: object) -> Child:
    """Run a function of alone.py in a process of its own, with two threads; JSON of its result ends the output."""
    command = [sys.executable, str(Path(__file__).with_name("alone.py")), function.__name__, json.dumps(arguments)]
    return run_child(command, threads=2)


def run_child(command: Sequence[str], folder: Path = ROOT, threads: int | None = None) -> Child:
    """Run a command to its end, measured from outside; raises RuntimeError with its errors if it fails."""
    read, write = os.pipe()
    launched = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(write), *command]
    start = time.perf_counter()
    done = subprocess.run(
        launched,
        cwd=folder,
        env=child_environment(threads),
        encoding="utf-8",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(write,),
    )
    seconds = time.perf_counter() - start
    os.close(write)
    with os.fdopen(read) as told:
        peak, processor = told.read().split()
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} in {folder} failed:\n{done.stdout}")
    return Child(seconds, float(peak) / (1e6 if sys.platform == "darwin" else 1e3), done.stdout, float(processor))


def child_environment(threads: int | None = None) -> dict[str, str]:
    """The environment without what a user's shell would not have: compiled modules are kept, nothing is prepended.

    `threads` bounds those of BLAS and OpenMP; None leaves them as they are.
    """
    without = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
    limits = {f"{library}_NUM_THREADS": str(threads) for library in ("OMP", "OPENBLAS", "MKL") if threads}
    return {**{key: value for key, value in os.environ.items() if key not in without}, "MPLBACKEND": "Agg", **limits}


def heading() -> str:
    """Date, commit and machine, in two lines."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy", "snakemake"))
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {_commit()}\n"
        f"{_processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start; "
        f"Python {platform.python_version()}, {packages}"
    )


def _commit() -> str:
    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, encoding="utf-8", capture_output=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    return (git("rev-parse", "--short", "HEAD") or "unknown") + (" with changes" if git("status", "--short") else "")


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def table(rows: Sequence[Row]) -> str:
    """The rows as an aligned Markdown table."""
    cells = [COLUMNS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(COLUMNS))]
    lines = [f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |" for line in cells]
    lines.insert(1, f"| {' | '.join('-' * width for width in widths)} |")
    return "\n".join(lines)
