"""Figure: quality and diversity by generation; metrics down, groups of arms across, a line for each arm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from recurate.figures import Files, TrainedFigure
from recurate.figures.parts import feature_spaces, style, words
from recurate.figures.parts.series import Series, read_metrics
from recurate.figures.parts.view import ArmView, StudyView, panels
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from recurate.foundation.types import Array

FAMILIES = ("frechet", "precision", "recall")
SHARES = ("precision", "recall")  # lie between 0 and 1
LOGARITHMIC_FROM = 4  # largest mean over smallest mean of a distance
LABEL_WIDTH = 16  # characters along the height of a panel
NOTHING = "no distance, precision or recall is measured; add metrics or leave the figure out"


class Comparison(TrainedFigure):
    """Distances, precision and recall of many arms, metrics down, groups of arms across, a line for each arm."""

    reads = ("metrics",)

    def check(self, study: StudyView) -> None:
        if not study.measures("frechet", "precision_recall"):
            raise ValueError(NOTHING)

    def draw(self, study: StudyView, files: Files) -> style.Printed:
        measured = read_metrics(files.metrics, study.arms)
        return style.Printed(picture(study.arms, measured), caption(study, measured))


def shown_metrics(measured: Series) -> list[str]:
    """Distances, precision and recall in every feature space.

    Raises RecurateError if there are none.
    """
    common = feature_spaces.common_metrics(measured)
    names = [name for family in FAMILIES for name in feature_spaces.in_spaces(family, common)]
    if not names:
        raise RecurateError(f"figure comparison: {NOTHING}")
    return names


@style.styled
def picture(arms: Mapping[str, ArmView], measured: Series) -> Figure:
    """Draw `measured`, (seeds, generations + 1) by arm and metric: means over seeds and, thinly, every seed.

    Confidence bands of so many lines would cover each other.
    """
    metrics, columns = shown_metrics(measured), panels(arms)
    names = [[_line_name(arms[arm]) for arm in members] for members in columns.values()]
    shared = all(of_column == names[0] for of_column in names)
    width = style.DOUBLE_COLUMN if len(columns) > 1 else style.SINGLE_COLUMN
    figure = style.new_figure(width, 1.15 * len(metrics) + 0.8)
    grid = figure.subplots(len(metrics), len(columns), squeeze=False, sharex=True, sharey="row")
    for place, (title, members) in enumerate(columns.items()):
        for axes, metric in zip(grid[:, place], metrics, strict=True):
            _panel(axes, [measured[arm][metric] for arm in members])
        grid[0, place].set_title(words.wrapped(title, 26))
        grid[-1, place].set_xlabel("generation")
        if not shared:
            grid[_roomiest(metrics), place].legend(handles=_handles(names[place]), fontsize=6, loc="best")
    for row, metric in zip(grid, metrics, strict=True):
        row[0].set_ylabel(words.wrapped(words.metric_label(metric), LABEL_WIDTH))
        _scale(row[0], metric, np.array([measured[arm][metric] for arm in arms]))
    if shared:
        figure.legend(handles=_handles(names[0]), loc="outside lower center", ncols=len(names[0]))
    return figure


def _roomiest(metrics: list[str]) -> int:
    """Row for the legends: the first with the fixed range of shares, which leaves room, or the first of all."""
    shares = (row for row, name in enumerate(metrics) if feature_spaces.family_and_space(name)[0] in SHARES)
    return next(shares, 0)


def _line_name(arm: ArmView) -> str:
    """An arm's title without the words that stand above its panel."""
    return words.arm_title(arm.title).removeprefix(f"{arm.panel}, ")


def _handles(names: list[str]) -> list[Line2D]:
    from matplotlib.lines import Line2D

    colours = style.graded(len(names))
    markers = [style.MARKERS[rank % len(style.MARKERS)] for rank in range(len(names))]
    return [
        Line2D([], [], color=colour, marker=marker, label=name)
        for name, colour, marker in zip(names, colours, markers, strict=True)
    ]


def _panel(axes: Axes, arms: list[Array]) -> None:
    """One metric, (seeds, generations + 1), of the arms of one panel."""
    for rank, (values, colour) in enumerate(zip(arms, style.graded(len(arms)), strict=True)):
        axes.plot(values.T, color=colour, linewidth=0.5, alpha=0.5)
        axes.plot(values.mean(axis=0), color=colour, marker=style.MARKERS[rank % len(style.MARKERS)], zorder=3)
    style.generation_axis(axes, arms[0].shape[1] - 1, label=False)


def _scale(axes: Axes, metric: str, values: Array) -> None:
    """Limits of one row, from the `values` (arms, seeds, generations + 1)."""
    if feature_spaces.family_and_space(metric)[0] in SHARES:
        axes.set_ylim(0, 1.04)
    elif 0 < LOGARITHMIC_FROM * values.min() < values.max():
        style.logarithmic(axes)


def caption(study: StudyView, measured: Series) -> str:
    """Say what `picture` shows."""
    metrics = shown_metrics(measured)
    seeds = len(next(iter(measured.values()))[metrics[0]])
    return words.paragraph(
        f"By generation, from top to bottom: {words.listed(map(words.metric_words, metrics))}; a column for each group "
        "of arms, a line for each arm.",
        words.reference(study),
        words.conditions(measured, metrics),
        f"Thick: mean over {words.replicates(seeds)}; thin: every seed.",
        _ends(study.arms, measured, metrics[0]),
        words.answers(study),
    )


def _ends(arms: Mapping[str, ArmView], measured: Series, metric: str) -> str:
    """What to see: the first distance in the last generation, arm by arm."""
    parts = []
    for title, members in panels(arms).items():
        ends = (f"{_line_name(arms[arm])} {measured[arm][metric].mean(axis=0)[-1]:.3g}" for arm in members)
        parts.append(f"{title}: {', '.join(ends)}" if title else ", ".join(ends))
    start = ", ".join(dict.fromkeys(f"{measured[arm][metric].mean(axis=0)[0]:.3g}" for arm in arms))
    return f"What to see: {words.metric_words(metric)}, at first {start}, is in the last generation {'; '.join(parts)}."
