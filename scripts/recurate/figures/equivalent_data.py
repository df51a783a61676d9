"""Figure: how many real samples a loop with fresh data is worth, by the amount and the bias of its synthetic data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from recurate.figures import Files, SimulatedFigure
from recurate.figures.parts import style, words
from recurate.figures.parts.series import Band, Lines, read_laws, read_measured, student_band
from recurate.figures.parts.view import SimulatedArmView, SimulatedView
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from recurate.foundation.types import Array

# Error of a Gaussian fitted to n real samples, times n, in units of the variance, by measure.
ERROR_OF_ONE = {"squared_error": 1.0, "w2_squared": 1.5}
TITLES = {"squared_error": "for the mean", "w2_squared": "for the whole Gaussian"}


class EquivalentData(SimulatedFigure):
    """How many real samples a loop with fresh data is worth, by the amount and the bias of its synthetic data."""

    reads = ("metrics", "laws")

    def check(self, study: SimulatedView) -> None:
        study.check_estimator("gaussian", 1)
        study.check_measures("measures", list(TITLES))
        if not swept(study.arms):
            raise ValueError("no arm has the regime fresh and as many real samples in every round as at first")

    def draw(self, study: SimulatedView, files: Files) -> style.Printed:
        measured, laws = read_measured(files.metrics), read_laws(files.laws)
        return style.Printed(picture(study, measured, laws), caption(study))


def swept(arms: Mapping[str, SimulatedArmView]) -> dict[float, list[str]]:
    """Arms with fresh real data as many as generation 0 saw, by sampling bias, in the order of n_s / n_r."""
    fresh = [name for name, arm in arms.items() if arm.regime == "fresh" and arm.sizes.initial == arm.sizes.real]
    ratios = {name: _ratio(arms[name]) for name in fresh}
    by_bias: dict[float, dict[float, str]] = {}
    for name in sorted(fresh, key=ratios.__getitem__):
        by_bias.setdefault(arms[name].sampling_bias, {})[ratios[name]] = name
    return {bias: list(by_ratio.values()) for bias, by_ratio in sorted(by_bias.items(), reverse=True)}


def _ratio(arm: SimulatedArmView) -> float:
    """n_s / n_r, synthetic to real samples."""
    return arm.sizes.synthetic / arm.sizes.real


@style.styled
def picture(study: SimulatedView, measured: Lines, laws: Lines) -> Figure:
    """Draw n_e / n_r against n_s / n_r, a line for each sampling bias, judged by two errors."""
    from matplotlib.lines import Line2D

    lines = swept(study.arms)
    figure = style.new_figure(style.DOUBLE_COLUMN, 2.5)
    grid = figure.subplots(1, len(TITLES), sharey=True)
    for axes, (measure, title) in zip(grid, TITLES.items(), strict=True):
        for names, colour in zip(lines.values(), style.graded(len(lines)), strict=True):
            _line(axes, study.arms, names, measure, measured, laws, colour)
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
    axes: Axes,
    arms: Mapping[str, SimulatedArmView],
    names: list[str],
    measure: str,
    measured: Lines,
    laws: Lines,
    colour: str,
) -> None:
    ratios = [_ratio(arms[name]) for name in names]
    worth = [equivalent(arms[name], measure, _last(measured, name, measure)) for name in names]
    mean = np.array([band.mean[0] for band in worth])
    errors = np.array([[band.mean[0] - band.low[0], band.high[0] - band.mean[0]] for band in worth]).T
    axes.errorbar(ratios, mean, np.nan_to_num(errors), color=colour, marker="o", capsize=2, zorder=3)
    if all(measure in laws.get(name, {}) for name in names):
        law = [equivalent(arms[name], measure, _last(laws, name, measure)[:1]).mean[0] for name in names]
        axes.plot(ratios, law, color=style.INK, linestyle=":", zorder=4)


def _last(lines: Lines, arm: str, measure: str) -> Array:
    return lines[arm][measure].values[:, -1:]


def equivalent(arm: SimulatedArmView, measure: str, errors: Array) -> Band:
    """n_e / n_r: real samples that a single fit would need for the same mean error, over the loop's real ones.

    Alemohammad et al. (2307.01850). `errors` (R, 1) of the last generation; the limits turn round with the quotient.
    """
    assert arm.std is not None, "the figure's check refuses other estimators"
    band = student_band(errors)
    scale = ERROR_OF_ONE[measure] * arm.std**2 / arm.sizes.real
    return Band(scale / band.mean, scale / band.high, scale / np.maximum(band.low, np.finfo(float).tiny))


def caption(study: SimulatedView) -> str:
    """Say what `picture` shows."""
    return words.paragraph(
        "Worth of a loop with fresh data: the number n_e of real samples that one fit would need for the same mean "
        f"error after {study.generations} generations, over the number n_r of real samples in each generation. Left: "
        "judged by the squared error of the mean; right: by the squared Wasserstein distance, to first order in 1/n. "
        f"Mean over {study.replicates} with 95 % intervals; dotted: the exact law. Above 1 synthetic "
        "data help.",
        "What to see: unbiased synthetic data (λ_s = 1) add to what is known, as they carry what earlier generations "
        "saw; with biased sampling the shape is lost, and much synthetic data makes things worse than none.",
        words.answers(study),
    )
