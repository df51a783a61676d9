"""Figure: perplexity of each generation's blocks under generation 0's model, a panel for each arm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from recurate.figures import Files, TrainedFigure
from recurate.figures.parts import style, words
from recurate.figures.parts.series import over_batches
from recurate.figures.parts.view import ArmView, StudyView
from recurate.files.arrays import read_arrays
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from recurate.foundation.types import Array

SPACE = "block_perplexity"
BINS = 40
COVERED = (0.002, 0.998)  # quantiles over everything that the axis reaches to
COLUMNS = 4
DECADE = 10  # ratio of the axis' ends below which its numbers are evenly spaced
TAIL = 0.95  # quantile of generation 0 beyond which a block is in the tail


class Perplexities(TrainedFigure):
    """Perplexity of each generation's blocks under generation 0's model, a panel for each arm."""

    reads = ("features",)

    def check(self, study: StudyView) -> None:
        study.check_features(SPACE)
        study.check_blocks()

    def draw(self, study: StudyView, files: Files) -> style.Printed:
        perplexities = [
            [np.concatenate([read_arrays(path, [SPACE])[SPACE].ravel() for path in batches]) for batches in arm]
            for arm in over_batches(files.features, len(study.arms), study.generations)
        ]
        return style.Printed(picture(study.arms, perplexities), caption(study, perplexities))


def edges(perplexities: list[list[Array]]) -> Array:
    """Edges (BINS + 1,) of bins of equal ratio for all arms and generations."""
    whole = np.concatenate([part for arm in perplexities for part in arm])
    low, high = np.quantile(whole, COVERED)
    return np.geomspace(low, max(high, 1.01 * low), BINS + 1)


@style.styled
def picture(arms: Mapping[str, ArmView], perplexities: list[list[Array]]) -> Figure:
    """Draw histograms of `perplexities`, by arm and generation (blocks,), as lines from light to dark."""
    columns = min(COLUMNS, len(arms))
    lines = -(-len(arms) // columns)
    width = style.DOUBLE_COLUMN if columns > 2 else style.SINGLE_COLUMN
    figure = style.new_figure(width, lines * 1.5 + 0.6, vertical=0.05)
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
    bins = edges(perplexities)
    for axes, arm, of_arm in zip(grid.flat, arms.values(), perplexities, strict=False):
        _panel(axes, bins, of_arm)
        axes.set_title(words.wrapped(words.arm_title(arm.title), 24))
    for place, axes in enumerate(grid.flat):
        if place >= len(arms):
            axes.set_axis_off()
        elif place + columns >= len(arms):
            axes.set_xlabel(f"perplexity of a block\n({words.block(arms)} tokens)")
            axes.tick_params(labelbottom=True)
    grid[0, 0].set_ylim(0, 1.05 * max(axes.dataLim.y1 for axes in grid.flat))
    for axes in grid[:, 0]:
        axes.set_ylabel("share of blocks")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(handles), 3 * columns))
    return figure


def _panel(axes: Axes, bins: Array, of_arm: list[Array]) -> None:
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    for generation, (values, colour) in enumerate(zip(of_arm, style.graded(len(of_arm)), strict=True)):
        # What lies beyond the axis is counted at its ends, so that no mass is lost.
        counts, _ = np.histogram(np.clip(values, bins[0], bins[-1]), bins)
        label = f"generation {generation}" if generation == 0 else str(generation)
        axes.stairs(counts / len(values), bins, color=colour, linewidth=1.1, label=label)
    axes.set_xscale("log")
    narrow = bins[-1] < DECADE * bins[0]
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10]) if narrow else LogLocator(subs=(1, 3)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())


def caption(study: StudyView, perplexities: list[list[Array]]) -> str:
    """Say what `picture` shows."""
    seeds, blocks = len(study.seeds), len(perplexities[0][0])
    return words.paragraph(
        "Perplexity of every generated block under generation 0's model of the same seed, by generation from light to "
        f"dark, a panel for each arm; {blocks:,} blocks of {words.replicates(seeds)} together.",
        words.context(study.arms),
        "Perplexity is of generated tokens alone: a prompt does not count, and is read only where samples keep it. The "
        "outermost bins hold what lies beyond them.",
        "What to see: without curation mass moves to the left, towards what generation 0 finds likely; curators may "
        "prefer what it finds unlikely.",
        _moves(study.arms, perplexities),
        words.answers(study),
    )


def _moves(arms: Mapping[str, ArmView], perplexities: list[list[Array]]) -> str:
    """Medians at both ends, and the share of blocks in the tail that generation 0 has at 5 %."""
    parts = []
    for arm, of_arm in zip(arms.values(), perplexities, strict=True):
        first, last = np.median(of_arm[0]), np.median(of_arm[-1])
        tail = float((of_arm[-1] > np.quantile(of_arm[0], TAIL)).mean())
        parts.append(f"{words.arm_title(arm.title)}: {last:.3g} from {first:.3g}, {words.percent(tail)}")
    threshold = words.percent(1 - TAIL)
    return (
        f"Median in the last generation, and share of its blocks above the perplexity that {threshold} of generation "
        f"0's exceed: {'; '.join(parts)}."
    )
