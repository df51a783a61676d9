"""Figure: one path through the latents, decoded by every generation, a block for each arm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from recurate.figures import Files, TrainedFigure
from recurate.figures.parts import words
from recurate.figures.parts.images import blocks, shown_generations
from recurate.figures.parts.style import Printed
from recurate.figures.parts.view import ArmView, StudyView
from recurate.files.arrays import read_arrays

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from recurate.foundation.types import Array


class Traversals(TrainedFigure):
    """One path through the latents as images, a strip for each generation, a block for each arm."""

    reads = ("traversed",)

    def check(self, study: StudyView) -> None:
        study.check_autoencoders()
        study.check_images()

    def draw(self, study: StudyView, files: Files) -> Printed:
        shown = shown_generations(study.generations)
        images = [strips[shown] for strips in read_arrays(files.traversed, list(study.arms)).values()]
        return Printed(picture(study.arms, shown, images), caption(study, shown, images[0].shape[1]))


def picture(arms: Mapping[str, ArmView], shown: list[int], images: list[Array]) -> Figure:
    """Draw the `images` of every arm, (shown generations, steps, h, w, c), a strip for each generation in `shown`."""
    labels = [f"generation {generation}" for generation in shown]
    return blocks(arms, labels, [list(of_arm) for of_arm in images], images[0].shape[1], lines=1)


def caption(study: StudyView, shown: list[int], steps: int) -> str:
    """Say what `picture` shows."""
    return words.paragraph(
        f"One path through the latents, decoded by generations {words.listed(map(str, shown))}, a block for each "
        f"arm: {steps} steps that lead from one draw from the prior to the next, along great circles, so that "
        "every step is as far from the origin as draws are.",
        f"The path is the same in all blocks and strips; shown is seed {study.seeds[0]}, the first of "
        f"{words.replicates(len(study.seeds))}. Networks that start from scratch have latents of their own, so that "
        "strips compare in variety and sharpness and not image by image.",
        "What to see: whether the path still passes through different images.",
        words.answers(study),
    )
