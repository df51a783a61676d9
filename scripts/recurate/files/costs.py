"""What jobs cost, by the time and memory that Snakemake measured."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from recurate.files import records
from recurate.files.paths import benchmark_of

COST_COLUMNS = ("rule", "jobs", "cpu_hours", "gpu_hours", "longest_s", "peak_memory_mb")


def seconds(record: dict[str, Any]) -> float | None:
    """Wall time of the job that a record tells of, in seconds, if its benchmark file is there."""
    measured = measurement(record)
    return float(measured["s"]) if measured else None


def measurement(record: dict[str, Any]) -> dict[str, str] | None:
    """Snakemake's measurement of the job that a record tells of, by its columns, or None."""
    path = Path(benchmark_of(record["log"])) if record else None
    if path is None or not path.exists():
        return None
    with path.open(newline="") as file:
        return next(csv.DictReader(file, delimiter="\t"), None)


def costs(folder: Path) -> list[dict[str, Any]]:
    """Cost of all recorded jobs below a folder, one row for each rule and one for all, as in COST_COLUMNS.

    Times are wall times of jobs for GPUs and processor times as the operating system counted them for processors; peak
    memory is the largest resident set that Snakemake saw, in MB.
    """
    jobs = {}
    for path in records.recorded(folder):
        if record := records.read(path):  # a job that starts meanwhile takes the records of its outputs away
            jobs[record["log"]] = record
    rows: dict[str, dict[str, Any]] = {}
    for record in jobs.values():
        if measured := measurement(record):
            for rule in (record["rule"], "all"):
                _add(rows.setdefault(rule, dict.fromkeys(COST_COLUMNS, 0.0) | {"rule": rule}), record, measured)
    return [rows[rule] for rule in sorted(rows, key=lambda rule: (rule == "all", rule))]


def _add(row: dict[str, Any], record: dict[str, Any], measured: dict[str, str]) -> None:
    wall = float(measured["s"])
    row["jobs"] = int(row["jobs"]) + 1
    row["cpu_hours"] += _number(measured["cpu_time"]) / 3600
    row["gpu_hours"] += wall / 3600 if record["device"] != "cpu" else 0.0
    row["longest_s"] = max(row["longest_s"], wall)
    row["peak_memory_mb"] = max(row["peak_memory_mb"], _number(measured["max_rss"]))


def _number(text: str) -> float:
    """A measured number; Snakemake writes - or NA for jobs too short to be seen."""
    return 0.0 if text in ("-", "NA") else float(text)
