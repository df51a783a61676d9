"""Figure: measures of simulated loops by generation, with their laws; measures down, panels across, arms as lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from recurate.figures import Files, SimulatedFigure
from recurate.figures.parts import style, words
from recurate.figures.parts.mathematics import outside
from recurate.figures.parts.series import (
    Line,
    Lines,
    Quantiles,
    logarithmic_band,
    read_laws,
    read_measured,
    read_quantiles,
    student_band,
)
from recurate.figures.parts.view import SimulatedArmView, SimulatedView, panels
from recurate.foundation.lazy import np
from recurate.theory.pooling import standard_error

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from recurate.foundation.types import Array

MOST_COLUMNS = 4
SHARES = ("absorbed",)
LARGEST_ERROR = 0.06  # of a positive mean, relative; beyond it the mean rests on few replicates and gets no band
LONG = 60  # generations beyond which the axis is logarithmic
LABEL_WIDTH = 15  # characters along the height of a panel


class Curves(SimulatedFigure):
    """Measures by generation with their laws; measures down, panels across, arms as lines."""

    reads = ("metrics", "laws", "trajectories")

    rows: list[str] = Field([], description="measures that have a row; all if empty")
    medians: list[str] = Field([], description="measures of which the median over replicates is shown as well")
    linear: list[str] = Field([], description="measures that are shown on a linear scale")

    def check(self, study: SimulatedView) -> None:
        study.check_measures("rows", self.rows)
        study.check_measures("medians", self.medians)
        study.check_measures("linear", self.linear)

    def draw(self, study: SimulatedView, files: Files) -> style.Printed:
        measured = read_measured(files.metrics)
        shown = Shown(measured, read_laws(files.laws), read_quantiles(files.trajectories, measured))
        return style.Printed(picture(self, study, shown), caption(self, study, shown))

    def shown(self, study: SimulatedView, measured: Lines) -> list[str]:
        """Measures that get a row: those that are wanted, or all, as far as an arm has them."""
        wanted = self.rows or study.measures
        return [name for name in wanted if any(name in lines for lines in measured.values())]


@dataclass(frozen=True)
class Shown:
    """What is drawn, by arm and measure; quantiles are over all replicates."""

    measured: Lines
    laws: Lines
    quantiles: Quantiles

    def rests_on_few(self, study: SimulatedView, arm: str, measure: str) -> Array:
        """Where (n,) a positive measure's mean has too large a standard error for Student's interval to be right.

        Mean and error are those of the law where it tells them: of a few replicates the error is too small where their
        mean is.
        """
        line, law = self.measured[arm][measure], self.laws.get(arm, {}).get(measure)
        if line.values.min() < 0 or len(line.values) < 2:
            return np.zeros(len(line.generations), dtype=bool)
        mean, error = line.values.mean(axis=0), standard_error(line.values)
        if law:
            expected, spread = law.values
            of_law = spread / np.sqrt(len(line.values) * study.arms[arm].replicates)
            mean, error = np.where(spread > 0, (expected, of_law), (mean, error))
        return error > LARGEST_ERROR * mean


def columns_for(count: int) -> int:
    """Panels beside each other: all if they are few, else three or four, whichever leaves fewer places free."""
    return (
        count if count <= MOST_COLUMNS else min((MOST_COLUMNS, MOST_COLUMNS - 1), key=lambda columns: -count % columns)
    )


@style.styled
def picture(figure: Curves, study: SimulatedView, shown: Shown) -> Figure:
    """Draw the means over replicates, their confidence bands or quantiles, and the laws, dotted."""
    columns = panels(study.arms)
    measures = figure.shown(study, shown.measured)
    every = list(columns.items())
    across = columns_for(len(every))
    blocks = -(-len(every) // across)
    width = style.SINGLE_COLUMN if across == 1 else style.DOUBLE_COLUMN
    keys = _shared_titles(study.arms, columns)
    legend = _legend(figure, study, columns, keys, shown)
    per_line = 4 if across > 1 else 2
    height = blocks * (1.15 * len(measures) + 0.35) + 0.3 + 0.16 * -(-len(legend) // per_line)
    sheet = style.new_figure(width, height)
    grid = sheet.subplots(blocks * len(measures), across, squeeze=False, sharex=True)
    for place, (title, arms) in enumerate(every):
        block, column = divmod(place, across)
        panel = grid[block * len(measures) : (block + 1) * len(measures), column]
        for axes, measure in zip(panel, measures, strict=True):
            _draw_measure(axes, figure, study, arms, measure, shown)
        panel[0].set_title(words.wrapped(_symbols(title), 30 if across < 4 else 22))
        panel[-1].set_xlabel("fits (generation + 1)")
        panel[-1].tick_params(labelbottom=True)
        if not keys:
            colours = style.graded(len(arms))
            handles = [_handle(study.arms[arm], colour) for arm, colour in zip(arms, colours, strict=True)]
            panel[0].legend(handles=handles, fontsize=6, loc="best")
    for axes in grid.flat:
        axes.set_visible(axes.has_data())
    for row, measure in enumerate(measures):
        panels_of = grid[row :: len(measures)].ravel()
        _one_scale(panels_of, figure, study, measure, shown)
        label = words.measure_label(measure)
        for axes in grid[row :: len(measures), 0]:
            axes.set_ylabel(label if "$" in label else words.wrapped(label, LABEL_WIDTH))
    sheet.legend(handles=legend, loc="outside lower center", ncols=per_line)
    return sheet


def _draw_measure(
    axes: Axes, figure: Curves, study: SimulatedView, arms: list[str], measure: str, shown: Shown
) -> None:
    """A measure of the arms of one panel."""
    is_logarithmic = _is_logarithmic(figure, measure, shown.measured)
    for arm, colour in zip(arms, style.graded(len(arms)), strict=True):
        if measure in shown.measured[arm]:
            line, few = shown.measured[arm][measure], shown.rests_on_few(study, arm, measure)
            _draw_mean(axes, line, few, is_logarithmic, colour)
            if measure not in SHARES:  # of which each replicate is 0 or 1
                _draw_quantiles(axes, line, few, shown.quantiles[arm][measure], measure in figure.medians, colour)
            if measure in shown.laws.get(arm, {}):
                law = shown.laws[arm][measure]
                axes.plot(law.generations + 1, law.values[0], color=style.INK, linestyle=":", linewidth=0.9, zorder=4)
    _published(axes, study, arms, measure)


def _draw_mean(axes: Axes, line: Line, few: Array, is_logarithmic: bool, colour: str) -> None:
    """The mean, with its band where it does not rest on few replicates."""
    band, fits = (logarithmic_band if is_logarithmic else student_band)(line.values), line.generations + 1
    axes.plot(fits, band.mean, color=colour, linewidth=1.1, zorder=3)
    if np.isfinite(band.low).all():
        axes.fill_between(fits, band.low, band.high, where=~few, color=colour, alpha=0.25, linewidth=0)


def _draw_quantiles(axes: Axes, line: Line, few: Array, quantiles: Array, always: bool, colour: str) -> None:
    """The median over replicates, and from 10 % to 90 % of them, where the mean rests on few of them."""
    fits, (low, median, high) = line.generations + 1, quantiles
    if few.any():
        axes.fill_between(fits, low, high, where=few, facecolor="none", edgecolor=colour, alpha=0.5, hatch="//////")
    if few.any() or always:
        axes.plot(
            fits, median if always else np.where(few, median, np.nan), color=colour, linestyle="--", linewidth=0.9
        )


def _published(axes: Axes, study: SimulatedView, arms: list[str], measure: str) -> None:
    for number in study.published:
        if number.arm in arms and number.measure == measure:
            axes.plot(number.generation + 1, number.value, "*", color=style.FORECAST, markersize=6, zorder=5)


def _span(measure: str, measured: Lines) -> tuple[float, float]:
    """The smallest and the largest mean over replicates of a measure, over all arms and generations."""
    means = [lines[measure].values.mean(axis=0) for lines in measured.values() if measure in lines]
    return min(line.min() for line in means), max(line.max() for line in means)


def _is_logarithmic(figure: Curves, measure: str, measured: Lines) -> bool:
    """Whether means are positive and span more than a factor of 20, unless a linear scale is asked for."""
    lowest, highest = _span(measure, measured)
    return measure not in figure.linear and lowest > 0 and highest > 20 * lowest


def _one_scale(panels_of: Array, figure: Curves, study: SimulatedView, measure: str, shown: Shown) -> None:
    """One scale for all panels of a measure."""
    logarithmic = _is_logarithmic(figure, measure, shown.measured)
    lowest, highest = _span(measure, shown.measured)
    margin = 0.06 * (highest - lowest) or 0.5
    limits = (lowest / 2, highest * 2) if logarithmic else (lowest - margin, highest + margin)
    if measure in SHARES or measure.startswith("frequency_"):
        limits = (-0.03, 1.03)
    for axes in panels_of:
        if logarithmic:
            axes.set_yscale("log")
        axes.set_ylim(*limits)
        axes.tick_params(labelleft=axes.get_subplotspec().is_first_col())
        if study.generations > LONG:
            axes.set_xscale("log")


def _shared_titles(arms: Mapping[str, SimulatedArmView], columns: dict[str, list[str]]) -> list[str]:
    """Titles of the lines where all panels have the same ones, so that one legend serves them all."""
    titles = [[arms[name].title for name in names] for names in columns.values()]
    return titles[0] if all(of_panel == titles[0] for of_panel in titles) else []


def _symbols(title: str) -> str:
    """A title with its symbols' indices set as such: λ_s, n_s, n_ini."""
    return outside(lambda text: re.sub(r"\b(\w)_(\w+)", r"$\1_{\2}$", text), title)


