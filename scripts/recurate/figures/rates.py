"""Figure: how fast errors fall with the amount of data, by the share of real data in it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from recurate.closed_form.rates import RESAMPLES, theoretical_exponent
from recurate.closed_form.tables import RATE_COLUMNS
from recurate.figures import Files, SimulatedFigure
from recurate.figures.parts import style, words
from recurate.figures.parts.view import RatesView, SimulatedView, panels
from recurate.files.tables import read_rows
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D


class RatesOfDecay(SimulatedFigure):
    """How fast errors fall with the amount of data, by the share of real data in it, with what theory says."""

    reads = ("rates",)

    rows: list[str] = Field([], description="fitted measures that have a row; all if empty")

    def check(self, study: SimulatedView) -> None:
        if study.rates is None:
            raise ValueError("needs the key rates of the study")
        study.check_measures("rows", self.rows)
        if not self.shown(study.rates):
            raise ValueError(f"rows: none of {', '.join(self.rows)} is fitted; rates.measures are those that are")

    def draw(self, study: SimulatedView, files: Files) -> style.Printed:
        assert study.rates is not None, "the check refuses such a study"
        rates = [Rate.of(row) for row in read_rows(files.rates, RATE_COLUMNS)]
        measures = self.shown(study.rates)
        below = caption(study, study.rates, measures, rates)
        return style.Printed(picture(study, study.rates, measures, rates), below)

    def shown(self, fit: RatesView) -> list[str]:
        """Fitted measures that get a row."""
        return [name for name in fit.measures if not self.rows or name in self.rows]


@dataclass(frozen=True)
class Rate:
    """A row of `rates.csv`: the slope of an arm's error in log-log scale; `slope_of_law` is None without a law."""

    arm: str
    metric: str
    slope: float
    slope_error: float
    slope_log_corrected: float
    slope_of_law: float | None
    real_fraction: float
    decay: float

    @classmethod
    def of(cls, row: Mapping[str, str]) -> Rate:
        """Read a row of the table."""
        return cls(
            arm=row["arm"],
            metric=row["metric"],
            slope=float(row["slope"]),
            slope_error=float(row["slope_error"]),
            slope_log_corrected=float(row["slope_log_corrected"]),
            slope_of_law=float(row["slope_of_law"]) if row["slope_of_law"] else None,
            real_fraction=float(row["real_fraction"]),
            decay=float(row["decay"]),
        )


@style.styled
def picture(study: SimulatedView, fit: RatesView, measures: Sequence[str], rates: Sequence[Rate]) -> Figure:
    """Draw raw and log-corrected exponents, the law's, and min(p, alpha, q), measures down and panels across."""
    columns = panels(study.arms)
    width = style.SINGLE_COLUMN if len(columns) == 1 else style.DOUBLE_COLUMN
    figure = style.new_figure(width, 1.75 * len(measures) + 0.65)
    grid = figure.subplots(len(measures), len(columns), squeeze=False, sharex=True, sharey=True)
    decays = sorted({rate.decay for rate in rates})
    for column, (title, arms) in enumerate(columns.items()):
        for row, measure in enumerate(measures):
            of_panel = [rate for rate in rates if rate.arm in arms and rate.metric == measure]
            for rank, decay in enumerate(decays):
                if of_decay := [rate for rate in of_panel if rate.decay == decay]:
                    offset = rank - len(decays) / 2
                    _draw(
                        grid[row, column],
                        of_decay,
                        fit.exponent,
                        decay,
                        style.COLOURS[rank % len(style.COLOURS)],
                        offset,
                    )
        grid[0, column].set_title(title)
        grid[-1, column].set_xlabel("α, share of real data")
    for row, measure in enumerate(measures):
        grid[row, 0].set_ylabel(f"decay of {words.measure_label(measure)}")
    grid[0, 0].set_ylim(bottom=0)
    figure.legend(handles=_legend(rates, decays), loc="outside lower center", ncols=4)
    return figure


def _draw(axes: Axes, rates: Sequence[Rate], exponent: float, decay: float, colour: str, offset: float) -> None:
    """Exponents of one decay of the bias; `offset` moves the points aside, so that error bars stay apart."""
    alpha = np.array([rate.real_fraction for rate in rates])
    order = np.argsort(alpha)
    fine = np.linspace(min(alpha.min(), 0.05), 1, 200)
    theory = [theoretical_exponent(exponent, share, decay) for share in fine]
    axes.plot(fine, theory, color=colour if math.isfinite(decay) else style.INK, linestyle="--", zorder=2)
    place = alpha[order] + 0.006 * offset
    raw = -np.array([rate.slope for rate in rates])[order]
    corrected = -np.array([rate.slope_log_corrected for rate in rates])[order]
    errors = 1.96 * np.array([rate.slope_error for rate in rates])[order]
    axes.errorbar(place, raw, errors, color=colour, marker="o", linestyle="", capsize=2, zorder=4)
    axes.plot(place, corrected, "o", markerfacecolor="none", markeredgecolor=colour, markersize=3.5, zorder=3)
    of_law = [rate.slope_of_law for rate in rates if rate.slope_of_law is not None]
    if len(of_law) == len(rates):
        axes.plot(place, -np.array(of_law)[order], "_", color=style.INK, markersize=9, zorder=5)


def _legend(rates: Sequence[Rate], decays: list[float]) -> list[Line2D]:
    from matplotlib.lines import Line2D

    several = len(decays) > 1
    colour = style.GREY if several else style.COLOURS[0]
    handles = [
        Line2D([], [], color=colour, marker="o", linestyle="", label="raw slope"),
        Line2D([], [], color=colour, marker="o", linestyle="", markerfacecolor="none", label="log-corrected"),
        Line2D([], [], color=style.GREY if several else style.INK, linestyle="--", label="theory"),
    ]
    if any(rate.slope_of_law is not None for rate in rates):
        handles.append(
            Line2D([], [], color=style.INK, marker="_", linestyle="", markersize=9, label="slope of the law")
        )
    if several:
        handles += [
            Line2D(
                [], [], color=style.COLOURS[rank % len(style.COLOURS)], marker="s", linestyle="", label=f"q = {decay:g}"
            )
            for rank, decay in enumerate(decays)
        ]
    return handles


def caption(study: SimulatedView, fit: RatesView, measures: Sequence[str], rates: Sequence[Rate]) -> str:
    """Say what `picture` shows."""
    biased = any(math.isfinite(rate.decay) for rate in rates)
    law = "min(p, α, q)" if biased else "min(p, α)"
    gaps = [abs(r.slope - r.slope_of_law) for r in rates if r.slope_of_law is not None and r.metric in measures]
    return words.paragraph(
        "Exponents with which errors fall with the size of the pool, minus the least-squares slope of log error on log "
        f"size over generations {fit.drop} to {study.generations}: "
        f"{words.listed(map(words.measure_words, measures))}.",
        f"Filled: raw, of the mean over {study.replicates}, with 95 % intervals from "
        f"{RESAMPLES:,} bootstrap samples of the {study.units}. Open: after dividing the error by the logarithm of "
        "the size.",
        f"Dashed: {law} with p = {fit.exponent:g}, the rate that theory bounds for many generations"
        + (", q the decay of the bias in collecting real data." if biased else "."),
        f"Bars: slope of the law itself over the same generations; the largest distance to it is {max(gaps):.2g}."
        if gaps
        else "",
        "What to see: dividing by a logarithm makes slopes too steep that agree with the law as they are."
        if gaps
        else "",
        words.answers(study),
    )
