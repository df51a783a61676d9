"""What jobs cost, by the time and memory that Snakemake measured; what was too short to be measured counts as 0."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from recurate.files import records
from recurate.files.paths import benchmark_of

COST_COLUMNS = ("rule", "jobs", "cpu_hours", "gpu_hours", "longest_s", "peak_memory_mb")
NOT_MEASURED = ("-", "NA", "")


@dataclass(frozen=True)
class Measurement:
    """Wall time and processor time of a job in seconds, and its largest resident set in MB."""

    seconds: float
    cpu_seconds: float
    memory_mb: float


def read_benchmark(path: str | Path) -> Measurement | None:
    """The first run in one of Snakemake's benchmark files, or None if there is none."""
    if not Path(path).exists():
        return None
    with Path(path).open(newline="") as file:
        row = next(csv.DictReader(file, delimiter="\t"), None)
    return Measurement(*(_number(row[name]) for name in ("s", "cpu_time", "max_rss"))) if row else None


def _number(text: str) -> float:
    return 0.0 if text in NOT_MEASURED else float(text)


def measurement(log: str | None) -> Measurement | None:
    """What was measured of the job with this log, if there is one."""
    return read_benchmark(benchmark_of(log)) if log else None


def costs(folder: Path) -> list[dict[str, object]]:
    """Cost of all recorded jobs below a folder, one row for each rule and one for all, as in COST_COLUMNS.

    Times are wall times of jobs for GPUs and processor times as the operating system counted them for processors; peak
    memory is the largest resident set that Snakemake saw, in MB.
    """
    jobs = {}
    for path in records.recorded(folder):
        if record := records.read(path):  # a job that starts meanwhile takes the records of its outputs away
            jobs[record.log] = record
    by_rule: dict[str, list[tuple[Measurement, bool]]] = {}
    for record in jobs.values():
        if measured := measurement(record.log):
            for rule in (record.rule, "all"):
                by_rule.setdefault(rule, []).append((measured, record.device != "cpu"))
    ordered = sorted(by_rule, key=lambda rule: (rule == "all", rule))
    return [dict(zip(COST_COLUMNS, (rule, *_summed(by_rule[rule])), strict=True)) for rule in ordered]


def _summed(jobs: list[tuple[Measurement, bool]]) -> tuple[int, float, float, float, float]:
    """Jobs, processor and GPU hours, seconds of the longest job, MB of the largest."""
    return (
        len(jobs),
        sum(measured.cpu_seconds / 3600 for measured, _ in jobs),
        sum((measured.seconds / 3600 for measured, on_gpu in jobs if on_gpu), 0.0),
        max(measured.seconds for measured, _ in jobs),
        max(measured.memory_mb for measured, _ in jobs),
    )
