"""Figure: the first samples of generations, a block for each arm."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recurate.figures.parts import words as text
from recurate.figures.parts.style import DOUBLE_COLUMN, new_figure, styled

LINES = 2  # most lines of images for each generation
MOST_STRIPS = 8  # below each other with so many lines; more strips have one line each
MOST_BLOCKS = 2  # arms side by side
MOST_GENERATIONS = 6
MANY_ARMS = 8  # beyond which only the first and the last generation are shown
SMALL, LARGE = 0.29, 0.42  # inches that images of few and of many pixels take at least
PIXEL = 1 / 80  # inches a pixel takes in between
LABELS = 0.85  # inches for the labels of the rows
GAP = 1  # pixels between images


def images_in_line(arms: int, pixels: int = 0) -> int:
    """How many images, `pixels` wide, fit beside each other in one arm's block; without a size, of the smallest."""
    size = min(max(SMALL, pixels * PIXEL), LARGE)
    return int((DOUBLE_COLUMN - LABELS) / min(arms, MOST_BLOCKS) / size)


def shown_generations(last: int, arms: int = 1) -> list[int]:
    """Generations 0..`last`, or at most six of them, evenly spaced, with the first and the last; of many arms these."""
    most = 2 if arms > MANY_ARMS else MOST_GENERATIONS
    return np.unique(np.linspace(0, last, min(last + 1, most)).round().astype(int)).tolist()


def lines_for(arms: int, generations: int) -> int:
    """Lines of images for each of so many shown generations, so that the sheet stays on a page."""
    strips = -(-arms // MOST_BLOCKS) * (generations + 1)
    return LINES if strips <= MOST_STRIPS else 1


def sheet(images: np.ndarray, in_line: int, lines: int = LINES) -> np.ndarray:
    """Put the first images (n, h, w, c) uint8 into `lines` lines of `in_line`, white between them; (height, width, c).

    Places without an image stay white.
    """
    _, height, width, channels = images.shape
    grid = np.full((lines * (height + GAP) - GAP, in_line * (width + GAP) - GAP, channels), 255, np.uint8)
    for place, image in enumerate(images[: lines * in_line]):
        top, left = (place // in_line) * (height + GAP), (place % in_line) * (width + GAP)
        grid[top : top + height, left : left + width] = image
    return grid


@styled
def draw(
    arms: dict[str, dict[str, Any]], real: list[np.ndarray], shown: list[int], samples: list[list[np.ndarray]]
) -> Figure:
    """Draw blocks of images: arms beside and below each other, real images and then the `shown` generations down.

    `real` holds each arm's real images (n, h, w, c), `samples` those of each arm's shown generations, likewise.
    """
    in_line, lines = images_in_line(len(arms), real[0].shape[2]), lines_for(len(arms), len(shown))
    labels = ["real, held out", *(f"generation {generation}" for generation in shown)]
    return blocks(arms, labels, [[first, *later] for first, later in zip(real, samples, strict=True)], in_line, lines)


@styled
def blocks(
    arms: dict[str, dict[str, Any]], labels: list[str], pictures: list[list[np.ndarray]], in_line: int, lines: int
) -> Figure:
    """Draw a block for each arm, beside and below each other: a strip of images (n, h, w, c) for each label."""
    columns, strips = min(len(arms), MOST_BLOCKS), len(labels)
    down = -(-len(arms) // columns)
    first = sheet(pictures[0][0], in_line, lines)
    height = (DOUBLE_COLUMN - LABELS) / columns * first.shape[0] / first.shape[1] + 0.06
    figure = new_figure(DOUBLE_COLUMN, down * (strips * height + 0.25) + 0.05, beside=0.06)
    grid = figure.subplots(down * strips, columns, squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    for place, settings in enumerate(arms.values()):
        block, column = divmod(place, columns)
        panels = grid[block * strips : (block + 1) * strips, column]
        panels[0].set_title(text.arm_title(settings), fontsize=8)
        for axes, images, label in zip(panels, pictures[place], labels, strict=True):
            _strip(axes, sheet(images, in_line, lines))
            if column == 0:
                axes.set_ylabel(label, rotation=0, ha="right", va="center", labelpad=4, fontsize=7.5)
    return figure


def _strip(axes: Axes, pixels: np.ndarray) -> None:
    grey = pixels.shape[2] == 1
    axes.imshow(pixels[..., 0] if grey else pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")


def caption(spec: dict[str, Any], seed: int, in_line: int, shape: tuple[int, ...]) -> str:
    """Say what `draw` shows; `in_line` images were read for a line, each of `shape` (h, w, c)."""
    arms, shown = len(spec["arms"]), shown_generations(spec["generations"], len(spec["arms"]))
    count = lines_for(arms, len(shown)) * min(in_line, images_in_line(arms, shape[1]))
    every = len(shown) == spec["generations"] + 1
    which = "every generation" if every else f"generations {text.listed(map(str, shown))} of {spec['generations']}"
    return text.paragraph(
        f"The first {count} samples of {which}, in the order in which they were drawn and not "
        "picked, a block for each arm; on top, as many held-out real images.",
        f"Images have {shape[0]} x {shape[1]} pixels, enlarged without smoothing. Shown is seed {seed}, the "
        f"first of {text.replicates(len(spec['seeds']))}.",
        "Generation 0 is the model fitted to real data and the same for all arms of an origin; arms share random "
        "numbers, so that images in the same place compare.",
        "What to see: which classes take over and which disappear from one generation to the next.",
        text.answers(spec),
    )
