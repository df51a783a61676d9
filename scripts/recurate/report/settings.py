"""What the report is told: every study as its figures see it, and where its files lie."""

from __future__ import annotations

from recurate.figures.parts.view import SimulatedView, StudyView
from recurate.foundation.components import Settings


class FigureFiles(Settings):
    """Pictures of a figure, and its caption."""

    files: list[str]
    caption: str


class StudyFiles(Settings):
    """Where a study's figures, tables, times and logs lie; figures and tables by name."""

    figures: dict[str, FigureFiles]
    tables: dict[str, str]
    folder: str
    benchmarks: str
    logs: str


class TrainedSection(Settings):
    """A trained study, its files, the cards of its judges by origin, and some of its models by what they are."""

    study: StudyView
    files: StudyFiles
    judges: dict[str, str]
    models: dict[str, str]


class SimulatedSection(Settings):
    """A simulated study and its files."""

    study: SimulatedView
    files: StudyFiles


class ReportSettings(Settings):
    """The studies of the report, in order, at which scale, and the folder of results."""

    scale: str
    results: str
    studies: dict[str, TrainedSection]
    simulated: dict[str, SimulatedSection]
