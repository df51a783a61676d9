"""Figure: fitted mixtures of Gaussians over generations, as densities in the plane."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from recurate.figures.parts import style
from recurate.figures.parts import words as text

HALF_WIDTH = 3.6  # of a panel, in standard deviations of the real blob
POINTS = 241
Mixture = dict[str, np.ndarray]  # weights (k,), means (k, 2), covariances (k, 2, 2)


def density(mixture: Mixture, x: np.ndarray) -> np.ndarray:
    """Density (n,) of a mixture at points (n, 2)."""
    total = np.zeros(len(x))
    for weight, mean, covariance in zip(mixture["weights"], mixture["means"], mixture["covariances"], strict=True):
        step = x - mean
        exponent = -0.5 * (step * np.linalg.solve(covariance, step.T).T).sum(axis=1)
        total += weight * np.exp(exponent) / (2 * np.pi * np.sqrt(np.linalg.det(covariance)))
    return total


@style.styled
def draw(spec: dict[str, Any], mixtures: dict[str, list[Mixture]]) -> Figure:
    """Draw a row for each arm and a column for each snapshot; every panel has its own colour scale."""
    generations = spec["snapshots"]
    side = style.DOUBLE_COLUMN / len(generations)
    figure = style.new_figure(style.DOUBLE_COLUMN, len(mixtures) * side + 0.35)
    grid = figure.subplots(len(mixtures), len(generations), squeeze=False)
    line = np.linspace(-HALF_WIDTH, HALF_WIDTH, POINTS)
    x = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    for axes, generation in zip(grid[0], generations, strict=True):
        axes.set_title(f"generation {generation:,}" if generation == generations[0] else f"{generation:,}")
    for row, found in zip(grid, mixtures.values(), strict=True):
        for axes, mixture in zip(row, found, strict=True):
            values = density(mixture, x).reshape(POINTS, POINTS)
            extent = (-HALF_WIDTH, HALF_WIDTH, -HALF_WIDTH, HALF_WIDTH)
            axes.imshow(values, origin="lower", extent=extent, cmap=style.DENSITY, vmin=0)
            for mean, covariance in zip(mixture["means"], mixture["covariances"], strict=True):
                axes.add_patch(_ellipse(mean, covariance))
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(True)
    return figure


def _ellipse(mean: np.ndarray, covariance: np.ndarray) -> Ellipse:
    """Two standard deviations around a component."""
    values, vectors = np.linalg.eigh(covariance)
    angle = np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1]))
    width, height = 4 * np.sqrt(values[::-1])
    return Ellipse(tuple(mean), width, height, angle=angle, fill=False, edgecolor=style.FORECAST, linewidth=0.8)


def caption(spec: dict[str, Any]) -> str:
    """Say what `draw` shows."""
    return text.paragraph(
        f"Densities of the mixtures fitted in generations {text.listed(f'{g:,}' for g in spec['snapshots'])}, each to "
        "samples of the one before, first seed. Ellipses: two standard deviations of each component. Panels reach "
        f"{HALF_WIDTH:g} standard deviations of the real blob from its centre; each has a colour scale of its own.",
        "What to see: the components come apart, wander and shrink until nothing of the blob is left.",
        text.answers(spec),
    )
