"""Figure: class shares by generation, a panel for each arm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from recurate.figures import Files, TrainedFigure
from recurate.figures.parts import style, words
from recurate.figures.parts.series import Series, class_shares, read_forecast, read_metrics, student_band
from recurate.figures.parts.view import ArmView, StudyView
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from recurate.foundation.types import Array

MOST_COLOURED = 4
NOTABLE_RISE = 1.25  # over the share in generation 0, in some arm
NOTHING = "the samples have no classes; take it out of the study's figures"


class Shares(TrainedFigure):
    """Class shares by generation with their forecasts, a panel for each arm."""

    reads = ("metrics", "forecast")

    def check(self, study: StudyView) -> None:
        if not all(arm.classes for arm in study.arms.values()):
            raise ValueError(NOTHING)
        if len({arm.classes for arm in study.arms.values()}) > 1:
            raise ValueError("the arms' data have unequally many classes")

    def draw(self, study: StudyView, files: Files) -> style.Printed:
        measured, predicted = read_metrics(files.metrics, study.arms), read_forecast(files.forecast, study.arms)
        return style.Printed(picture(study.arms, measured, predicted), caption(study, measured))


def coloured_classes(measured: Series) -> list[int]:
    """Classes that get a colour: those whose mean share rises notably in any arm, the largest first.

    All of them, in their own order, if they are few.
    """
    means = [class_shares(metrics).mean(axis=1) for metrics in measured.values()]
    peak = np.max([mean.max(axis=1) for mean in means], axis=0)
    if len(peak) <= MOST_COLOURED:
        return list(range(len(peak)))
    rises = np.any([mean.max(axis=1) >= NOTABLE_RISE * mean[:, 0] for mean in means], axis=0)
    order = np.argsort(-peak, kind="stable")
    return [int(number) for number in order if rises[number]][:MOST_COLOURED] or [int(order[0])]


def columns_for(arms: int) -> int:
    """Panels beside each other: all of up to four arms, so that they share an axis."""
    return arms if arms <= 4 else 3


@style.styled
def picture(arms: Mapping[str, ArmView], measured: Series, predicted: Series) -> Figure:
    """Draw measured shares with bands and their forecasts, (seeds, generations + 1) by arm and metric.

    Raises RecurateError if samples have no classes.
    """
    if not all(len(class_shares(metrics)) for metrics in measured.values()):
        raise RecurateError(f"figure shares: {NOTHING}")
    coloured, columns = coloured_classes(measured), columns_for(len(arms))
    lines = -(-len(arms) // columns)
    width = style.DOUBLE_COLUMN if columns > 2 else style.SINGLE_COLUMN
    figure = style.new_figure(width, lines * 1.65 + 0.5)
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
    top = 0.0
    for axes, name in zip(grid.flat, arms, strict=False):
        _panel(axes, class_shares(measured[name]), class_shares(predicted.get(name, {})), coloured)
        axes.set_title(
            words.wrapped(words.arm_title(arms[name].title), 90 // columns if columns > 2 else 20), fontsize=7.5
        )
        top = max(top, axes.dataLim.y1)
    grid[0, 0].set_ylim(0, 1.04 if top > 0.6 else 1.1 * top)
    style.label_lowest(grid, len(arms))
    for axes in grid[:, 0]:
        axes.set_ylabel("share of samples")
    names = [words.class_name(arms, number) for number in coloured]
    handles = _legend(names, len(class_shares(next(iter(measured.values())))), forecast=bool(predicted))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles) if columns > 2 else 3)
    return figure


def _panel(axes: Axes, measured: Array, predicted: Array, coloured: list[int]) -> None:
    """One arm: shares (classes, seeds, generations + 1)."""
    for number in range(len(measured)):
        if number not in coloured:
            axes.plot(measured[number].mean(axis=0), color=style.PALE, linewidth=0.8, zorder=1)
    for rank, number in enumerate(coloured):
        style.draw_measured(axes, student_band(measured[number]), style.COLOURS[rank], style.MARKERS[rank])
        if len(predicted):
            style.draw_forecast(axes, predicted[number].mean(axis=0), style.COLOURS[rank])
    style.generation_axis(axes, measured.shape[2] - 1, label=False)


def _legend(coloured: list[str], classes: int, forecast: bool) -> list[Line2D]:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=style.COLOURS[rank], marker=style.MARKERS[rank], label=name)
        for rank, name in enumerate(coloured)
    ]
    if len(coloured) < classes:
        handles.append(Line2D([], [], color=style.PALE, linewidth=0.8, label="other classes"))
    if forecast:
        handles.append(Line2D([], [], color=style.INK, linestyle="--", label="forecast"))
    return handles


def caption(study: StudyView, measured: Series) -> str:
    """Say what `picture` shows."""
    shares = class_shares(next(iter(measured.values())))
    coloured, classes = coloured_classes(measured), len(shares)
    others = classes - len(coloured)
    chosen = (
        f"Coloured: classes whose share rises by {words.percent(NOTABLE_RISE - 1)} or more in some arm, at most "
        f"{MOST_COLOURED} of them; the other {others} are grey, means only."
        if others
        else ""
    )
    return words.paragraph(
        f"Shares of the {classes} classes among the generated samples by generation, a panel for each arm.",
        words.bands(shares.shape[1]),
        words.forecast(study.arms.values()),
        chosen,
        _extremes(study, measured),
        words.answers(study),
    )


def _extremes(study: StudyView, measured: Series) -> str:
    """What to see: the largest and the smallest class of the last generation, arm by arm."""
    parts = []
    for name, arm in study.arms.items():
        mean = class_shares(measured[name]).mean(axis=1)
        largest, smallest = (_change(study.arms, mean, int(pick(mean[:, -1]))) for pick in (np.argmax, np.argmin))
        parts.append(f"{words.arm_title(arm.title)}: {largest} and {smallest}")
    return f"What to see: the largest and the smallest class of the last generation are, by arm, {'; '.join(parts)}."


def _change(arms: Mapping[str, ArmView], mean: Array, number: int) -> str:
    """ "cat, 2 % (from 8 %)" of mean shares (classes, generations + 1)."""
    first, last = words.percent(mean[number, 0]), words.percent(mean[number, -1])
    return f"{words.class_name(arms, number)}, {last} (from {first})"
