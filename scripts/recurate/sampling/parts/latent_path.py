"""A path through the latents of an autoencoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recurate.foundation.lazy import np
from recurate.foundation.randomness import LATENT_PATH, numpy_generator

if TYPE_CHECKING:
    from recurate.foundation.types import Array


def closed_path(latent: int, steps: int, anchors: int) -> Array:
    """A closed path (steps, latent) float32 through `anchors` draws from N(0, I), along great circles.

    Straight lines would pass nearer to the origin than a draw of many dimensions ever is.
    """
    points = numpy_generator(0, 0, LATENT_PATH).standard_normal((anchors, latent))
    places = np.linspace(0, anchors, steps, endpoint=False)
    return np.stack([_between(points[int(p)], points[(int(p) + 1) % anchors], p % 1) for p in places]).astype("float32")


def _between(start: Array, end: Array, share: float) -> Array:
    """Point at `share` of the way along the great circle; the radius changes in proportion."""
    radii = np.linalg.norm(start), np.linalg.norm(end)
    first, second = start / radii[0], end / radii[1]
    angle = np.arccos(np.clip(first @ second, -1, 1))
    direction = (np.sin((1 - share) * angle) * first + np.sin(share * angle) * second) / np.sin(angle)
    return ((1 - share) * radii[0] + share * radii[1]) * direction
