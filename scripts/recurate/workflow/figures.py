"""The figures of some studies: which there are, what their jobs read, and whether they fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from recurate.figures import Figure
from recurate.figures.parts.mathematics import complaint
from recurate.figures.parts.view import SimulatedView, StudyView
from recurate.files.paths import NAME_RULE, Layout, is_name
from recurate.foundation.errors import RecurateError
from recurate.foundation.quoting import quoted
from recurate.stages.draw import Reads
from recurate.stages.views import figure_reads
from recurate.study.simulated import SimulatedStudy
from recurate.study.trained import Study
from recurate.workflow.inputs import Inputs
from recurate.workflow.studies import Studies, Wildcards, alternatives

Paths = str | list[str]
Arms = Sequence[str]  # those that a figure shows


def check_figures(study: Study | SimulatedStudy, where: str) -> None:
    """Raise RecurateError, with a line for each figure of the study in the file `where` that cannot be drawn."""
    check_titles(study, where)
    if complaints := [f"{where}: figures: {complaint}" for complaint in _complaints(study)]:
        raise RecurateError("\n".join(complaints))


def check_titles(study: Study | SimulatedStudy, where: str) -> None:
    """Raise RecurateError, with a line for each title of an arm in the file `where` whose mathematics do not parse."""
    lines = []
    for name, arm in study.arms.items():
        for key, text in (("title", arm.title), ("panel", arm.panel)):
            if why := complaint(text):
                lines.append(
                    f"{where}: arms.{name}.{key}: {quoted(text)} is no mathematics that figures can show ({why}); mend "
                    "it, or write \\$ for a dollar"
                )
    if lines:
        raise RecurateError("\n".join(lines))


def _complaints(study: Study | SimulatedStudy) -> Iterator[str]:
    names = [figure.name for figure in study.figures]
    for place, figure in enumerate(study.figures):
        if not is_name(figure.name):
            yield f"{quoted(figure.kind)}: the figure is called after its file; {NAME_RULE}"
        if figure.name in names[:place]:
            yield f"{figure.name}: two figures have this name; rename the file of one"
        try:
            reads = figure_reads("", study, figure)
            reads.check()
            _has_what_it_reads(figure, study, reads.study)
        except (ValueError, RecurateError) as error:
            yield f"{figure.name}: {error}"


def _has_what_it_reads(figure: Figure, study: Study | SimulatedStudy, view: StudyView | SimulatedView) -> None:
    """Raise ValueError with one sentence if the study makes no such files."""
    if "traversed" in figure.reads and isinstance(view, StudyView):
        view.check_autoencoders()
    if "features" in figure.reads and isinstance(study, Study) and not study.features:
        raise ValueError("it reads features, of which the study lists none")
    if "rates" in figure.reads and isinstance(study, SimulatedStudy) and not study.rates:
        raise ValueError("it reads rates, but the study has no key rates")


class FigureSorts:
    """Which figures move: a name cannot be a picture in one study and an animation in another."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[bool, str]] = {}

    def add(self, study: str, settings: Study | SimulatedStudy) -> None:
        """Raise RecurateError for a figure of a study that is of another sort in one that was added before."""
        for figure in settings.figures:
            animated, other = self._first.setdefault(figure.name, (figure.animated, study))
            if animated != figure.animated:
                raise RecurateError(
                    f"figures: {figure.name} moves in one of the studies {other} and {study} and not in the other; "
                    "rename the file of one"
                )


class Figures:
    """What the rules ask of figures."""

    def __init__(self, studies: Studies, inputs: Inputs, layout: Layout) -> None:
        self.studies, self.layout = studies, layout
        self._input: Mapping[str, Callable[[Wildcards, Arms], Paths]] = {
            **{name: self._table(f"{name}.csv") for name in ("metrics", "forecast", "laws", "rates")},
            "traversed": self._table("traversals.safetensors"),
            "samples": inputs.shown_samples,
            "curated": inputs.shown_curated,
            "features": inputs.shown_features,
            "real": inputs.shown_real,
            "trajectories": lambda w, _: inputs.trajectories(w),
        }

    def _table(self, name: str) -> Callable[[Wildcards, Arms], Paths]:
        return lambda w, _: self.layout.in_study(name).format(study=w.study)

    def of(self, study: str, name: str) -> Figure:
        """A figure of a study by its name; raises RecurateError if the study has no such figure."""
        figures = {figure.name: figure for figure in self.studies.all[study].figures}
        if name not in figures:
            raise RecurateError(
                f"study {study} has no figure {name!r}; its figures are {', '.join(figures)}, others are to be listed "
                "under figures"
            )
        return figures[name]

    def inputs(self, w: Wildcards) -> dict[str, Paths]:
        """Files that a figure reads, by name; empty are those that it does not read."""
        reads = self.of(w.study, w.figure).reads
        arms = list(self.reads(w).study.arms)
        return {name: path(w, arms) if name in reads else [] for name, path in self._input.items()}

    def reads(self, w: Wildcards) -> Reads:
        """Settings of drawing a figure."""
        return figure_reads(w.study, self.studies.all[w.study], self.of(w.study, w.figure))

    @property
    def printed(self) -> str:
        """Regular expression of the names of figures for print."""
        return self._names(animated=False)

    @property
    def animated(self) -> str:
        """Regular expression of the names of animations."""
        return self._names(animated=True)

    def _names(self, animated: bool) -> str:
        figures = [figure for study in self.studies.all.values() for figure in study.figures]
        return alternatives(dict.fromkeys(figure.name for figure in figures if figure.animated == animated))
