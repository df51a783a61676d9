"""Animation: densities of a few arms side by side, one frame for each generation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recurate.curation.parts.reward_moments import one_number
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
from recurate.figures.parts.mathematics import text_where_it_does_not_parse
from recurate.figures.parts.series import per_arm
from recurate.figures.parts.style import LEVEL_SET, density_colours, new_figure, styled
from recurate.figures.parts.view import ArmView, StudyView
from recurate.files.arrays import read_arrays
from recurate.files.writing import replacing
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from matplotlib.colors import PowerNorm
    from matplotlib.figure import Figure
    from PIL.Image import Image

    from recurate.foundation.types import Array

MOST_ARMS = 3
DOTS_PER_INCH = 120
MILLISECONDS, MILLISECONDS_AT_END = 900, 2500
SHADES = {"density": 176, "text": 32, "line": 32}  # of the 256 colours a GIF may have


class Animation(TrainedFigure):
    """Densities of points of the plane, a few arms side by side, one frame for each generation."""

    reads = ("samples", "curated", "real")
    animated = True
    shows_rewards = True

    def check(self, study: StudyView) -> None:
        study.check_plane()

    def draw(self, study: StudyView, files: Files) -> Animated:
        frame, names = Frame.around_real(files.real), shown_arms(study.arms)
        of_arms = per_arm(files.samples, study.generations), per_arm(files.curated, study.generations)
        densities, rewards, values, seeds = [], [], [], 0
        for (name, arm), samples, curated in zip(study.arms.items(), *of_arms, strict=True):
            if name not in names:
                continue
            rewards.append((reward_on_grid(arm.reward, frame), arm.supremum))
            x = [read_arrays(path, ["x"])["x"] for path in samples]
            seeds = len(x[0])
            densities.append([density(points.reshape(-1, 2), frame) for points in x])
            components = arm.reward.components if arm.reward else ()
            measured = [one_number(read_arrays(path, ["reward"])["reward"], components) for path in curated]
            values.append([float(np.exp(r.astype(np.float64) - arm.supremum).mean()) for r in measured])
        titles = [words.arm_title(study.arms[name].title) for name in names]
        return Animated(frames(titles, densities, rewards, values, frame), caption(study, names, frame, seeds))


@dataclass(frozen=True)
class Animated:
    """Frames of one size, and their caption."""

    frames: list[Image]
    caption: str

    def save(self, paths: Sequence[str]) -> None:
        """Write the frames as GIF."""
        for path in paths:
            write_gif(path, self.frames)


def shown_arms(arms: Mapping[str, ArmView]) -> list[str]:
    """The first arms with the most common K > 1, which differ by their real data; all arms where none curates."""
    choices = Counter(arm.choices for arm in arms.values() if arm.is_curated)
    if not choices:
        return list(arms)[:MOST_ARMS]
    common = choices.most_common(1)[0][0]
    return [name for name, arm in arms.items() if arm.choices == common][:MOST_ARMS]


@styled
def draw_frame(
    titles: list[str],
    densities: list[Array],
    rewards: list[tuple[Array | None, float]],
    values: list[float],
    frame: Frame,
    scale: PowerNorm,
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
        axes.set_title(words.wrapped(title, 32))
        axes.set_xlabel(rf"{words.metric_label('exp_reward_mean')} = {value:.2f}")
    return figure


def render(figure: Figure) -> Image:
    """Pixels of a figure."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL.Image import fromarray

    figure.set_dpi(DOTS_PER_INCH)
    text_where_it_does_not_parse(figure)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return fromarray(np.asarray(canvas.buffer_rgba())[..., :3])


def colours() -> Array:
    """The colours of the animation, (n, 3) uint8: the density scale, greys for text and thin lines, the firm line's.

    A palette fitted to the frames would spend itself on the white background.
    """
    from matplotlib.colors import to_rgb

    greys = np.linspace(0, 1, SHADES["text"])[:, None].repeat(3, axis=1)
    strength = np.linspace(1, 0.2, SHADES["line"])[:, None]
    line = strength * np.array(to_rgb(LEVEL_SET)) + (1 - strength)
    scale = density_colours()(np.linspace(0, 1, SHADES["density"]))[:, :3]
    return np.rint(255 * np.concatenate([scale, greys, line])).astype(np.uint8)


def in_palette(picture: Image, palette: Array) -> Image:
    """The picture with each pixel's nearest colour of `palette` (n, 3) uint8; Pillow's own search is not exact."""
    from PIL.Image import fromarray

    pixels = np.asarray(picture)
    colours_of_picture, place = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True)
    gap = colours_of_picture[:, None].astype(np.int32) - palette.astype(np.int32)
    nearest = (gap**2).sum(axis=2).argmin(axis=1).astype(np.uint8)
    indexed = fromarray(nearest[place].reshape(pixels.shape[:2]))
    indexed.putpalette(palette.tobytes())
    return indexed


def write_gif(path: str | Path, frames: list[Image]) -> None:
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
    densities: list[list[Array]],
    rewards: list[tuple[Array | None, float]],
    values: list[list[float]],
    frame: Frame,
) -> list[Image]:
    """Render all generations; `densities` and `values` are by arm and generation, on one colour scale."""
    scale = colour_scale([panel for arm in densities for panel in arm])
    pictures = []
    for generation in range(len(densities[0])):
        now = [arm[generation] for arm in densities]
        numbers = [arm[generation] for arm in values]
        pictures.append(render(draw_frame(titles, now, rewards, numbers, frame, scale, generation)))
    return pictures


def caption(study: StudyView, names: list[str], frame: Frame, seeds: int) -> str:
    """Say what the animation shows."""
    titles = [words.arm_title(study.arms[name].title) for name in names]
    return words.paragraph(
        f"Densities of the generated samples, one frame for each of the generations 0 to {study.generations}; from "
        f"left to right: {'; '.join(titles)}.",
        f"Samples of {words.replicates(seeds)} are pooled and smoothed (standard deviation {frame.bandwidth:.2g}); one "
        "colour scale for all frames, colour follows the cube root of density.",
        "Thin lines: level sets of the reward; the firm line encloses r = r*. Below each panel: the measured "
        "E[e^(r - r*)].",
        words.REWARD_NOTE,
        words.answers(study),
    )
