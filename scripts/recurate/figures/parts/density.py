"""Densities of two-dimensional samples: smoothed histograms on one frame that all panels of a figure share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recurate.curation.parts.reward_moments import one_number
from recurate.curation.rewards import Reward
from recurate.figures.parts.style import GREY, LEVEL_SET, density_colours
from recurate.files.arrays import read_arrays
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import PowerNorm
    from matplotlib.image import AxesImage

    from recurate.foundation.types import Array

CELLS = 160  # histogram cells along the longer side of the frame
SMOOTHING = 0.01  # standard deviation of the smoothing kernel, in units of the frame's longer side
MARGIN = 0.09  # room around the real data, in units of their extent
LEVELS = 6  # level sets of the reward
TAIL = 0.001  # share of real points on each side that need not lie inside the frame


@dataclass(frozen=True)
class Frame:
    """A rectangle of the plane, in data units, cut into square cells."""

    left: float
    right: float
    bottom: float
    top: float

    @classmethod
    def around(cls, points: Array) -> Frame:
        """Frame that holds `points` (n, 2) with some room, a few outliers aside."""
        low, high = np.quantile(points, [TAIL, 1 - TAIL], axis=0)
        room = MARGIN * (high - low).max()
        (left, bottom), (right, top) = low - room, high + room
        return cls(float(left), float(right), float(bottom), float(top))

    @classmethod
    def around_real(cls, paths: Iterable[str]) -> Frame:
        """Frame around the held-out real data of some files, each of which counts once."""
        return cls.around(np.concatenate([read_arrays(path, ["test_x"])["test_x"] for path in sorted(set(paths))]))

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, bottom, top."""
        return self.left, self.right, self.bottom, self.top

    @property
    def cell(self) -> float:
        """Side of a cell in data units."""
        return max(self.right - self.left, self.top - self.bottom) / CELLS

    @property
    def bandwidth(self) -> float:
        """Standard deviation of the smoothing kernel in data units."""
        return SMOOTHING * CELLS * self.cell

    @property
    def aspect(self) -> float:
        """Height over width."""
        return (self.top - self.bottom) / (self.right - self.left)

    def edges(self) -> tuple[Array, Array]:
        """Cell edges along both axes."""
        columns = round((self.right - self.left) / self.cell)
        rows = round((self.top - self.bottom) / self.cell)
        return np.linspace(self.left, self.right, columns + 1), np.linspace(self.bottom, self.top, rows + 1)

    def outside(self, points: Array) -> float:
        """Share of `points` (n, 2) that lie outside."""
        low, high = np.array([self.left, self.bottom]), np.array([self.right, self.top])
        return float(((points < low) | (points > high)).any(axis=1).mean())


def density(points: Array, frame: Frame, weights: Array | None = None) -> Array:
    """Smoothed histogram (rows, columns) of `points` (n, 2) per unit of area; it integrates to the mass in the frame.

    `weights` (n,) add up to 1; equal weights by default. Mass that smoothing would carry out of the frame stays inside.
    """
    from scipy.ndimage import gaussian_filter

    horizontal, vertical = frame.edges()
    shares = np.full(len(points), 1 / len(points)) if weights is None else weights
    mass, _, _ = np.histogram2d(points[:, 1], points[:, 0], bins=(vertical, horizontal), weights=shares)
    area = (horizontal[1] - horizontal[0]) * (vertical[1] - vertical[0])
    return gaussian_filter(mass, SMOOTHING * CELLS, mode="reflect") / area


def reward_on_grid(reward: Reward | None, frame: Frame) -> Array | None:
    """Rewards (rows, columns) at the cell centres of a frame; None for a reward that asks a network, or none at all."""
    if reward is None or reward.needs_judge or reward.needs_origin:
        return None
    horizontal, vertical = ((edges[1:] + edges[:-1]) / 2 for edges in frame.edges())
    points = np.stack(np.meshgrid(horizontal, vertical), axis=-1)
    rewards = reward(points.reshape(-1, 2), None)
    return one_number(rewards, reward.components).reshape(points.shape[:2])


def colour_scale(densities: list[Array]) -> PowerNorm:
    """One scale for all panels: colour goes with the cube root of density, which keeps faint modes visible."""
    from matplotlib.colors import PowerNorm

    return PowerNorm(1 / 3, vmin=0, vmax=max(float(values.max()) for values in densities))


def draw_density(axes: Axes, values: Array, frame: Frame, scale: PowerNorm) -> AxesImage:
    """Paint a density into `axes`, without ticks."""
    axes.set(xticks=[], yticks=[], aspect="equal")
    axes.spines[:].set_visible(True)
    axes.spines[:].set_linewidth(0.4)
    return axes.imshow(
        values,
        origin="lower",
        extent=frame.extent,
        norm=scale,
        cmap=density_colours(),
        interpolation="bilinear",
    )


def draw_level_sets(axes: Axes, rewards: Array, frame: Frame, supremum: float) -> None:
    """Thin lines of equal reward (rows, columns), evenly spaced in the reward, and a firm one around r = r*."""
    fall = supremum - float(rewards.min())
    if fall <= 0:
        return
    levels = supremum - fall * np.linspace(0, 1, LEVELS + 1)[-2:0:-1]
    for heights, width, colour in ((levels, 0.3, GREY), ([supremum - 1e-3 * fall], 0.8, LEVEL_SET)):
        axes.contour(
            rewards,
            levels=heights,
            linewidths=width,
            colors=[colour],
            extent=frame.extent,
            origin="lower",
            linestyles="solid",
        )
