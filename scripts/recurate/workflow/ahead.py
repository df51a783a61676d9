"""What lies ahead of a run: its jobs, and what they are expected to cost by what was measured."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pydantic import JsonValue

from recurate.files.expected import JobCost, costs_here, published_costs
from recurate.files.paths import PUBLISHED, RUN, parse_seeds
from recurate.files.writing import read_json
from recurate.foundation.errors import RecurateError
from recurate.foundation.places import found
from recurate.study.yaml_files import read_mapping
from recurate.workflow.outcome import counted
from recurate.workflow.project import Project
from recurate.workflow.studies import Wildcards

SHARED = "shared"  # stands for the study of jobs that belong to none, such as the report
TOLD = ("study", "origin", "arm")  # wildcards that are told by their values alone, in this order


@dataclass(frozen=True)
class Job:
    """A job that is to run: Snakemake's number for it, its rule, wildcards, outputs, benchmark file, threads, GPUs."""

    number: int
    rule: str
    wildcards: Mapping[str, str] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    benchmark: str = ""
    threads: int = 1
    gpus: int = 0

    @property
    def study(self) -> str:
        """The study that it belongs to, if to one."""
        return self.wildcards.get("study", SHARED)

    @property
    def kind(self) -> str:
        """The kind of file that it makes, as its benchmark is named after it."""
        return Path(self.benchmark).stem

    def __str__(self) -> str:
        plain = {name: str(int(value)) if value.isdigit() else value for name, value in self.wildcards.items()}
        others = [f"{name} {value}" for name, value in plain.items() if name not in TOLD]
        places = [plain[name] for name in TOLD if name in plain] + others
        return f"{', '.join(places)}: {self.rule}" if places else self.rule


class Measured:
    """What jobs cost: as finished jobs of the same study did here, or else in a published run with its settings."""

    def __init__(self, project: Project) -> None:
        self.project, self._of_study = project, dict[str, StudyCosts]()

    def of(self, job: Job) -> JobCost | None:
        """Expected cost of a job, if one like it was measured."""
        return self.of_study(job.study).of(job)

    def of_study(self, study: str) -> StudyCosts:
        """What was measured of a study."""
        if study not in self._of_study:
            self._of_study[study] = StudyCosts(self.project, study)
        return self._of_study[study]


class StudyCosts:
    """What was measured of one study's jobs; `sources` are those that were asked with success."""

    def __init__(self, project: Project, study: str) -> None:
        self.project, self.study, self.sources = project, study, dict[str, None]()

    def of(self, job: Job) -> JobCost | None:
        """Expected cost of a job of this study."""
        if found := self._here.get(job.rule):
            self.sources[str(self._folder)] = None
            return found
        for run in self._published:
            if found := run.of(job):
                self.sources[str(run.folder.parent)] = None
                return found
        return None

    @property
    def _folder(self) -> Path:
        return Path(self.project.layout.study.format(study=self.study))

    @cached_property
    def _here(self) -> dict[str, JobCost]:
        """By rule, of results that lie here."""
        try:
            return costs_here(self._folder) if self.study in self.project.studies.all else {}
        except RecurateError:  # a damaged record is told by the job that reads it, and by make verify
            return {}

    @cached_property
    def _published(self) -> list[PublishedRun]:
        """Published runs of the study with its present settings."""
        if self.study not in self.project.studies.all:
            return []
        settings = self.project.settings.resolved(Wildcards(study=self.study))
        runs = [PublishedRun(path) for path in sorted(found(Path("results", PUBLISHED)).glob(f"*/{self.study}"))]
        return [run for run in runs if run.agrees_with(settings)]