def _handle(arm: SimulatedArmView, colour: str) -> Line2D:
    from matplotlib.lines import Line2D

    return Line2D([], [], color=colour, label=_symbols(words.arm_title(arm.title)))


def _legend(
    figure: Curves, study: SimulatedView, columns: dict[str, list[str]], keys: list[str], shown: Shown
) -> list[Line2D]:
    """Handles for what is drawn, and no others."""
    from matplotlib.lines import Line2D

    first = next(iter(columns.values()))
    colours = style.graded(len(first))
    handles = [_handle(study.arms[arm], colour) for arm, colour in zip(first, colours, strict=True)] if keys else []
    if shown.laws:
        handles.append(Line2D([], [], color=style.INK, linestyle=":", linewidth=0.9, label="law"))
    measures = figure.shown(study, shown.measured)
    if set(figure.medians) & set(measures) or _resting_on_few(study, measures, shown):
        handles.append(Line2D([], [], color=style.GREY, linestyle="--", linewidth=0.9, label="median"))
    if study.published:
        handles.append(Line2D([], [], color=style.FORECAST, marker="*", linestyle="", label="published"))
    return handles


def _resting_on_few(study: SimulatedView, measures: list[str], shown: Shown) -> list[str]:
    """Measures whose mean rests on few replicates somewhere."""
    return [
        name
        for name in measures
        if any(name in lines and shown.rests_on_few(study, arm, name).any() for arm, lines in shown.measured.items())
    ]


