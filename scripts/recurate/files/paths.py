"""Where every file lies. Paths are built and taken apart here and nowhere else.

Templates keep Snakemake's wildcards `{study} {origin} {arm} {seeds} {generation}`; parameters never enter a file name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

WILDCARDS = {
    "study": r"[a-z][a-z0-9_]*",
    "origin": r"[a-z][a-z0-9_]*",
    "arm": r"[a-z][a-z0-9_]*",
    "seeds": r"\d+-\d+",
    "generation": r"\d{3}|[1-9]\d{3}",
}
RUN_NAME = re.compile(r"[a-z][a-z0-9_-]{0,99}")  # of published runs
LOGS, BENCHMARKS, PUBLISHED = "logs", "benchmarks", "published"  # folders of results beside those of studies
RUN = "run.json"  # of a published run: its command, commit, machine and costs
FIGURES = "figures/"  # what the names of a study's pictures and captions begin with
_NAMED = {name: f"(?P<{name}>{pattern})" for name, pattern in WILDCARDS.items()}
_OF_STUDY = re.compile(
    "{study}/(?:(?:origins/{origin}|arms/{arm})/(?:seeds-{seeds}/(?:gen-{generation}/)?)?)?".format(**_NAMED)
    + f"(?P<name>(?:{FIGURES})?[^/]+)"
)
NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")  # of studies, origins, arms and figures: their names are folders and files
NAME_RULE = "a name is lower-case letters, digits and _, a letter first, at most 100 characters"


def is_name(text: str) -> bool:
    """Whether a study, an origin, an arm or a figure can be called so."""
    return NAME.fullmatch(text) is not None


class Layout:
    """Path templates below the results folder, and below the folder of fetched data."""

    def __init__(self, results: str, data: str) -> None:
        self.results = results
        self.data = data
        self.report = f"{results}/report.html"
        self.study = f"{results}/{{study}}"
        self.origin = f"{self.study}/origins/{{origin}}"
        self.arm = f"{self.study}/arms/{{arm}}"
        self.code = f"{self.study}/.code/{{digest}}.json"  # modules and files that a digest of code stands for

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
        return self._beside(LOGS, template, "log")

    def benchmark(self, template: str) -> str:
        """Time and memory of the job that makes `template`."""
        return self._beside(BENCHMARKS, template, "tsv")

    def _beside(self, folder: str, template: str, extension: str) -> str:
        # Data may lie elsewhere, under an absolute path: two slashes in a row are two names of one file to Snakemake.
        inner = template.removeprefix(f"{self.results}/").lstrip("/")
        return f"{self.results}/{folder}/{inner.rsplit('.', 1)[0]}.{extension}"


def progress_of(model: str, key: str) -> Path:
    """Private checkpoint of the training that makes `model`; `key` tells apart different settings and inputs."""
    return Path(model).parent / ".progress" / f"{key}.safetensors"


def results_of(log: str, made: str | Path) -> str | None:
    """Results folder of the job that has this log and made a file; None if the file was moved since.

    A log lies below `logs` as the file does below the results folder, or with its whole path if that lies elsewhere.
    Of several folders `logs` on the way it is the last that fits: no study has that name.
    """
    folder, parts = Path(made).parent, Path(log).parts
    for place in reversed([number for number, part in enumerate(parts) if part == LOGS]):
        results, inner = Path(*parts[:place]), Path(*parts[place + 1 : -1])
        if folder in (results / inner, inner, Path("/") / inner):
            return str(results)
    return None


def moved(path: str, log: str, made: str) -> str:
    """Where a file lies now that lay below the results folder of the job that has this log and made another file.

    The folder may have been copied under another name since; what lies elsewhere is where it was.
    """
    folder, parts = Path(made).parent, Path(log).parts
    for place in reversed([number for number, part in enumerate(parts) if part == LOGS]):
        results, inner = Path(*parts[:place]), parts[place + 1 : -1]
        outer = folder.parts[: len(folder.parts) - len(inner)]
        if (*outer, *inner) == folder.parts and Path(path).is_relative_to(results):
            now = Path(*outer)
            return path if now == results else str(now / Path(path).relative_to(results))
    return path


def benchmark_of(log: str, made: str | Path) -> str | None:
    """Path of the time and memory of the job that has this log and made a file; None if the file was moved since."""
    results = results_of(log, made)
    if results is None:
        return None
    return str(Path(results, BENCHMARKS, Path(log).relative_to(Path(results, LOGS))).with_suffix(".tsv"))


@dataclass(frozen=True)
class Place:
    """Where in a study a file belongs: to an origin or an arm, to some of its seeds, to a generation."""

    study: str
    origin: str | None
    arm: str | None
    seeds: str | None
    generation: int | None
    name: str

    @property
    def is_figure(self) -> bool:
        """Whether it is a picture of the study, or the caption of one."""
        return self.name.startswith(FIGURES)


def place_of(below: str | Path) -> Place | None:
    """The place of a file of a study by its path below the results folder, or below its logs or benchmarks.

    None for what no study has.
    """
    found = _OF_STUDY.fullmatch(Path(below).as_posix())
    if found is None:
        return None
    generation = None if found["generation"] is None else int(found["generation"])
    return Place(found["study"], found["origin"], found["arm"], found["seeds"], generation, found["name"])


def runs_in(results: str) -> str:
    """Folder of what is written down of every run, beside the logs of jobs."""
    return f"{results}/{LOGS}/runs"


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
