"""Figure: what generation 0's encoder makes of later generations, its latents' densities and spread by generation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recurate.figures import Files, TrainedFigure
from recurate.figures.parts import style, words
from recurate.figures.parts.series import Series, over_batches, read_metrics, student_band
from recurate.figures.parts.view import MetricView, StudyView
from recurate.files.arrays import read_arrays
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from recurate.foundation.types import Array

SPACE = "encoder"
SPREAD = f"spread_{SPACE}"
NOTHING = f"{SPREAD} is not measured; add the metric spread of the features {SPACE}"
HALF_WIDTH = 3.0  # of the densities' axis; the prior of a latent has standard deviation 1
CELLS = 60


class Latents(TrainedFigure):
    """What generation 0's encoder makes of later generations: densities and spread of latents, a column an arm."""

    reads = ("features", "metrics")

    def check(self, study: StudyView) -> None:
        study.check_autoencoders()
        study.check_features(SPACE)
        if not any(metric == MetricView(kind="spread", space=SPACE) or metric.is_own for metric in study.metrics):
            raise ValueError(NOTHING)

    def draw(self, study: StudyView, files: Files) -> style.Printed:
        measured = read_metrics(files.metrics, study.arms)
        densities = [
            np.stack([np.concatenate([_densities_of(path) for path in batches]) for batches in arm])
            for arm in over_batches(files.features, len(study.arms), study.generations)
        ]
        return style.Printed(picture(study, densities, measured), caption(study, measured))


def _densities_of(path: str) -> Array:
    """Densities (seeds, cells) of one generation of a batch of seeds."""
    return np.stack([density(latents) for latents in read_arrays(path, [SPACE])[SPACE]])


def density(latents: Array) -> Array:
    """Density (CELLS,) of all latents (n, d) together, between -HALF_WIDTH and HALF_WIDTH."""
    counts, edges = np.histogram(latents, bins=CELLS, range=(-HALF_WIDTH, HALF_WIDTH))
    return counts / (latents.size * np.diff(edges))


@style.styled
def picture(study: StudyView, densities: list[Array], measured: Series) -> Figure:
    """Draw a column for each arm: on top `densities`, (generations + 1, seeds, CELLS) an arm, below the spread.

    Raises RecurateError if the spread was not measured.
    """
    if any(SPREAD not in metrics for metrics in measured.values()):
        raise RecurateError(f"figure latents: {NOTHING}")
    arms = study.arms
    figure = style.new_figure(style.DOUBLE_COLUMN if len(arms) > 2 else style.SINGLE_COLUMN, 3.1)
    grid = figure.subplots(2, len(arms), squeeze=False, sharey="row", height_ratios=(1, 1))
    for (name, arm), of_arm, column in zip(arms.items(), densities, grid.T, strict=True):
        column[0].set_title(words.wrapped(words.arm_title(arm.title), 20))
        _densities(column[0], of_arm)
        _spread(column[1], name, study, measured[name][SPREAD])
    grid[0, 0].set_ylabel("density")
    grid[1, 0].set_ylabel("spread")
    figure.legend(handles=_legend(study), loc="outside lower center", ncols=4)
    return figure


def _densities(axes: Axes, of_arm: Array) -> None:
    """A colour for each generation, a thin line for each seed."""
    edges = np.linspace(-HALF_WIDTH, HALF_WIDTH, CELLS + 1)
    middle = (edges[1:] + edges[:-1]) / 2
    for of_generation, colour in zip(of_arm, style.graded(len(of_arm)), strict=True):
        for values in of_generation:
            axes.plot(middle, values, color=colour, linewidth=0.7)
    axes.set(xlabel="latent", xlim=(-HALF_WIDTH, HALF_WIDTH), ylim=(0, None))


def _spread(axes: Axes, arm: str, study: StudyView, values: Array) -> None:
    """Mean with its band, a thin line for each seed, and what was published."""
    for of_seed in values:
        axes.plot(of_seed, color=style.PALE, linewidth=0.6, zorder=1)
    style.draw_measured(axes, student_band(values))
    for number in study.published:
        if (number.arm, number.measure) == (arm, SPREAD):
            axes.plot(number.generation, number.value, "*", color=style.FORECAST, markersize=6, zorder=5)
    axes.set_ylim(0, None)
    style.generation_axis(axes, values.shape[1] - 1)


def _legend(study: StudyView) -> list[Line2D]:
    from matplotlib.lines import Line2D

    last = study.generations
    colours = style.graded(last + 1)
    handles = [
        Line2D([], [], color=colours[0], label="generation 0"),
        Line2D([], [], color=colours[-1], label=f"generation {last}"),
        Line2D([], [], color=style.MEASURED, marker="o", label="mean over seeds"),
    ]
    if study.published:
        handles.append(Line2D([], [], color=style.FORECAST, marker="*", linestyle="", label="published"))
    return handles


def caption(study: StudyView, measured: Series) -> str:
    """Say what `picture` shows."""
    ends = (
        f"{words.arm_title(arm.title)}: {means[-1]:.3f} (from {means[0]:.3f})"
        for name, arm in study.arms.items()
        if len(means := measured[name][SPREAD].mean(axis=0))
    )
    seeds = len(study.seeds)
    return words.paragraph(
        "What the encoder of generation 0 makes of the samples of every generation, a column for each arm. Top: "
        "density of the means it gives, all latents together, a thin line for each seed, from light (generation 0) to "
        f"dark (generation {study.generations}).",
        "Bottom: their spread, the standard deviation over samples, averaged over latents; thin lines: single seeds.",
        words.bands(seeds),
        words.published(study),
        f"What to see: without real data the latents draw together. In the last generation, {'; '.join(ends)}.",
        words.answers(study),
    )