def caption(figure: Curves, study: SimulatedView, shown: Shown) -> str:
    """Say what `picture` shows."""
    measures = figure.shown(study, shown.measured)
    lawful = [name for name in measures if any(name in lines for lines in shown.laws.values())]
    medians = [name for name in measures if name in figure.medians]
    few = _resting_on_few(study, measures, shown)
    across = " A column for each regime." if len(panels(study.arms)) > 1 else ""
    return words.paragraph(
        f"By generation, from top to bottom: {words.listed(map(words.measure_words, measures))}.{across}",
        f"Solid: mean over {study.replicates}, with its 95 % confidence band (Student t over seeds, of the logarithm "
        "where the axis is logarithmic).",
        f"No band where the mean of {words.listed(map(words.measure_words, few))} rests on few replicates (standard "
        f"error above {100 * LARGEST_ERROR:.0f} % of it): dashed the median there, hatched from 10 to 90 % of the "
        f"replicates{', but of shares' * any(name in SHARES for name in few)}."
        if few
        else "",
        f"Dotted: what theory says of {words.listed(map(words.measure_words, lawful))}." if lawful else "",
        f"Dashed: the median over replicates of {words.listed(map(words.measure_words, medians))}." if medians else "",
        words.REWARD_NOTE if any("reward" in name for name in measures) else "",
        "All arms share their random numbers, so that their lines waver alike." if study.common_random_numbers else "",
        _degrees_of_freedom(study.arms),
        words.published(study),
        words.answers(study),
    )


def _degrees_of_freedom(arms: Mapping[str, SimulatedArmView]) -> str:
    """Sentence on how variances are divided, which published code and published theorems do differently."""
    divisors = sorted({arm.ddof for arm in arms.values() if arm.ddof is not None})
    said = {0: "n (ddof 0, which shrinks them by 1 - 1/n a generation)", 1: "n - 1 (ddof 1, unbiased)"}
    return f"Variances are divided by {' or '.join(said[ddof] for ddof in divisors)}." if divisors else ""
