"""Figure: how fast errors fall with the amount of data, by the share of real data in it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from recurate.closed_form.rates import theoretical_exponent
from recurate.figures.parts import style
from recurate.figures.parts import words as text
from recurate.figures.parts.simulated import measure_label, measure_words, panels

Rows = list[dict[str, str]]


def drawn(spec: dict[str, Any]) -> list[str]:
    """Fitted measures that get a row: those that the study wants drawn."""
    wanted = spec["drawn"] or spec["measures"]
    return [name for name in spec["rates"]["measures"] if name in wanted]


@style.styled
def draw(spec: dict[str, Any], rates: Rows) -> Figure:
    """Draw raw and log-corrected exponents, the law's, and min(p, alpha, q), measures down and panels across."""
    columns, measures = panels(spec["arms"]), drawn(spec)
    width = style.SINGLE_COLUMN if len(columns) == 1 else style.DOUBLE_COLUMN
    figure = style.new_figure(width, 1.75 * len(measures) + 0.65)
    grid = figure.subplots(len(measures), len(columns), squeeze=False, sharex=True, sharey=True)
    decays = sorted({float(rate["decay"]) for rate in rates})
    for column, (title, arms) in enumerate(columns.items()):
        for row, measure in enumerate(measures):
            axes = grid[row, column]
            for rank, decay in enumerate(decays):
                found = [r for r in rates if r["arm"] in arms and r["metric"] == measure and float(r["decay"]) == decay]
                if found:
                    _draw(axes, found, spec["rates"]["exponent"], decay, style.COLOURS[rank], rank - len(decays) / 2)
        grid[0, column].set_title(title)
        grid[-1, column].set_xlabel("α, share of real data")
    for row, measure in enumerate(measures):
        grid[row, 0].set_ylabel(f"decay of {measure_label(measure)}")
    grid[0, 0].set_ylim(bottom=0)
    figure.legend(handles=_legend(rates, decays), loc="outside lower center", ncols=4)
    return figure


def _draw(axes: Axes, rates: Rows, exponent: float, decay: float, colour: str, offset: float) -> None:
    """Exponents of one decay of the bias; `offset` moves the points aside, so that error bars stay apart."""
    alpha = np.array([float(rate["real_fraction"]) for rate in rates])
    order = np.argsort(alpha)
    fine = np.linspace(min(alpha.min(), 0.05), 1, 200)
    theory = [theoretical_exponent(exponent, share, decay) for share in fine]
    axes.plot(fine, theory, color=colour if math.isfinite(decay) else style.INK, linestyle="--", zorder=2)
    place = alpha[order] + 0.006 * offset
    raw, corrected = (
        -np.array([float(rate[key]) for rate in rates])[order] for key in ("slope", "slope_log_corrected")
    )
    errors = 1.96 * np.array([float(rate["slope_error"]) for rate in rates])[order]
    axes.errorbar(place, raw, errors, color=colour, marker="o", linestyle="", capsize=2, zorder=4)
    axes.plot(place, corrected, "o", markerfacecolor="none", markeredgecolor=colour, markersize=3.5, zorder=3)
    if all(rate["slope_of_law"] for rate in rates):
        law = -np.array([float(rate["slope_of_law"]) for rate in rates])[order]
        axes.plot(place, law, "_", color=style.INK, markersize=9, zorder=5)


def _legend(rates: Rows, decays: list[float]) -> list[Line2D]:
    several = len(decays) > 1
    colour = style.GREY if several else style.COLOURS[0]
    handles = [
        Line2D([], [], color=colour, marker="o", linestyle="", label="raw slope"),
        Line2D([], [], color=colour, marker="o", linestyle="", markerfacecolor="none", label="log-corrected"),
        Line2D([], [], color=style.GREY if several else style.INK, linestyle="--", label="theory"),
    ]
    if any(rate["slope_of_law"] for rate in rates):
        handles.append(
            Line2D([], [], color=style.INK, marker="_", linestyle="", markersize=9, label="slope of the law")
        )
    if several:
        handles += [
            Line2D([], [], color=style.COLOURS[rank], marker="s", linestyle="", label=f"q = {decay:g}")
            for rank, decay in enumerate(decays)
        ]
    return handles


def caption(spec: dict[str, Any], rates: Rows) -> str:
    """Say what `draw` shows."""
    fit, biased = spec["rates"], any(math.isfinite(float(rate["decay"])) for rate in rates)
    law = "min(p, α, q)" if biased else "min(p, α)"
    lawful = [rate for rate in rates if rate["slope_of_law"] and rate["metric"] in drawn(spec)]
    gap = max((abs(float(r["slope"]) - float(r["slope_of_law"])) for r in lawful), default=0.0)
    return text.paragraph(
        "Exponents with which errors fall with the size of the pool, minus the least-squares slope of log error on log "
        f"size over generations {fit['drop']} to {spec['generations']}: "
        f"{text.listed(map(measure_words, drawn(spec)))}.",
        f"Filled: raw, of the mean over n = {len(spec['seeds'])} replicates, with 95 % intervals from "
        f"{fit['resamples']:,} bootstrap samples of the replicates. Open: after dividing the error by the logarithm of "
        "the size.",
        f"Dashed: {law} with p = {fit['exponent']:g}, the rate that theory bounds for many generations"
        + (", q the decay of the bias in collecting real data." if biased else "."),
        f"Bars: slope of the law itself over the same generations; the largest distance to it is {gap:.2g}."
        if lawful
        else "",
        "What to see: dividing by a logarithm makes slopes too steep that agree with the law as they are."
        if lawful
        else "",
        text.answers(spec),
    )
