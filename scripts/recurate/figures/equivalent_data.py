"""Figure: how many real samples a loop with fresh data is worth, by the amount and the bias of its synthetic data."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from recurate.figures.parts import style
from recurate.figures.parts import words as text
from recurate.figures.parts.series import Band, student_band
from recurate.figures.parts.simulated import Lines

# Error of a Gaussian fitted to n real samples, times n, in units of the variance, by measure.
ERROR_OF_ONE = {"squared_error": 1.0, "w2_squared": 1.5}
TITLES = {"squared_error": "for the mean", "w2_squared": "for the whole Gaussian"}


def swept(arms: dict[str, Any]) -> dict[float, list[str]]:
    """Arms with fresh real data as many as generation 0 saw, by sampling bias, in the order of n_s / n_r."""
    fresh = [n for n, a in arms.items() if a["regime"] == "fresh" and a["sizes"]["initial"] == a["sizes"]["real"]]
    ratios = {name: arms[name]["sizes"]["synthetic"] / arms[name]["sizes"]["real"] for name in fresh}
    found: dict[float, dict[float, str]] = {}
    for name in sorted(fresh, key=ratios.__getitem__):
        found.setdefault(arms[name]["sampling_bias"], {})[ratios[name]] = name
    return {bias: list(by_ratio.values()) for bias, by_ratio in sorted(found.items(), reverse=True)}


@style.styled
def draw(spec: dict[str, Any], measured: Lines, laws: Lines) -> Figure:
    """Draw n_e / n_r against n_s / n_r, a line for each sampling bias, judged by two errors."""
    lines = swept(spec["arms"])
    figure = style.new_figure(style.DOUBLE_COLUMN, 2.5)
    grid = figure.subplots(1, len(TITLES), sharey=True)
    for axes, (measure, title) in zip(grid, TITLES.items(), strict=True):
        for names, colour in zip(lines.values(), style.graded(len(lines)), strict=True):
            _line(axes, spec["arms"], names, measure, measured, laws, colour)
        axes.axhline(1, color=style.GREY, linewidth=0.7, zorder=1)
        axes.set(xscale="log", yscale="log", title=title, xlabel=r"$n_s / n_r$, synthetic to real samples")
    grid[0].set_ylabel(r"$n_e / n_r$")
    handles = [
        Line2D([], [], color=colour, marker="o", label=rf"$\lambda_s$ = {bias:g}")
        for bias, colour in zip(lines, style.graded(len(lines)), strict=True)
    ]
    handles.append(Line2D([], [], color=style.INK, linestyle=":", label="law"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


def _line(
    axes: Axes, arms: dict[str, Any], names: list[str], measure: str, measured: Lines, laws: Lines, colour: str
) -> None:
    ratios = [arms[name]["sizes"]["synthetic"] / arms[name]["sizes"]["real"] for name in names]
    worth = [equivalent(arms[name], measure, _last(measured, name, measure)) for name in names]
    mean = np.array([band.mean[0] for band in worth])
    errors = np.array([[band.mean[0] - band.low[0], band.high[0] - band.mean[0]] for band in worth]).T
    axes.errorbar(ratios, mean, np.nan_to_num(errors), color=colour, marker="o", capsize=2, zorder=3)
    if all(measure in laws.get(name, {}) for name in names):
        law = [equivalent(arms[name], measure, _last(laws, name, measure)).mean[0] for name in names]
        axes.plot(ratios, law, color=style.INK, linestyle=":", zorder=4)


def _last(lines: Lines, arm: str, measure: str) -> np.ndarray:
    return lines[arm][measure].values[:, -1:]


def equivalent(settings: dict[str, Any], measure: str, errors: np.ndarray) -> Band:
    """n_e / n_r: real samples that a single fit would need for the same mean error, over the loop's real ones.

    Alemohammad et al. (2307.01850). `errors` (R, 1) of the last generation; the limits turn round with the quotient.
    """
    band = student_band(errors)
    scale = ERROR_OF_ONE[measure] * settings["std"] ** 2 / settings["sizes"]["real"]
    return Band(scale / band.mean, scale / band.high, scale / np.maximum(band.low, np.finfo(float).tiny))


def caption(spec: dict[str, Any]) -> str:
    """Say what `draw` shows."""
    return text.paragraph(
        "Worth of a loop with fresh data: the number n_e of real samples that one fit would need for the same mean "
        f"error after {spec['generations']} generations, over the number n_r of real samples in each generation. Left: "
        "judged by the squared error of the mean; right: by the squared Wasserstein distance, to first order in 1/n. "
        f"Mean over n = {len(spec['seeds'])} replicates with 95 % intervals; dotted: the exact law. Above 1 synthetic "
        "data help.",
        "What to see: unbiased synthetic data (λ_s = 1) add to what is known, as they carry what earlier generations "
        "saw; with biased sampling the shape is lost, and much synthetic data makes things worse than none.",
        text.answers(spec),
    )
