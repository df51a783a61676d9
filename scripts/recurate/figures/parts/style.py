"""One look for all figures: paper column widths, 8 pt type, colours that the colour-blind can tell apart.

Roles differ in line style and marker as well as in colour, so that a grey print keeps them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from recurate.figures.parts.mathematics import text_where_it_does_not_parse
from recurate.files.writing import replacing
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from matplotlib import RcParams
    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

    from recurate.figures.parts.series import Band
    from recurate.foundation.types import Array

SINGLE_COLUMN = 3.25  # inches
DOUBLE_COLUMN = 6.75  # inches
PNG_DOTS_PER_INCH = 200

# Six of seaborn's colour-blind palette, in an order of falling contrast with white.
COLOURS = ("#0173b2", "#d55e00", "#029e73", "#cc78bc", "#de8f05", "#56b4e9")
MARKERS = ("o", "s", "^", "D", "v", "P")
INK, GREY, PALE = "#222222", "#7F7F7F", "#BBBBBB"
MEASURED, FORECAST, BOUND = COLOURS[0], COLOURS[1], INK
LEVEL_SET = COLOURS[1]
# Metadata without dates, so that equal figures give equal bytes.
UNDATED: dict[str, dict[str, str | None]] = {"pdf": {"CreationDate": None}, "png": {"Software": None}}

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


@cache
def settings() -> RcParams:
    """Matplotlib's settings for all figures."""
    import seaborn
    from matplotlib import RcParams

    ours = {
        **seaborn.axes_style("ticks"),
        **seaborn.plotting_context("paper"),
        "font.family": "DejaVu Sans",
        "font.size": 8,
        "axes.titlesize": 8,
        "axes.labelsize": 8,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "legend.fontsize": 7.5,
        "axes.linewidth": 0.6,
        "axes.edgecolor": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "xtick.major.size": 2.5,
        "ytick.major.size": 2.5,
        "lines.linewidth": 1.2,
        "lines.markersize": 3.2,
        "lines.dashed_pattern": (3.5, 1.8),
        "lines.dotted_pattern": (1, 1.2),
        "legend.frameon": False,
        "legend.handlelength": 2.4,
        "pdf.fonttype": 42,  # TrueType, so that text in the PDF stays text
        "savefig.dpi": PNG_DOTS_PER_INCH,
    }
    return RcParams(ours)


@cache
def density_colours() -> LinearSegmentedColormap:
    """Colours of densities: luminance falls steadily from white, so that more density is darker in grey as well."""
    from matplotlib.colors import LinearSegmentedColormap

    shades = ["#FFFFFF", "#C6DDF0", "#6BAED6", "#2171B5", "#08306B", "#03132E"]
    return LinearSegmentedColormap.from_list("density", shades)


def styled(draw: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Run a drawing function with these settings and leave matplotlib's own as they were."""

    @wraps(draw)
    def inside(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        import matplotlib

        with matplotlib.rc_context(settings()):
            return draw(*args, **kwargs)

    return inside


def new_figure(width: float, height: float, horizontal: float = 0.03, vertical: float = 0.03) -> Figure:
    """An empty figure of `width` by `height` inches, outside pyplot and so without global state or a window.

    `horizontal` and `vertical` are the least margins around panels, in inches.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=horizontal, h_pad=vertical))


@dataclass(frozen=True)
class Printed:
    """A picture for print, and its caption."""

    figure: Figure
    caption: str

    def save(self, paths: Sequence[str]) -> None:
        """Write the picture as PDF or PNG."""
        save(self.figure, *paths)


@styled
def save(figure: Figure, *paths: str | Path) -> None:
    """Write a figure as PDF or PNG, as each path's suffix says; equal figures give equal bytes, no date goes in."""
    text_where_it_does_not_parse(figure)
    for path in paths:
        kind = Path(path).suffix[1:]
        with replacing(path) as temporary:
            figure.savefig(temporary, format=kind, metadata=UNDATED[kind])


def graded(count: int) -> list[str]:
    """Colours from light to dark for ordered lines; the lightest of the colour map would be lost on white."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return [to_hex(colormaps["viridis_r"](0.15 + 0.85 * rank / max(count - 1, 1))) for rank in range(count)]


def draw_measured(axes: Axes, band: Band, colour: str = MEASURED, marker: str = "o", label: str = "") -> None:
    """Solid line with markers through the means over seeds, and their confidence band where there is one."""
    generations = np.arange(len(band.mean))
    if np.isfinite(band.low).all():
        axes.fill_between(generations, band.low, band.high, color=colour, alpha=0.2, linewidth=0)
    axes.plot(generations, band.mean, color=colour, marker=marker, label=label, zorder=3)


def draw_forecast(axes: Axes, mean: Array, colour: str = FORECAST, label: str = "") -> None:
    """Dashed line through the forecast, (generations + 1,), above the measured one so that both can be seen."""
    axes.plot(np.arange(len(mean)), mean, color=colour, linestyle="--", label=label, zorder=4)


def generation_axis(axes: Axes, generations: int, label: bool = True) -> None:
    """Whole generations 0, .., `generations` on the horizontal axis."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlim(-0.03 * generations - 0.1, generations * 1.03 + 0.1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=4, steps=[1, 2, 5, 10]))
    if label:
        axes.set_xlabel("generation")


def logarithmic(axes: Axes) -> None:
    """Logarithmic vertical axis with plain numbers at 1, 2 and 5 times powers of ten."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def label_lowest(grid: Array, panels: int) -> None:
    """Name the horizontal axis below the lowest of the first `panels` panels in each column of `grid` (lines, columns).

    A label above a free place stands in it and moves no other panel.
    """
    columns = grid.shape[1]
    for place, axes in enumerate(grid.flat):
        if place >= panels:
            axes.set_axis_off()
        elif place >= panels - columns:
            axes.set_xlabel("generation")
            axes.tick_params(labelbottom=True)
            axes.xaxis.set_in_layout(place + columns >= grid.size)
