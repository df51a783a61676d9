"""What a job like those that were measured is expected to cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from recurate.files.costs import Finished, finished


@dataclass(frozen=True)
class JobCost:
    """What a job costs: seconds of processors and of a GPU, MB of memory and, where known, of disk."""

    cpu_seconds: float
    gpu_seconds: float
    memory_mb: float
    disk_mb: float | None = None

    def scaled(self, factor: float) -> JobCost:
        """Of a job `factor` times as large. Less memory is not promised, for much of it is Python's libraries."""
        disk = None if self.disk_mb is None else factor * self.disk_mb
        return JobCost(factor * self.cpu_seconds, factor * self.gpu_seconds, max(1.0, factor) * self.memory_mb, disk)


def costs_here(folder: Path) -> dict[str, JobCost]:
    """Mean cost of a job by rule, and the memory of the largest, of what was recorded below a study's folder."""
    by_rule: dict[str, list[Finished]] = {}
    for job in finished(folder):
        by_rule.setdefault(job.rule, []).append(job)
    return {rule: _mean(jobs) for rule, jobs in by_rule.items()}


def _mean(jobs: list[Finished]) -> JobCost:
    return JobCost(
        sum(job.measured.cpu_seconds for job in jobs) / len(jobs),
        sum(job.measured.seconds for job in jobs if job.on_gpu) / len(jobs),
        max(job.measured.memory_mb for job in jobs),
        sum(job.disk_mb for job in jobs) / len(jobs),
    )


def published_costs(run: JsonValue, study: str) -> dict[str, JobCost]:
    """The same of a study in a published run's `run.json`, by the kind of file that a job makes."""
    kinds = _block(_block(_block(run).get("jobs")).get(study))
    numbers = {kind: _numbers(cost) for kind, cost in kinds.items()}
    return {kind: _of_sums(cost) for kind, cost in numbers.items() if cost.get("jobs") and "cpu_seconds" in cost}


def _block(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _numbers(cost: JsonValue) -> dict[str, float]:
    return {key: float(value) for key, value in _block(cost).items() if isinstance(value, int | float)}


def _of_sums(cost: Mapping[str, float]) -> JobCost:
    """Of one job, from sums over many; `disk_mb` and `gpu_seconds` are not in older runs."""
    jobs, disk = cost["jobs"], cost.get("disk_mb")
    gpu_seconds = cost.get("gpu_seconds", 0.0) / jobs
    memory_mb = cost.get("max_memory_mb", 0.0)
    return JobCost(cost["cpu_seconds"] / jobs, gpu_seconds, memory_mb, None if disk is None else disk / jobs)
