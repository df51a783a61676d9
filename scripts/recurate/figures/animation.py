"""Animation: densities of a few arms side by side, one frame for each generation."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from recurate.figures.parts import words as text
from recurate.figures.parts.density import Frame, colour_scale, draw_density, draw_level_sets
from recurate.figures.parts.style import DENSITY, LEVEL_SET, new_figure, styled
from recurate.files.writing import replacing

MOST_ARMS = 3
DOTS_PER_INCH = 120
MILLISECONDS, MILLISECONDS_AT_END = 900, 2500
SHADES = {"density": 176, "text": 32, "line": 32}  # of the 256 colours a GIF may have


def shown_arms(arms: dict[str, dict[str, Any]]) -> list[str]:
    """The first arms with the most common K > 1, which differ by their real data; all arms where none curates."""
    choices = Counter(settings["choices"] for settings in arms.values() if settings["choices"] > 1)
    if not choices:
        return list(arms)[:MOST_ARMS]
    common = choices.most_common(1)[0][0]
    return [name for name, settings in arms.items() if settings["choices"] == common][:MOST_ARMS]


@styled
def draw_frame(
    titles: list[str],
    densities: list[np.ndarray],
    rewards: list[tuple[np.ndarray | None, float]],
    values: list[float],
    frame: Frame,
    scale: Any,
    generation: int,
) -> Figure:
    """Draw one generation.

    `densities` of the arms with `titles`, their `rewards` on the grid with r*, and their `values` of E[e^(r - r*)].
    """
    side = 2.3
    figure = new_figure(side * len(titles), side * frame.aspect + 0.75)
    figure.suptitle(f"generation {generation}", fontsize=11, fontweight="bold")
    panels = figure.subplots(1, len(titles), squeeze=False)[0]
    for axes, title, values_on_grid, (reward, supremum), value in zip(
        panels, titles, densities, rewards, values, strict=True
    ):
        draw_density(axes, values_on_grid, frame, scale)
        if reward is not None:
            draw_level_sets(axes, reward, frame, supremum)
        axes.set_title(text.wrapped(title, 32))
        axes.set_xlabel(rf"{text.metric_label('exp_reward_mean')} = {value:.2f}")
    return figure


def render(figure: Figure) -> Image.Image:
    """Pixels of a figure."""
    figure.set_dpi(DOTS_PER_INCH)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])


def colours() -> np.ndarray:
    """The colours of the animation, (n, 3) uint8: the density scale, greys for text and thin lines, the firm line's.

    A palette fitted to the frames would spend itself on the white background.
    """
    greys = np.linspace(0, 1, SHADES["text"])[:, None].repeat(3, axis=1)
    strength = np.linspace(1, 0.2, SHADES["line"])[:, None]
    line = strength * np.array(to_rgb(LEVEL_SET)) + (1 - strength)
    scale = DENSITY(np.linspace(0, 1, SHADES["density"]))[:, :3]
    return np.rint(255 * np.concatenate([scale, greys, line])).astype(np.uint8)


def in_palette(picture: Image.Image, palette: np.ndarray) -> Image.Image:
    """The picture with each pixel's nearest colour of `palette` (n, 3) uint8; Pillow's own search is not exact."""
    pixels = np.asarray(picture)
    found, place = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True)
    gap = found[:, None].astype(np.int32) - palette.astype(np.int32)
    nearest = (gap**2).sum(axis=2).argmin(axis=1).astype(np.uint8)
    indexed = Image.fromarray(nearest[place].reshape(pixels.shape[:2]))
    indexed.putpalette(palette.tobytes())
    return indexed


def write_gif(path: str | Path, frames: list[Image.Image]) -> None:
    """Write frames of one size as an endless GIF with one palette; equal frames give equal bytes."""
    indexed = [in_palette(frame, colours()) for frame in frames]
    durations = [MILLISECONDS] * (len(frames) - 1) + [MILLISECONDS_AT_END]
    with replacing(path) as temporary:
        indexed[0].save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=indexed[1:],
            duration=durations,
            loop=0,
            optimize=False,
        )


def frames(
    titles: list[str],
    densities: list[list[np.ndarray]],
    rewards: list[tuple[np.ndarray | None, float]],
    values: list[list[float]],
    frame: Frame,
) -> list[Image.Image]:
    """Render all generations; `densities` and `values` are by arm and generation, on one colour scale."""
    scale = colour_scale([panel for arm in densities for panel in arm])
    pictures = []
    for generation in range(len(densities[0])):
        now = [arm[generation] for arm in densities]
        numbers = [arm[generation] for arm in values]
        pictures.append(render(draw_frame(titles, now, rewards, numbers, frame, scale, generation)))
    return pictures


def caption(spec: dict[str, Any], names: list[str], frame: Frame, seeds: int) -> str:
    """Say what the animation shows."""
    titles = [text.arm_title(spec["arms"][name]) for name in names]
    return text.paragraph(
        f"Densities of the generated samples, one frame for each of the generations 0 to {spec['generations']}; from "
        f"left to right: {'; '.join(titles)}.",
        f"Samples of {text.replicates(seeds)} are pooled and smoothed (standard deviation {frame.bandwidth:.2g}); one "
        "colour scale for all frames, colour follows the cube root of density.",
        "Thin lines: level sets of the reward; the firm line encloses r = r*. Below each panel: the measured "
        "E[e^(r - r*)].",
        text.REWARD_NOTE,
        text.answers(spec),
    )
