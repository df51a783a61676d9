"""Figure: the first samples of every generation, a block for each arm."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from recurate.figures import text
from recurate.figures.style import DOUBLE_COLUMN, new_figure, styled

LINES = 2  # lines of images for each generation
MOST_BLOCKS = 2  # arms side by side
SMALL = 0.29  # inches an image takes at least
LABELS = 0.85  # inches for the labels of the rows
GAP = 1  # pixels between images


def images_in_line(arms: int) -> int:
    """How many images fit beside each other in one arm's block."""
    return int((DOUBLE_COLUMN - LABELS) / min(arms, MOST_BLOCKS) / SMALL)


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
def draw(arms: dict[str, dict[str, Any]], real: list[np.ndarray], samples: list[list[np.ndarray]]) -> Figure:
    """Draw blocks of images: arms beside and below each other, real images and then generations down.

    `real` holds each arm's real images (n, h, w, c), `samples` each arm's generations, images likewise.
    """
    columns, in_line = min(len(arms), MOST_BLOCKS), images_in_line(len(arms))
    blocks, strips = -(-len(arms) // columns), len(samples[0]) + 1
    first = sheet(real[0], in_line)
    height = (DOUBLE_COLUMN - LABELS) / columns * first.shape[0] / first.shape[1] + 0.06
    figure = new_figure(DOUBLE_COLUMN, blocks * (strips * height + 0.25) + 0.05, beside=0.06)
    grid = figure.subplots(blocks * strips, columns, squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    for place, settings in enumerate(arms.values()):
        block, column = divmod(place, columns)
        panels = grid[block * strips : (block + 1) * strips, column]
        panels[0].set_title(text.arm_title(settings), fontsize=8)
        for row, (axes, images) in enumerate(zip(panels, [real[place], *samples[place]], strict=True)):
            strip = sheet(images, in_line)
            axes.imshow(
                strip[..., 0] if strip.shape[2] == 1 else strip, cmap="gray", vmin=0, vmax=255, interpolation="nearest"
            )
            if column == 0:
                label = f"generation {row - 1}" if row else "real, held out"
                axes.set_ylabel(label, rotation=0, ha="right", va="center", labelpad=4, fontsize=7.5)
    return figure


def caption(spec: dict[str, Any], seed: int, in_line: int, shape: tuple[int, ...]) -> str:
    """Say what `draw` shows; `shape` (h, w, c) of one image."""
    return text.paragraph(
        f"The first {LINES * in_line} samples of every generation, in the order in which they were drawn and not "
        "picked, a block for each arm; on top, as many held-out real images.",
        f"Images have {shape[0]} x {shape[1]} pixels, enlarged without smoothing. Shown is seed {seed}, the "
        f"first of {text.replicates(len(spec['seeds']))}.",
        "Generation 0 is the model fitted to real data and the same for all arms of an origin; arms share random "
        "numbers, so that images in the same place compare.",
        "What to see: which classes take over and which disappear from one generation to the next.",
        text.answers(spec),
    )
