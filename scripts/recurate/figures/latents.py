"""Figure: what generation 0's encoder makes of later generations, its latents' densities and spread by generation."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from recurate.figures.parts import style
from recurate.figures.parts import words as text
from recurate.figures.parts.series import Series, student_band
from recurate.foundation.errors import RecurateError

SPREAD = "spread_encoder"
HALF_WIDTH = 3.0  # of the densities' axis; the prior of a latent has standard deviation 1
CELLS = 60


def density(latents: np.ndarray) -> np.ndarray:
    """Density (CELLS,) of all latents (n, d) together, between -HALF_WIDTH and HALF_WIDTH."""
    counts, edges = np.histogram(latents, bins=CELLS, range=(-HALF_WIDTH, HALF_WIDTH))
    return counts / (latents.size * np.diff(edges))


@style.styled
def draw(spec: dict[str, Any], densities: list[np.ndarray], measured: Series) -> Figure:
    """Draw a column for each arm: on top `densities`, (generations + 1, seeds, CELLS) an arm, below the spread.

    Raises RecurateError if the spread was not measured.
    """
    if any(SPREAD not in metrics for metrics in measured.values()):
        raise RecurateError(f"figure latents: {SPREAD} was not measured; add the metric spread of the features encoder")
    arms = spec["arms"]
    figure = style.new_figure(style.DOUBLE_COLUMN if len(arms) > 2 else style.SINGLE_COLUMN, 3.1)
    grid = figure.subplots(2, len(arms), squeeze=False, sharey="row", height_ratios=(1, 1))
    for (name, settings), found, column in zip(arms.items(), densities, grid.T, strict=True):
        column[0].set_title(text.wrapped(text.arm_title(settings), 20))
        _densities(column[0], found)
        _spread(column[1], name, spec, measured[name][SPREAD])
    grid[0, 0].set_ylabel("density")
    grid[1, 0].set_ylabel("spread")
    figure.legend(handles=_legend(spec), loc="outside lower center", ncols=4)
    return figure


def _densities(axes: Axes, found: np.ndarray) -> None:
    """A colour for each generation, a thin line for each seed."""
    edges = np.linspace(-HALF_WIDTH, HALF_WIDTH, CELLS + 1)
    middle = (edges[1:] + edges[:-1]) / 2
    for of_generation, colour in zip(found, style.graded(len(found)), strict=True):
        for values in of_generation:
            axes.plot(middle, values, color=colour, linewidth=0.7)
    axes.set(xlabel="latent", xlim=(-HALF_WIDTH, HALF_WIDTH), ylim=(0, None))


def _spread(axes: Axes, arm: str, spec: dict[str, Any], values: np.ndarray) -> None:
    """Mean with its band, a thin line for each seed, and what was published."""
    for of_seed in values:
        axes.plot(of_seed, color=style.PALE, linewidth=0.6, zorder=1)
    style.draw_measured(axes, student_band(values))
    for number in spec["published"]:
        if (number["arm"], number["measure"]) == (arm, SPREAD):
            axes.plot(number["generation"], number["value"], "*", color=style.FORECAST, markersize=6, zorder=5)
    axes.set_ylim(0, None)
    style.generation_axis(axes, values.shape[1] - 1)


def _legend(spec: dict[str, Any]) -> list[Line2D]:
    last = spec["generations"]
    colours = style.graded(last + 1)
    handles = [
        Line2D([], [], color=colours[0], label="generation 0"),
        Line2D([], [], color=colours[-1], label=f"generation {last}"),
        Line2D([], [], color=style.MEASURED, marker="o", label="mean over seeds"),
    ]
    if spec["published"]:
        handles.append(Line2D([], [], color=style.FORECAST, marker="*", linestyle="", label="published"))
    return handles


def caption(spec: dict[str, Any], measured: Series) -> str:
    """Say what `draw` shows."""
    ends = (
        f"{text.arm_title(settings)}: {means[-1]:.3f} (from {means[0]:.3f})"
        for name, settings in spec["arms"].items()
        if len(means := measured[name][SPREAD].mean(axis=0))
    )
    seeds = len(spec["seeds"])
    return text.paragraph(
        "What the encoder of generation 0 makes of the samples of every generation, a column for each arm. Top: "
        "density of the means it gives, all latents together, a thin line for each seed, from light (generation 0) to "
        f"dark (generation {spec['generations']}).",
        "Bottom: their spread, the standard deviation over samples, averaged over latents; thin lines: single seeds.",
        text.bands(seeds),
        "Stars: published numbers, " + "; ".join(dict.fromkeys(n["note"] for n in spec["published"] if n["note"])) + "."
        if spec["published"]
        else "",
        f"What to see: without real data the latents draw together. In the last generation, {'; '.join(ends)}.",
        text.answers(spec),
    )
