"""Figure: measures of simulated loops by generation, with their laws; measures down, panels across, arms as lines."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from recurate.figures.parts import style
from recurate.figures.parts import words as text
from recurate.figures.parts.series import student_band
from recurate.figures.parts.simulated import Line, Lines, measure_label, measure_words, panels

MOST_COLUMNS = 4
SHARES = ("absorbed",)
SMALLEST = np.finfo(float).tiny
LONG = 60  # generations beyond which the axis is logarithmic
LABEL_WIDTH = 15  # characters along the height of a panel


def drawn(spec: dict[str, Any], measured: Lines) -> list[str]:
    """Measures that get a row: those the study wants drawn, or all, as far as an arm has them."""
    wanted = spec["drawn"] or spec["measures"]
    return [name for name in wanted if any(name in lines for lines in measured.values())]


def columns_for(count: int) -> int:
    """Panels beside each other: all if they are few, else three or four, whichever leaves fewer places free."""
    return (
        count if count <= MOST_COLUMNS else min((MOST_COLUMNS, MOST_COLUMNS - 1), key=lambda columns: -count % columns)
    )


@style.styled
def draw(spec: dict[str, Any], measured: Lines, laws: Lines) -> Figure:
    """Draw the means over replicates with their confidence bands, and the laws dashed in the same colours."""
    columns = panels(spec["arms"])
    measures = drawn(spec, measured)
    every = list(columns.items())
    across = columns_for(len(every))
    blocks = -(-len(every) // across)
    width = style.SINGLE_COLUMN if across == 1 else style.DOUBLE_COLUMN
    keys = _shared_titles(spec["arms"], columns)
    legend = _legend(spec, columns, keys, laws)
    per_line = 4 if across > 1 else 2
    height = blocks * (1.15 * len(measures) + 0.35) + 0.3 + 0.16 * -(-len(legend) // per_line)
    figure = style.new_figure(width, height)
    grid = figure.subplots(blocks * len(measures), across, squeeze=False, sharex=True)
    for place, (title, arms) in enumerate(every):
        block, column = divmod(place, across)
        panel = grid[block * len(measures) : (block + 1) * len(measures), column]
        _draw_panel(panel, spec, arms, measures, measured, laws)
        panel[0].set_title(text.wrapped(_symbols(title), 30 if across < 4 else 22))
        panel[-1].set_xlabel("fits (generation + 1)")
        panel[-1].tick_params(labelbottom=True)
        if not keys:
            colours = style.graded(len(arms))
            handles = [_handle(spec["arms"][arm], colour) for arm, colour in zip(arms, colours, strict=True)]
            panel[0].legend(handles=handles, fontsize=6, loc="best")
    for axes in grid.flat:
        axes.set_visible(axes.has_data())
    for row, measure in enumerate(measures):
        panels_of = grid[row :: len(measures)].ravel()
        _one_scale(panels_of, spec, measure, measured)
        label = measure_label(measure)
        for axes in grid[row :: len(measures), 0]:
            axes.set_ylabel(label if "$" in label else text.wrapped(label, LABEL_WIDTH))
    figure.legend(handles=legend, loc="outside lower center", ncols=per_line)
    return figure


def _draw_panel(
    panel: np.ndarray, spec: dict[str, Any], arms: list[str], measures: list[str], measured: Lines, laws: Lines
) -> None:
    """All measures of the arms of one panel."""
    for axes, measure in zip(panel, measures, strict=True):
        for arm, colour in zip(arms, style.graded(len(arms)), strict=True):
            if measure in measured[arm]:
                line = measured[arm][measure]
                _draw_line(axes, line, laws.get(arm, {}).get(measure), colour)
                if measure in spec["medians"]:
                    median = np.median(line.values, axis=0)
                    axes.plot(line.generations + 1, median, color=colour, linestyle="--", linewidth=0.9)
        _published(axes, spec, arms, measure)


def _draw_line(axes: Axes, line: Line, law: Line | None, colour: str) -> None:
    band, fits = student_band(line.values), line.generations + 1
    axes.plot(fits, band.mean, color=colour, linewidth=1.1, zorder=3)
    if np.isfinite(band.low).all():
        # Below a positive mean an interval may reach past zero, which a logarithmic axis cannot show.
        low = np.where(line.values.min(axis=0) >= 0, np.maximum(band.low, SMALLEST), band.low)
        axes.fill_between(fits, low, band.high, color=colour, alpha=0.25, linewidth=0)
    if law is not None:
        axes.plot(law.generations + 1, law.values[0], color=style.INK, linestyle=":", linewidth=0.9, zorder=4)


def _published(axes: Axes, spec: dict[str, Any], arms: list[str], measure: str) -> None:
    for number in spec["published"]:
        if number["arm"] in arms and number["measure"] == measure:
            axes.plot(number["generation"] + 1, number["value"], "*", color=style.FORECAST, markersize=6, zorder=5)


def _one_scale(panels_of: np.ndarray, spec: dict[str, Any], measure: str, measured: Lines) -> None:
    """One scale for all panels of a measure.

    It is logarithmic where means are positive and span more than a factor of 20, unless the study says linear.
    """
    means = [lines[measure].values.mean(axis=0) for lines in measured.values() if measure in lines]
    lowest, highest = min(line.min() for line in means), max(line.max() for line in means)
    logarithmic = measure not in spec["linear"] and lowest > 0 and highest > 20 * lowest
    margin = 0.06 * (highest - lowest) or 0.5
    limits = (lowest / 2, highest * 2) if logarithmic else (lowest - margin, highest + margin)
    if measure in SHARES or measure.startswith("frequency_"):
        limits = (-0.03, 1.03)
    for axes in panels_of:
        if logarithmic:
            axes.set_yscale("log")
        axes.set_ylim(*limits)
        axes.tick_params(labelleft=axes.get_subplotspec().is_first_col())
        if spec["generations"] > LONG:
            axes.set_xscale("log")


def _shared_titles(arms: dict[str, Any], columns: dict[str, list[str]]) -> list[str]:
    """Titles of the lines where all panels have the same ones, so that one legend serves them all."""
    titles = [[arms[name]["title"] for name in names] for names in columns.values()]
    return titles[0] if all(found == titles[0] for found in titles) else []


def _symbols(title: str) -> str:
    """A title with its symbols' indices set as such: λ_s, n_s, n_ini."""
    return re.sub(r"\b(\w)_(\w+)", r"$\1_{\2}$", title)


