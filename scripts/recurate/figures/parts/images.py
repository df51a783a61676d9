"""Images in strips and blocks, for figures that show samples as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from recurate.figures.parts import words
from recurate.figures.parts.style import DOUBLE_COLUMN, new_figure, styled
from recurate.figures.parts.view import ArmView
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from recurate.foundation.types import Array

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


def sheet(images: Array, in_line: int, lines: int = LINES) -> Array:
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
def blocks(
    arms: Mapping[str, ArmView], labels: list[str], pictures: Sequence[Sequence[Array]], in_line: int, lines: int
) -> Figure:
    """Draw a block for each arm, beside and below each other: a strip of images (n, h, w, c) for each label."""
    columns, strips = min(len(arms), MOST_BLOCKS), len(labels)
    down = -(-len(arms) // columns)
    first = sheet(pictures[0][0], in_line, lines)
    height = (DOUBLE_COLUMN - LABELS) / columns * first.shape[0] / first.shape[1] + 0.06
    figure = new_figure(DOUBLE_COLUMN, down * (strips * height + 0.25) + 0.05, horizontal=0.06)
    grid = figure.subplots(down * strips, columns, squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    for place, arm in enumerate(arms.values()):
        block, column = divmod(place, columns)
        panels = grid[block * strips : (block + 1) * strips, column]
        panels[0].set_title(words.arm_title(arm.title), fontsize=8)
        for axes, images, label in zip(panels, pictures[place], labels, strict=True):
            _strip(axes, sheet(images, in_line, lines))
            if column == 0:
                axes.set_ylabel(label, rotation=0, ha="right", va="center", labelpad=4, fontsize=7.5)
    return figure


def _strip(axes: Axes, pixels: Array) -> None:
    grey = pixels.shape[2] == 1
    axes.imshow(pixels[..., 0] if grey else pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
