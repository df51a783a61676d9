"""Figure: densities over generations, one row for each arm, with the limit at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recurate.figures import Files, TrainedFigure
from recurate.figures.parts import words
from recurate.figures.parts.density import (
    Frame,
    colour_scale,
    density,
    draw_density,
    draw_level_sets,
    reward_on_grid,
)
from recurate.figures.parts.series import per_arm
from recurate.figures.parts.style import DOUBLE_COLUMN, INK, Printed, new_figure, styled
from recurate.figures.parts.view import ArmView, StudyView
from recurate.files.arrays import read_arrays
from recurate.foundation.lazy import np
from recurate.theory.forecast import infinite
from recurate.theory.limit import limit_weights

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from recurate.foundation.types import Array

MOST_COLUMNS = 5  # generations shown, besides the limit
BAR = 0.07  # inches
HALF_GAP = 0.09  # inches; two of them hold an arm's heading


class Densities(TrainedFigure):
    """Densities of points of the plane over generations, a row for each arm, with the limit at the end."""

    reads = ("samples", "curated", "real")
    shows_rewards = True

    def check(self, study: StudyView) -> None:
        study.check_plane()

    def draw(self, study: StudyView, files: Files) -> Printed:
        frame, shown = Frame.around_real(files.real), shown_generations(study.generations)
        of_arms = per_arm(files.samples, study.generations), per_arm(files.curated, study.generations)
        rows, outside = [], 0.0
        for arm, samples, curated in zip(study.arms.values(), *of_arms, strict=True):
            x = [read_arrays(samples[generation], ["x"])["x"] for generation in shown]
            limit = limit_of(read_arrays(curated[0], ["reward"])["reward"], arm)
            rows.append(make_row(arm, x, limit, frame))
            seeds, count = x[0].shape[:2]
            outside = max(outside, *(frame.outside(points.reshape(-1, 2)) for points in x))
        return Printed(picture(rows, shown, frame), caption(study, rows, frame, seeds, count, outside))


@dataclass(frozen=True)
class Row:
    """What one arm shows: its title, the densities of generations and of the limit, the rewards on the grid, r*."""

    title: str
    generations: list[Array]
    limit: Array | None
    rewards: Array | None
    supremum: float


def shown_generations(last: int) -> list[int]:
    """All generations 0..`last` if they are few, otherwise the first three, one halfway, and the last."""
    if last < MOST_COLUMNS:
        return list(range(last + 1))
    return [0, 1, 2, (2 + last) // 2, last]


def limit_of(rewards: Array, arm: ArmView) -> Array | None:
    """Weights (seeds, n) under the limit, each seed's own; None where a seed's sample does not tell it."""
    assert arm.curation is not None, "the figure shows rewards"
    mixing = infinite(arm.regime, arm.real_fraction)
    weights = [limit_weights(r, arm.supremum, arm.curation, mixing) for r in rewards]
    of_seeds = [w for w in weights if w is not None]
    return np.stack(of_seeds) if len(of_seeds) == len(weights) else None


def make_row(arm: ArmView, samples: list[Array], limit: Array | None, frame: Frame) -> Row:
    """Compute one arm's densities.

    `samples` are the shown generations', each (seeds, n, 2), the seeds pooled; `limit` (seeds, n) are weights of those
    of generation 0.
    """
    first = samples[0].reshape(-1, 2)
    return Row(
        title=words.arm_title(arm.title),
        generations=[density(x.reshape(-1, 2), frame) for x in samples],
        limit=None if limit is None else density(first, frame, limit.ravel() / limit.sum()),
        rewards=reward_on_grid(arm.reward, frame),
        supremum=arm.supremum,
    )


@styled
def picture(rows: list[Row], generations: list[int], frame: Frame) -> Figure:
    """Draw a grid of densities: arms down, `generations` and the limit across, one colour scale for all."""
    columns = len(generations) + 1
    side = DOUBLE_COLUMN / columns - 0.06
    height = len(rows) * (side * frame.aspect + 2 * HALF_GAP) + 0.65
    figure = new_figure(DOUBLE_COLUMN, height, vertical=HALF_GAP)
    grid = figure.subplots(len(rows), columns, squeeze=False)
    scale = colour_scale([panel for row in rows for panel in [*row.generations, row.limit] if panel is not None])
    for row, line in zip(rows, grid, strict=True):
        for axes, values in zip(line, [*row.generations, row.limit], strict=True):
            if values is None:
                axes.set_axis_off()
                axes.text(0.5, 0.5, "no sample\nat $r = r^*$", ha="center", va="center", transform=axes.transAxes)
                continue
            image = draw_density(axes, values, frame, scale)
            if row.rewards is not None:
                draw_level_sets(axes, row.rewards, frame, row.supremum)
        heading = line[0].annotate(row.title, (0, 1), (0, 2.5), xycoords="axes fraction", textcoords="offset points")
        heading.set(fontsize=7.5, in_layout=False)
    above = {"fontsize": 7.5, "pad": 14, "color": INK, "fontweight": "bold"}
    for axes, generation in zip(grid[0], generations, strict=False):
        axes.set_title(f"generation {generation}" if generation else "$p_0$, generation 0", **above)
    grid[0, -1].set_title(rf"limit $p{words.STAR}$", **above)
    bar = figure.colorbar(
        image, ax=grid, location="bottom", aspect=1.5 * DOUBLE_COLUMN / BAR, fraction=BAR / height, pad=0.01
    )
    bar.set_label("density (colour follows its cube root)", fontsize=7.5)
    bar.outline.set_linewidth(0.4)
    return figure


def caption(study: StudyView, rows: list[Row], frame: Frame, seeds: int, samples: int, outside: float) -> str:
    """Say what `picture` shows.

    Of each seed a panel has so many `samples`; `outside` is the largest share of them that lies beyond the frame.
    """
    level_sets = (
        "Thin lines: level sets of the reward, evenly spaced; the firm line encloses the highest level set r = r*."
        if any(row.rewards is not None for row in rows)
        else "Level sets of the reward are not drawn, because it asks a network."
    )
    return words.paragraph(
        "Densities of the generated samples over generations, a row for each arm, all on one colour scale.",
        f"Each panel pools {samples:,} samples of each of {words.replicates(seeds)}, smoothed with a Gaussian kernel "
        f"of standard deviation {frame.bandwidth:.2g}; "
        + (f"up to {words.percent(outside)} of a panel's samples lie" if outside else "no sample lies")
        + " outside the frame.",
        level_sets,
        "Right column: the infinite-capacity limit p*, made from the samples of generation 0 by reweighting. Without "
        "real data (λ = ∞) it is p_0 restricted to r = r*; with real data it is the fixed point of the forecast; "
        "without a choice (K = 1) it is p_0 itself.",
        _effect(study.arms),
        words.answers(study),
    )


def _effect(arms: Mapping[str, ArmView]) -> str:
    """What to see, for the kinds of arm that are there."""
    curated = [arm for arm in arms.values() if arm.is_curated]
    effects = []
    if any(arm.real_fraction == 0 for arm in curated):
        effects.append("whether curation without real data concentrates on the favoured region and how fast")
    if any(arm.real_fraction > 0 for arm in curated):
        effects.append("whether real data in every training set keep the rest alive")
    if len(curated) < len(arms):
        effects.append("whether retraining without curation leaves the density as it was")
    return f"What to look for: {words.listed(effects)}."
