"""What the report is told: every study as its figures see it, and where its files lie."""

from __future__ import annotations

from recurate.figures.parts.view import SimulatedView, StudyView
from recurate.foundation.components import Settings


class FigureFiles(Settings):
    """Pictures of a figure, and its caption."""

    files: list[str]
    caption: str


class StudyFiles(Settings):
    """Where a study's figures, tables, times, logs and its chain of files lie; figures and tables by name."""

    figures: dict[str, FigureFiles]
    tables: dict[str, str]
    folder: str
    provenance: str
    benchmarks: str
    logs: str


class SamplerView(Settings):
    """A sampler: whose, its kind, what it keeps of a Gaussian's variance, and why that is another law, if it is."""

    place: str
    kind: str
    kept: float
    other_law: str


class TrainedSection(Settings):
    """A trained study, its files, samplers, the cards of its judges by origin, and some models by what they are."""

    study: StudyView
    files: StudyFiles
    samplers: list[SamplerView]
    judges: dict[str, str]
    models: dict[str, str]


class SimulatedSection(Settings):
    """A simulated study and its files."""

    study: SimulatedView
    files: StudyFiles


class ReportSettings(Settings):
    """The studies of the report, in order, at which scale, and the folder of results.

    What samplers keep is told for a Gaussian of standard deviation `typical`; `allowed` is what they may lose or gain.
    """

    scale: str
    results: str
    typical: float
    allowed: float
    studies: dict[str, TrainedSection]
    simulated: dict[str, SimulatedSection]
