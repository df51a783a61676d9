"""Figures: what a study shows of itself. One module per kind, which holds all that there is to know about it.

Snakemake reads the modules of the figures that studies name each time it reads the rules. They therefore import
matplotlib where they draw, and nowhere else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Protocol, TypeAlias

from pydantic import BeforeValidator, Field, SerializeAsAny, model_validator

from recurate.figures.parts.view import SimulatedView, StudyView
from recurate.foundation.components import Component, embedded
from recurate.foundation.contract import Given, gives
from recurate.foundation.errors import RecurateError
from recurate.foundation.guard import guarded
from recurate.foundation.results import got

TABLES = ("metrics", "forecast", "laws", "rates")  # what a published run keeps, if it has them


@dataclass(frozen=True)
class Files:
    """Paths of what figures read, by the names in `Figure.reads`; empty are those that a figure does not read.

    Of several files `samples`, `curated` are those of the first seeds, arms in order, each with generations 0..T;
    `features` those of all seeds, a batch after the other, each likewise; `real` and `trajectories` one for each arm.
    """

    metrics: str = ""
    forecast: str = ""
    laws: str = ""
    rates: str = ""
    traversed: str = ""
    samples: Sequence[str] = ()
    curated: Sequence[str] = ()
    features: Sequence[str] = ()
    real: Sequence[str] = ()
    trajectories: Sequence[str] = ()


class Drawing(Protocol):
    """What a figure gives: a picture, which knows how it is written, and words below it. `figures.parts.style` has
    `Printed(figure, caption)` for a figure of matplotlib.
    """

    @property
    def caption(self) -> str: ...

    def save(self, paths: Sequence[str]) -> None:
        """Write the picture, once for each path; the paths' suffixes are the figure's formats."""


@dataclass(frozen=True)
class HeldDrawing:
    """What a figure of a user's own gives, which must write all of its pictures."""

    kind: str
    drawing: Drawing
    caption: str

    def save(self, paths: Sequence[str]) -> None:
        """Write the picture; raises RecurateError if that fails, or leaves a file out."""
        what = f"figure: {self.kind}: what it draws"
        with guarded(what):
            self.drawing.save(paths)
        for path in paths:
            if not Path(path).is_file():
                raise RecurateError(f"{what} does not write {path}; let save write a picture to each of its paths")


def _drawn(figure: Figure, _: Given, value: object) -> Drawing:
    if not callable(getattr(value, "save", None)) or not isinstance(caption := getattr(value, "caption", None), str):
        raise ValueError(f"gave {got(value)}; wanted is a picture with a caption, such as Printed(figure, caption)")
    return HeldDrawing(figure.kind, value, caption)  # type: ignore[arg-type]


class Figure(Component, ABC):
    """What a study shows of itself: a picture and its caption. A kind is a `TrainedFigure` or a `SimulatedFigure`
    and says in `reads` which files it is drawn from, by their names in `Files`.

    A study file lists figures by name, or as blocks where one has options.
    """

    loops: ClassVar[str] = ""  # whose figure it is
    readable: ClassVar[tuple[str, ...]] = ()  # what there is to read
    reads: ClassVar[tuple[str, ...]] = ()  # names in `Files`
    animated: ClassVar[bool] = False  # a GIF in place of a PDF and a PNG

    @property
    def name(self) -> str:
        """Name of the figure's files: the kind, or the stem of its file."""
        return Path(self.kind).stem

    @property
    def formats(self) -> tuple[str, ...]:
        """Suffixes of the pictures that are written."""
        return (".gif",) if self.animated else (".pdf", ".png")

    @property
    def tables_suffice(self) -> bool:
        """Whether it can be drawn from a study's tables alone."""
        return set(self.reads) <= set(TABLES)

    @model_validator(mode="after")
    def _reads_what_there_is(self) -> Figure:
        if not self.loops:
            raise ValueError(f"{type(self).__name__} must be a TrainedFigure or a SimulatedFigure")
        unknown = [name for name in self.reads if name not in self.readable]
        if unknown or not self.reads:
            what = f"{unknown[0]!r} cannot be read" if unknown else "it must read something"
            raise ValueError(f"reads: {what}; a figure of {self.loops} reads some of {', '.join(self.readable)}")
        return self


class TrainedFigure(Figure):
    """A figure of trained loops."""

    loops: ClassVar[str] = "trained loops"
    readable: ClassVar[tuple[str, ...]] = (
        "metrics", "forecast", "samples", "curated", "features", "real", "traversed",
    )  # fmt: skip
    shows_rewards: ClassVar[bool] = False  # whether the arms that it looks at hold their rewards

    arms: list[str] = Field([], description="arms that it shows; all of the study if none")

    def check(self, study: StudyView) -> None:
        """Raise ValueError with one sentence if the study cannot be shown so; nothing has been run yet."""

    @abstractmethod
    @gives(_drawn)
    def draw(self, study: StudyView, files: Files) -> Drawing:
        """The picture and its caption; raises RecurateError if what was measured cannot be shown."""


class SimulatedFigure(Figure):
    """A figure of simulated loops."""

    loops: ClassVar[str] = "simulated loops"
    readable: ClassVar[tuple[str, ...]] = ("metrics", "laws", "rates", "trajectories")

    @property
    def models(self) -> list[int]:
        """Generations whose fitted models it shows, so that simulation keeps them."""
        return []

    def check(self, study: SimulatedView) -> None:
        """Raise ValueError with one sentence if the study cannot be shown so; nothing has been run yet."""

    @abstractmethod
    @gives(_drawn)
    def draw(self, study: SimulatedView, files: Files) -> Drawing:
        """The picture and its caption; raises RecurateError if what was measured cannot be shown."""


def _as_block(spec: object) -> object:
    return {"kind": spec} if isinstance(spec, str) else spec


def _of_trained(figure: object) -> object:
    return _of(figure, TrainedFigure)


def _of_simulated(figure: object) -> object:
    return _of(figure, SimulatedFigure)


def _of(figure: object, base: type[Figure]) -> object:
    if isinstance(figure, Figure) and not isinstance(figure, base):
        raise ValueError(f"{figure.name} is a figure of {figure.loops}, this study is of {base.loops}")
    return figure


# What a study file may list: names, which are short for blocks with that `kind`, and blocks. The last is asked first.
TrainedFigures: TypeAlias = list[
    Annotated[SerializeAsAny[TrainedFigure], BeforeValidator(_of_trained), embedded(Figure), BeforeValidator(_as_block)]
]
SimulatedFigures: TypeAlias = list[
    Annotated[
        SerializeAsAny[SimulatedFigure], BeforeValidator(_of_simulated), embedded(Figure), BeforeValidator(_as_block)
    ]
]