class PublishedRun:
    """A study's folder in a published run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def agrees_with(self, settings: Mapping[str, object]) -> bool:
        """Whether a job of the run cost what one of a study with these settings does, but for its number of seeds."""
        return bool(self._settings) and not different(self._settings, settings)

    def of(self, job: Job) -> JobCost | None:
        """Cost of a job that makes the same kind of file, scaled to its number of seeds."""
        found = self._costs.get(job.kind)
        if found is None or "seeds" not in job.wildcards:
            return found
        return found.scaled(len(parse_seeds(job.wildcards["seeds"])) / self._seeds_of_a_job)

    @cached_property
    def _settings(self) -> Mapping[str, JsonValue]:
        try:
            return read_mapping(self.folder / "config.yaml")
        except RecurateError:  # a run without settings, or of which they cannot be read, tells nothing
            return {}

    @property
    def _seeds_of_a_job(self) -> int:
        seeds, most = self._settings.get("seeds"), self._settings.get("seeds_per_job")
        number = len(seeds) if isinstance(seeds, list) else 1
        return min(number, most) if isinstance(most, int) else number

    @cached_property
    def _costs(self) -> dict[str, JobCost]:
        try:
            return published_costs(read_json(self.folder.parent / RUN), self.folder.name)
        except RecurateError:
            return {}


def different(one: Mapping[str, object], other: Mapping[str, object]) -> list[str]:
    """Dotted keys that two studies both have, with different values, and that change what a job costs.

    They are those of origins and of common arms, and in simulated studies the seeds and generations of every job.
    """
    simulated = one.get("loop") == "simulated"
    parts = ("arms", "generations", "seeds") if simulated else ("origins", "arms")
    first, second = (dict(flat({part: study.get(part) for part in parts})) for study in (one, other))
    words = ("title", "panel")
    keys = [key for key in first if key in second and key.rpartition(".")[2] not in words]
    return [key for key in keys if first[key] != second[key]]


def flat(value: object, where: str = "") -> Iterator[tuple[str, object]]:
    """What is no mapping, by its dotted key."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from flat(inner, f"{where}.{key}" if where else str(key))
    else:
        yield where, value


@dataclass
class Sum:
    """What jobs come to."""

    jobs: int = 0
    measured: int = 0
    cpu_seconds: float = 0.0
    gpu_seconds: float = 0.0
    memory_mb: float = 0.0
    disk_mb: float = 0.0
    disk_known: bool = True
    without_gpu: int = 0  # jobs that ask for a GPU and of which nothing was measured on one

    def add(self, job: Job, cost: JobCost | None) -> None:
        """Count one more job."""
        self.jobs += 1
        if cost is None:
            self.without_gpu += job.gpus
            return
        self.measured += 1
        self.cpu_seconds += cost.cpu_seconds
        self.gpu_seconds += cost.gpu_seconds
        self.without_gpu += bool(job.gpus and not cost.gpu_seconds)
        self.memory_mb = max(self.memory_mb, cost.memory_mb)
        self.disk_mb += cost.disk_mb or 0.0
        self.disk_known = self.disk_known and cost.disk_mb is not None

    def __str__(self) -> str:
        jobs = counted(self.jobs, "job")
        if not self.measured:
            return f"{jobs}, no measured costs before some are done"
        parts = [jobs, of_machine("core", self.cpu_seconds)]
        if self.gpu_seconds:
            parts.append(of_machine("GPU", self.gpu_seconds))
        parts.append(f"{size(self.memory_mb)} of memory in the largest job")
        parts.append(f"{size(self.disk_mb)} of disk" if self.disk_known else "disk not measured")
        if self.measured < self.jobs:
            parts.append(f"without {self.jobs - self.measured} of which nothing was measured")
        if self.without_gpu:
            parts.append(f"{self.without_gpu} ask for a GPU where there is one, and were measured on none")
        return ", ".join(parts)


def ahead(jobs: Iterable[Job], measured: Measured) -> list[str]:
    """Lines that tell what a run's jobs come to, for each study and together."""
    sums, together = dict[str, Sum](), Sum()
    for job in jobs:
        cost = measured.of(job)
        sums.setdefault(job.study, Sum()).add(job, cost)
        together.add(job, cost)
    ordered = sorted(sums, key=lambda study: (study == SHARED, study))
    lines = [f"{study}: {sums[study]}{_told_by(measured.of_study(study))}" for study in ordered]
    return [*lines, f"together: {together}"] if len(lines) > 1 else lines


def _told_by(costs: StudyCosts) -> str:
    return f" (measured: {', '.join(costs.sources)})" if costs.sources else ""


def of_machine(what: str, seconds: float) -> str:
    """Seconds of a core or a GPU in seconds, minutes or hours, with two digits: 45 core-seconds, 2.5 GPU-hours."""
    for unit, length in (("second", 60), ("minute", 60), ("hour", math.inf)):
        if seconds < length:
            return f"{seconds:.0f} {what}-{unit}s" if seconds >= 10 else f"{seconds:.2g} {what}-{unit}s"
        seconds /= length
    raise AssertionError("hours have no end")


def size(megabytes: float) -> str:
    """MB, or GB where they are many."""
    return f"{math.ceil(megabytes)} MB" if megabytes < 1000 else f"{megabytes / 1000:.1f} GB"
