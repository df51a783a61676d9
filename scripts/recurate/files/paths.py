"""Where every file lies. Paths are built here and nowhere else.

Templates keep Snakemake's wildcards `{study} {origin} {arm} {seeds} {generation}`; parameters never enter a file name.
"""

from __future__ import annotations

import re
from pathlib import Path

WILDCARDS = {
    "study": r"[a-z][a-z0-9_]*",
    "origin": r"[a-z][a-z0-9_]*",
    "arm": r"[a-z][a-z0-9_]*",
    "seeds": r"\d+-\d+",
    "generation": r"\d{3}|[1-9]\d{3}",
}
NAME = re.compile(rf"^{WILDCARDS['study']}$")


class Layout:
    """Path templates below the results folder, and below the folder of fetched data."""

    def __init__(self, results: str, data: str) -> None:
        self.results = results
        self.data = data
        self.report = f"{results}/report.html"
        self.study = f"{results}/{{study}}"
        self.origin = f"{self.study}/origins/{{origin}}"
        self.arm = f"{self.study}/arms/{{arm}}"

    def in_data(self, name: str) -> str:
        """A file that all studies share: a data set, its card, a feature network."""
        return f"{self.data}/{name}"

    def in_study(self, name: str) -> str:
        """A file of the whole study, for example `metrics.csv` or `figures/trajectory.pdf`."""
        return f"{self.study}/{name}"

    def in_origin(self, name: str) -> str:
        """A file that all seeds of an origin share: real data, judge, their cards."""
        return f"{self.origin}/{name}"

    def origin_generation(self, name: str) -> str:
        """A file of generation 0 as the origin made it: model or samples."""
        return f"{self.origin}/seeds-{{seeds}}/gen-000/{name}"

    def arm_generation(self, name: str) -> str:
        """A file of one generation of an arm."""
        return f"{self.arm}/seeds-{{seeds}}/gen-{{generation}}/{name}"

    def in_arm(self, name: str) -> str:
        """A file of all seeds and generations of a simulated arm."""
        return f"{self.arm}/{name}"

    def arm_seeds(self, name: str) -> str:
        """A file of all generations of an arm, such as its forecast."""
        return f"{self.arm}/seeds-{{seeds}}/{name}"

    def log(self, template: str) -> str:
        """Log of the job that makes `template`."""
        return self._beside("logs", template, "log")

    def benchmark(self, template: str) -> str:
        """Time and memory of the job that makes `template`."""
        return self._beside("benchmarks", template, "tsv")

    def _beside(self, folder: str, template: str, extension: str) -> str:
        # Data may lie elsewhere, under an absolute path: two slashes in a row are two names of one file to Snakemake.
        inner = template.removeprefix(f"{self.results}/").lstrip("/")
        return f"{self.results}/{folder}/{inner.rsplit('.', 1)[0]}.{extension}"


def progress_of(model: str, key: str) -> Path:
    """Private checkpoint of the training that makes `model`; `key` tells apart different settings and inputs."""
    return Path(model).parent / ".progress" / f"{key}.safetensors"


def benchmark_of(log: str) -> str:
    """Path of the time and memory of the job that has this log."""
    folder, _, inner = log.rpartition("logs/")
    return f"{folder}benchmarks/{inner.removesuffix('.log')}.tsv"


def format_generation(generation: int) -> str:
    """Generation number as it stands in a path: 3 -> "003"."""
    return f"{generation:03d}"


def format_seeds(seeds: list[int]) -> str:
    """Consecutive seeds as they stand in a path: [0, 1, 2, 3] -> "0-3"."""
    return f"{seeds[0]}-{seeds[-1]}"


def parse_seeds(text: str) -> list[int]:
    """Inverse of `format_seeds`."""
    first, last = text.split("-")
    return list(range(int(first), int(last) + 1))
