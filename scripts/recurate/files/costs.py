"""What jobs cost, by the time and memory that Snakemake measured; what was too short to be measured counts as 0."""

from __future__ import annotations

import csv
import math
import sys
from dataclasses import dataclass
from pathlib import Path

from recurate.files import records
from recurate.files.paths import benchmark_of
from recurate.files.tables import read_rows
from recurate.foundation.errors import RecurateError

COST_COLUMNS = ("rule", "jobs", "cpu_hours", "gpu_hours", "longest_s", "peak_memory_mb", "disk_mb")
NOT_MEASURED = ("-", "NA", "")


@dataclass(frozen=True)
class Measurement:
    """Wall time and processor time of a job in seconds, and its largest resident set in MB."""

    seconds: float
    cpu_seconds: float
    memory_mb: float


def read_benchmark(path: str | Path) -> Measurement | None:
    """The first run in one of Snakemake's benchmark files, or None if there is none, for a damaged file with a notice.

    Only the job itself would be measured again, so that a damaged file must not stand in the way of its costs.
    """
    if not Path(path).exists():
        return None
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            row = next(csv.DictReader(file, delimiter="\t"), {})
        return Measurement(*(_number(row[name]) for name in ("s", "cpu_time", "max_rss")))
    except (OSError, ValueError, KeyError, csv.Error) as error:
        print(f"{path}: holds no measurement ({error}); its job counts as not measured", file=sys.stderr)
        return None


def _number(text: str | None) -> float:
    if text in NOT_MEASURED:
        return 0.0
    number = float(text or "")
    if not 0 <= number < math.inf:
        raise ValueError(f"{text} is no time and no memory")
    return number


def measurement(log: str, made: str | Path) -> Measurement | None:
    """What was measured of the job that has this log and made a file, if it was."""
    path = benchmark_of(log, made)
    return read_benchmark(path) if path else None


def read_largest(path: Path) -> dict[str, tuple[float, float]]:
    """By rule, seconds of the longest job and MB of the largest, from a study's cost table; empty before it is there.

    Empty, with a notice, for a damaged one: it is made anew with the study, and must not stand in the way of that.
    """
    if not path.exists():
        return {}
    try:
        records.check([str(path)])
        rows = read_rows(path, COST_COLUMNS)
        return {row["rule"]: (_number(row["longest_s"]), _number(row["peak_memory_mb"])) for row in rows}
    except (RecurateError, OSError, ValueError) as error:
        print(f"{path}: is not used ({error})", file=sys.stderr)
        return {}


def costs(folder: Path) -> list[dict[str, object]]:
    """Cost of all recorded jobs below a folder, one row for each rule and one for all, as in COST_COLUMNS.

    Times are wall times of jobs for GPUs and processor times as the operating system counted them for processors; peak
    memory is the largest resident set that Snakemake saw, in MB; disk what their files take, in MB.
    """
    by_rule: dict[str, list[Finished]] = {}
    for job in finished(folder):
        for rule in (job.rule, "all"):
            by_rule.setdefault(rule, []).append(job)
    ordered = sorted(by_rule, key=lambda rule: (rule == "all", rule))
    return [dict(zip(COST_COLUMNS, (rule, *_summed(by_rule[rule])), strict=True)) for rule in ordered]


@dataclass(frozen=True)
class Finished:
    """A job that was measured: its rule, kind of file, whether it ran on a GPU, and how many MB its files take."""

    rule: str
    kind: str
    measured: Measurement
    on_gpu: bool
    disk_mb: float


def finished(folder: Path) -> list[Finished]:
    """Recorded jobs below a folder of which there is a measurement."""
    jobs, sizes = dict[str, tuple[Path, records.Record]](), dict[str, int]()
    for path in records.recorded(folder):
        if record := records.read(path):  # a job that starts meanwhile takes the records of its outputs away
            jobs[record.log] = (path, record)
            sizes[record.log] = sizes.get(record.log, 0) + (path.stat().st_size if path.exists() else 0)
    return [
        Finished(record.rule, Path(log).stem, measured, record.device != "cpu", sizes[log] / 1e6)
        for log, (path, record) in jobs.items()
        if (measured := measurement(log, path))
    ]


def _summed(jobs: list[Finished]) -> tuple[int, float, float, float, float, float]:
    """Jobs, processor and GPU hours, seconds of the longest job, MB of the largest, MB of their files."""
    return (
        len(jobs),
        sum(job.measured.cpu_seconds / 3600 for job in jobs),
        sum((job.measured.seconds / 3600 for job in jobs if job.on_gpu), 0.0),
        max(job.measured.seconds for job in jobs),
        max(job.measured.memory_mb for job in jobs),
        sum(job.disk_mb for job in jobs),
    )
