"""Figure: one path through the latents, decoded by every generation, a block for each arm."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from recurate.figures import contact_sheet
from recurate.figures.parts import words as text


def draw(arms: dict[str, dict[str, Any]], shown: list[int], images: np.ndarray) -> Figure:
    """Draw `images` (arms, shown generations, steps, h, w, c), a strip for each generation in `shown`."""
    labels = [f"generation {generation}" for generation in shown]
    return contact_sheet.blocks(arms, labels, [list(found) for found in images], images.shape[2], lines=1)


def caption(spec: dict[str, Any], shown: list[int], steps: int) -> str:
    """Say what `draw` shows."""
    return text.paragraph(
        f"One path through the latents, decoded by generations {text.listed(map(str, shown))}, a block for each "
        f"arm: {steps} steps that lead from one draw from the prior to the next, along great circles, so that "
        "every step is as far from the origin as draws are.",
        f"The path is the same in all blocks and strips; shown is seed {spec['seeds'][0]}, the first of "
        f"{text.replicates(len(spec['seeds']))}. Networks that start from scratch have latents of their own, so that "
        "strips compare in variety and sharpness and not image by image.",
        "What to see: whether the path still passes through different images.",
        text.answers(spec),
    )