def _handle(settings: dict[str, Any], colour: str) -> Line2D:
    return Line2D([], [], color=colour, label=_symbols(text.arm_title(settings)))


def _legend(spec: dict[str, Any], columns: dict[str, list[str]], keys: list[str], laws: Lines) -> list[Line2D]:
    """Handles for what is drawn, and no others."""
    first = next(iter(columns.values()))
    colours = style.graded(len(first))
    handles = [_handle(spec["arms"][arm], colour) for arm, colour in zip(first, colours, strict=True)] if keys else []
    if laws:
        handles.append(Line2D([], [], color=style.INK, linestyle=":", linewidth=0.9, label="law"))
    if set(spec["medians"]) & set(spec["drawn"] or spec["measures"]):
        handles.append(Line2D([], [], color=style.GREY, linestyle="--", linewidth=0.9, label="median"))
    if spec["published"]:
        handles.append(Line2D([], [], color=style.FORECAST, marker="*", linestyle="", label="published"))
    return handles


def caption(spec: dict[str, Any], measured: Lines, laws: Lines) -> str:
    """Say what `draw` shows."""
    measures = drawn(spec, measured)
    lawful = [name for name in measures if any(name in lines for lines in laws.values())]
    medians = [name for name in measures if name in spec["medians"]]
    across = " A column for each regime." if len(panels(spec["arms"])) > 1 else ""
    return text.paragraph(
        f"By generation, from top to bottom: {text.listed(map(measure_words, measures))}.{across}",
        f"Solid: mean over n = {len(spec['seeds'])} replicates, with its 95 % confidence band (Student t).",
        f"Dotted: what theory says of {text.listed(map(measure_words, lawful))}." if lawful else "",
        f"Dashed: the median over replicates of {text.listed(map(measure_words, medians))}." if medians else "",
        text.REWARD_NOTE if any("reward" in name for name in measures) else "",
        "All arms share their random numbers, so that their lines waver alike.",
        _degrees_of_freedom(spec["arms"]),
        "Stars: published numbers, " + "; ".join(dict.fromkeys(n["note"] for n in spec["published"] if n["note"])) + "."
        if spec["published"]
        else "",
        text.answers(spec),
    )


def _degrees_of_freedom(arms: dict[str, Any]) -> str:
    """Sentence on how variances are divided, which published code and published theorems do differently."""
    found = sorted({settings["ddof"] for settings in arms.values() if settings["ddof"] is not None})
    words = {0: "n (ddof 0, which shrinks them by 1 - 1/n a generation)", 1: "n - 1 (ddof 1, unbiased)"}
    return f"Variances are divided by {' or '.join(words[ddof] for ddof in found)}." if found else ""
