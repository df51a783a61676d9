"""Figure: fitted mixtures of Gaussians over generations, as densities in the plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from recurate.figures import Files, SimulatedFigure
from recurate.figures.parts import style, words
from recurate.figures.parts.view import SimulatedView
from recurate.files.arrays import read_seed
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.patches import Ellipse

    from recurate.foundation.types import Array

HALF_WIDTH = 3.6  # of a panel, in standard deviations of the real blob
POINTS = 241


class Snapshots(SimulatedFigure):
    """Fitted mixtures of Gaussians over generations, as densities in the plane."""

    reads = ("trajectories",)

    generations: list[int] = Field(min_length=1, description="generations that are shown, of the first seed")

    @property
    def models(self) -> list[int]:
        return self.generations

    def check(self, study: SimulatedView) -> None:
        study.check_estimator("gaussian_mixture", 2)
        if not 0 <= min(self.generations) <= max(self.generations) <= study.generations:
            raise ValueError(f"generations: of {self.generations} some do not exist, the last is {study.generations}")

    def draw(self, study: SimulatedView, files: Files) -> style.Printed:
        mixtures = [[Mixture.read(path, g) for g in self.generations] for path in files.trajectories]
        return style.Printed(picture(self.generations, mixtures), caption(self.generations, study))


@dataclass(frozen=True)
class Mixture:
    """A mixture of k Gaussians: weights (k,), means (k, 2), covariances (k, 2, 2)."""

    weights: Array
    means: Array
    covariances: Array

    @classmethod
    def read(cls, path: str, generation: int) -> Mixture:
        """The mixture that was fitted to a generation of the first seed."""
        names = [f"snapshot/{generation}/{name}" for name in ("weights", "means", "covariances")]
        return cls(*read_seed(path, 0, names).values())


def density(mixture: Mixture, x: Array) -> Array:
    """Density (n,) of a mixture at points (n, 2)."""
    total = np.zeros(len(x))
    for weight, mean, covariance in zip(mixture.weights, mixture.means, mixture.covariances, strict=True):
        step = x - mean
        exponent = -0.5 * (step * np.linalg.solve(covariance, step.T).T).sum(axis=1)
        total += weight * np.exp(exponent) / (2 * np.pi * np.sqrt(np.linalg.det(covariance)))
    return total


@style.styled
def picture(generations: Sequence[int], mixtures: Sequence[Sequence[Mixture]]) -> Figure:
    """Draw a row for each arm and a column for each generation; every panel has its own colour scale."""
    side = style.DOUBLE_COLUMN / len(generations)
    figure = style.new_figure(style.DOUBLE_COLUMN, len(mixtures) * side + 0.35)
    grid = figure.subplots(len(mixtures), len(generations), squeeze=False)
    line = np.linspace(-HALF_WIDTH, HALF_WIDTH, POINTS)
    x = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    for axes, generation in zip(grid[0], generations, strict=True):
        axes.set_title(f"generation {generation:,}" if generation == generations[0] else f"{generation:,}")
    for row, of_arm in zip(grid, mixtures, strict=True):
        for axes, mixture in zip(row, of_arm, strict=True):
            values = density(mixture, x).reshape(POINTS, POINTS)
            extent = (-HALF_WIDTH, HALF_WIDTH, -HALF_WIDTH, HALF_WIDTH)
            axes.imshow(values, origin="lower", extent=extent, cmap=style.density_colours(), vmin=0)
            for mean, covariance in zip(mixture.means, mixture.covariances, strict=True):
                axes.add_patch(_ellipse(mean, covariance))
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(True)
    return figure


def _ellipse(mean: Array, covariance: Array) -> Ellipse:
    """Two standard deviations around a component."""
    from matplotlib.patches import Ellipse

    values, vectors = np.linalg.eigh(covariance)
    angle = np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1]))
    width, height = 4 * np.sqrt(values[::-1])
    return Ellipse(tuple(mean), width, height, angle=angle, fill=False, edgecolor=style.FORECAST, linewidth=0.8)


def caption(generations: Sequence[int], study: SimulatedView) -> str:
    """Say what `picture` shows."""
    return words.paragraph(
        f"Densities of the mixtures fitted in generations {words.listed(f'{g:,}' for g in generations)}, each to "
        "samples of the one before, first seed. Ellipses: two standard deviations of each component. Panels reach "
        f"{HALF_WIDTH:g} standard deviations of the real blob from its centre; each has a colour scale of its own.",
        "What to see: the components come apart, wander and shrink until nothing of the blob is left.",
        words.answers(study),
    )
