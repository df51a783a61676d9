"""Figure: the first samples of generations, a block for each arm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from recurate.figures import Files, TrainedFigure
from recurate.figures.parts import words
from recurate.figures.parts.images import LINES, blocks, images_in_line, lines_for, shown_generations
from recurate.figures.parts.series import per_arm
from recurate.figures.parts.style import Printed, styled
from recurate.figures.parts.view import ArmView, StudyView
from recurate.files.arrays import read_arrays, read_seed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from recurate.foundation.types import Array


class ContactSheet(TrainedFigure):
    """The first images of generations, not picked, a block for each arm, with as many held-out real images on top."""

    reads = ("samples", "real")

    def check(self, study: StudyView) -> None:
        study.check_images()
        for arm in study.arms.values():
            if arm.shape[-1] not in (1, 3):
                raise ValueError(f"shows images of one or three channels, those of {arm.origin} have {arm.shape[-1]}")

    def draw(self, study: StudyView, files: Files) -> Printed:
        in_line = images_in_line(len(study.arms))
        count = LINES * in_line
        real = [read_arrays(path, ["test_x"])["test_x"][:count] for path in files.real]
        shown = shown_generations(study.generations, len(study.arms))
        # Copies of the few images shown, so that whole sample sets do not stay in memory.
        samples = [
            [read_seed(paths[t], 0, ["x"])["x"][:count].copy() for t in shown]
            for paths in per_arm(files.samples, study.generations)
        ]
        below = caption(study, study.seeds[0], in_line, real[0].shape[1:])
        return Printed(picture(study.arms, real, shown, samples), below)


@styled
def picture(arms: Mapping[str, ArmView], real: list[Array], shown: list[int], samples: list[list[Array]]) -> Figure:
    """Draw blocks of images: arms beside and below each other, real images and then the `shown` generations down.

    `real` holds each arm's real images (n, h, w, c), `samples` those of each arm's shown generations, likewise.
    """
    in_line, lines = images_in_line(len(arms), real[0].shape[2]), lines_for(len(arms), len(shown))
    labels = ["real, held out", *(f"generation {generation}" for generation in shown)]
    return blocks(arms, labels, [[first, *later] for first, later in zip(real, samples, strict=True)], in_line, lines)


def caption(study: StudyView, seed: int, in_line: int, shape: tuple[int, ...]) -> str:
    """Say what `picture` shows; `in_line` images were read for a line, each of `shape` (h, w, c)."""
    arms, shown = len(study.arms), shown_generations(study.generations, len(study.arms))
    count = lines_for(arms, len(shown)) * min(in_line, images_in_line(arms, shape[1]))
    every = len(shown) == study.generations + 1
    which = "every generation" if every else f"generations {words.listed(map(str, shown))} of {study.generations}"
    return words.paragraph(
        f"The first {count} samples of {which}, in the order in which they were drawn and not "
        "picked, a block for each arm; on top, as many held-out real images.",
        f"Images have {shape[0]} x {shape[1]} pixels, enlarged without smoothing. Shown is seed {seed}, the "
        f"first of {words.replicates(len(study.seeds))}.",
        "Generation 0 is the model fitted to real data and the same for all arms of an origin; arms share random "
        "numbers, so that images in the same place compare.",
        "What to see: which classes take over and which disappear from one generation to the next.",
        words.answers(study),
    )
