"""Figure: quality and diversity by generation; metrics down, groups of arms across, a line for each arm."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from recurate.figures.parts import feature_spaces, style
from recurate.figures.parts import words as text
from recurate.figures.parts.series import Series
from recurate.foundation.errors import RecurateError

FAMILIES = ("frechet", "precision", "recall")
SHARES = ("precision", "recall")  # lie between 0 and 1
LOGARITHMIC_FROM = 4  # largest mean over smallest mean of a distance
LABEL_WIDTH = 16  # characters along the height of a panel


def panels(arms: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    """Names of the arms of every panel, both in their order."""
    found: dict[str, list[str]] = {}
    for name, settings in arms.items():
        found.setdefault(settings["panel"], []).append(name)
    return found


def shown_metrics(measured: Series) -> list[str]:
    """Distances, precision and recall in every feature space.

    Raises RecurateError if there are none.
    """
    held = feature_spaces.held_metrics(measured)
    found = [name for family in FAMILIES for name in feature_spaces.in_spaces(family, held)]
    if not found:
        raise RecurateError(
            "figure comparison: no distance, precision or recall was measured; add metrics or leave the figure out"
        )
    return found


@style.styled
def draw(arms: dict[str, dict[str, Any]], measured: Series) -> Figure:
    """Draw `measured`, (seeds, generations + 1) by arm and metric: means over seeds and, thinly, every seed.

    Confidence bands of so many lines would cover each other.
    """
    metrics, columns = shown_metrics(measured), panels(arms)
    names = [[_line_name(arms[arm]) for arm in members] for members in columns.values()]
    shared = all(found == names[0] for found in names)
    width = style.DOUBLE_COLUMN if len(columns) > 1 else style.SINGLE_COLUMN
    figure = style.new_figure(width, 1.15 * len(metrics) + 0.8)
    grid = figure.subplots(len(metrics), len(columns), squeeze=False, sharex=True, sharey="row")
    for place, (title, members) in enumerate(columns.items()):
        for axes, metric in zip(grid[:, place], metrics, strict=True):
            _panel(axes, [measured[arm][metric] for arm in members])
        grid[0, place].set_title(text.wrapped(title, 26))
        grid[-1, place].set_xlabel("generation")
        if not shared:
            grid[_roomiest(metrics), place].legend(handles=_handles(names[place]), fontsize=6, loc="best")
    for row, metric in zip(grid, metrics, strict=True):
        row[0].set_ylabel(text.wrapped(text.metric_label(metric), LABEL_WIDTH))
        _scale(row[0], metric, np.array([measured[arm][metric] for arm in arms]))
    if shared:
        figure.legend(handles=_handles(names[0]), loc="outside lower center", ncols=len(names[0]))
    return figure


def _roomiest(metrics: list[str]) -> int:
    """Row for the legends: the first with the fixed range of shares, which leaves room, or the first of all."""
    shares = (row for row, name in enumerate(metrics) if feature_spaces.family_and_space(name)[0] in SHARES)
    return next(shares, 0)


def _line_name(settings: dict[str, Any]) -> str:
    """An arm's title without the words that stand above its panel."""
    return text.arm_title(settings).removeprefix(f"{settings['panel']}, ")


def _handles(names: list[str]) -> list[Line2D]:
    colours = style.graded(len(names))
    markers = [style.MARKERS[rank % len(style.MARKERS)] for rank in range(len(names))]
    return [
        Line2D([], [], color=colour, marker=marker, label=name)
        for name, colour, marker in zip(names, colours, markers, strict=True)
    ]


def _panel(axes: Axes, arms: list[np.ndarray]) -> None:
    """One metric, (seeds, generations + 1), of the arms of one panel."""
    for rank, (values, colour) in enumerate(zip(arms, style.graded(len(arms)), strict=True)):
        axes.plot(values.T, color=colour, linewidth=0.5, alpha=0.5)
        axes.plot(values.mean(axis=0), color=colour, marker=style.MARKERS[rank % len(style.MARKERS)], zorder=3)
    style.generation_axis(axes, arms[0].shape[1] - 1, label=False)


def _scale(axes: Axes, metric: str, values: np.ndarray) -> None:
    """Limits of one row, from the `values` (arms, seeds, generations + 1)."""
    if feature_spaces.family_and_space(metric)[0] in SHARES:
        axes.set_ylim(0, 1.04)
    elif 0 < LOGARITHMIC_FROM * values.min() < values.max():
        style.logarithmic(axes)


def caption(spec: dict[str, Any], measured: Series) -> str:
    """Say what `draw` shows."""
    metrics = shown_metrics(measured)
    seeds = len(next(iter(measured.values()))[metrics[0]])
    return text.paragraph(
        f"By generation, from top to bottom: {text.listed(map(text.metric_words, metrics))}; a column for each group "
        "of arms, a line for each arm.",
        text.reference(spec),
        text.conditions(measured, metrics),
        f"Thick: mean over {text.replicates(seeds)}; thin: every seed.",
        _ends(spec["arms"], measured, metrics[0]),
        text.answers(spec),
    )


def _ends(arms: dict[str, dict[str, Any]], measured: Series, metric: str) -> str:
    """What to see: the first distance in the last generation, arm by arm."""
    parts = []
    for title, members in panels(arms).items():
        ends = (f"{_line_name(arms[arm])} {measured[arm][metric].mean(axis=0)[-1]:.3g}" for arm in members)
        parts.append(f"{title}: {', '.join(ends)}" if title else ", ".join(ends))
    start = ", ".join(dict.fromkeys(f"{measured[arm][metric].mean(axis=0)[0]:.3g}" for arm in arms))
    return f"What to see: {text.metric_words(metric)}, at first {start}, is in the last generation {'; '.join(parts)}."
