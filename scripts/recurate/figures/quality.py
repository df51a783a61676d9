"""Figure: quality and diversity of the samples by generation, a small panel for each metric, a line for each arm."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recurate.figures.parts import feature_spaces, style
from recurate.figures.parts import words as text
from recurate.figures.parts.series import Series, student_band
from recurate.foundation.errors import RecurateError

CONFIDENCE = "confidence_mean"
SHARES = ("precision", "recall", "coverage")  # lie between 0 and 1
LOGARITHMIC_FROM = 8  # largest mean over smallest mean of a distance
NO_MEMORY = 0.5


def shown_metrics(measured: Series) -> list[str]:
    """The metrics that have a panel: one feature space of each family.

    Raises RecurateError if nothing was measured.
    """
    held = feature_spaces.held_metrics(measured)
    families = [feature_spaces.in_spaces(family, held) for family in feature_spaces.LABELS]
    families.append([name for name in held if name == CONFIDENCE])
    if not any(families):
        raise RecurateError(
            "figure quality: no distance, precision or recall was measured; add metrics or take it out of the figures"
        )
    return [found[0] for found in families if found]


@style.styled
def draw(arms: dict[str, dict[str, Any]], measured: Series) -> Figure:
    """Draw `measured`, (seeds, generations + 1) by arm and metric, with confidence bands."""
    metrics = shown_metrics(measured)
    lines = 1 if len(metrics) <= 4 else 2
    columns = -(-len(metrics) // lines)
    width = style.DOUBLE_COLUMN if columns > 2 else style.SINGLE_COLUMN
    figure = style.new_figure(width, lines * 1.55 + 0.5, between=0.05)
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True)
    for axes, metric in zip(grid.flat, metrics, strict=False):
        _panel(axes, metric, arms, measured)
    style.label_lowest(grid, len(metrics))
    handles, labels = grid[0, 0].get_legend_handles_labels()
    if len(metrics) < grid.size:
        grid[-1, -1].legend(handles, labels, loc="center")
    else:
        figure.legend(handles, labels, loc="outside lower center", ncols=min(len(arms), 4 if columns > 2 else 2))
    return figure


def _panel(axes: Axes, metric: str, arms: dict[str, dict[str, Any]], measured: Series) -> None:
    bands = [student_band(measured[name][metric]) for name in arms]
    for rank, (settings, band) in enumerate(zip(arms.values(), bands, strict=True)):
        # Beyond six arms colours come again with other markers.
        turn, place = divmod(rank, len(style.COLOURS))
        marker = style.MARKERS[(place + turn) % len(style.MARKERS)]
        style.draw_measured(axes, band, style.COLOURS[place], marker, text.arm_title(settings))
    family, space = feature_spaces.family_and_space(metric)
    axes.set_title(feature_spaces.label(metric) if family else text.metric_label(metric), pad=11)
    below = feature_spaces.space_words(space) if family else "of the judge"
    axes.annotate(below, (0.5, 1), (0, 3), "axes fraction", "offset points", ha="center", fontsize=6, color=style.GREY)
    _scale(axes, family or metric, np.array([band.mean for band in bands]))
    style.generation_axis(axes, len(bands[0].mean) - 1, label=False)


def _scale(axes: Axes, family: str, means: np.ndarray) -> None:
    """Limits of one panel; `means` (arms, generations + 1)."""
    low, high = axes.dataLim.y0, axes.dataLim.y1
    if family in SHARES:
        axes.set_ylim(0, 1.04)
    elif family == "memorisation":
        axes.axhline(NO_MEMORY, color=style.BOUND, linestyle=":", zorder=1)
        # Never so narrow that noise around 1/2 looks like an effect.
        axes.set_ylim(min(low, NO_MEMORY - 0.06) - 0.01, max(high, NO_MEMORY + 0.06) + 0.01)
    elif family in feature_spaces.INCEPTION.values() and 0 < LOGARITHMIC_FROM * means.min() < means.max():
        style.logarithmic(axes)
        axes.set_ylim(0.8 * means.min(), 1.25 * means.max())
    elif family != CONFIDENCE:
        axes.set_ylim(min(0.0, 1.08 * low), 1.08 * high)


def caption(spec: dict[str, Any], measured: Series) -> str:
    """Say what `draw` shows."""
    metrics = shown_metrics(measured)
    families = [feature_spaces.family_and_space(metric)[0] for metric in metrics]
    seeds = len(next(iter(measured.values()))[metrics[0]])
    return text.paragraph(
        f"Quality and diversity of the samples by generation, a line for each arm: {_by_space(metrics)}.",
        _samples(spec["arms"]),
        text.reference(spec),
        text.conditions(measured, metrics),
        "Memorisation compares equally many training and held-out images; dotted: 1/2, no memorisation."
        if "memorisation" in families
        else "",
        text.bands(seeds),
        _ends(spec["arms"], measured, metrics),
        text.answers(spec),
    )


def _by_space(metrics: list[str]) -> str:
    """ "on judge features recall, density and coverage", for each feature space."""
    groups: dict[str, list[str]] = {}
    for metric in metrics:
        family, space = feature_spaces.family_and_space(metric)
        words = feature_spaces.words(metric) if family else text.metric_words(metric)
        groups.setdefault(feature_spaces.space_words(space) if family else "", []).append(words)
    return "; ".join(
        f"on {space}, {text.listed(words)}" if space else text.listed(words) for space, words in groups.items()
    )


def _samples(arms: dict[str, dict[str, Any]]) -> str:
    """Sentence on the size of the sample sets, where the settings tell it."""
    sizes = sorted({settings["samples"] for settings in arms.values() if "samples" in settings})
    return f"Every generation has {text.listed(f'{size:,}' for size in sizes)} samples." if sizes else ""


def _ends(arms: dict[str, dict[str, Any]], measured: Series, metrics: list[str]) -> str:
    """What to see: the first distance, precision and recall in the last generation, arm by arm."""
    families = ("frechet", "precision", "recall")
    chosen = [metric for metric in metrics if feature_spaces.family_and_space(metric)[0] in families]
    parts = []
    for name, settings in arms.items():
        means = [(metric, measured[name][metric].mean(axis=0)) for metric in chosen]
        ends = (f"{feature_spaces.label(metric)} {mean[-1]:.3g} (from {mean[0]:.3g})" for metric, mean in means)
        parts.append(f"{text.arm_title(settings)}: {', '.join(ends)}")
    look = "What to see: whether real data keep the distance and recall where they were while curation raises precision"
    return f"{look}. In the last generation, {'; '.join(parts)}." if chosen else ""
