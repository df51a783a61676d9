"""Figure: quality and diversity of the samples by generation, a small panel for each metric, a line for each arm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from recurate.figures import Files, TrainedFigure
from recurate.figures.parts import feature_spaces, style, words
from recurate.figures.parts.series import Series, read_metrics, student_band
from recurate.figures.parts.view import ArmView, StudyView
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from recurate.foundation.types import Array

CONFIDENCE = "confidence_mean"
SHARES = ("precision", "recall", "coverage")  # lie between 0 and 1
LOGARITHMIC_FROM = 8  # largest mean over smallest mean of a distance
NO_MEMORY = 0.5
NOTHING = "no distance, precision or recall is measured; add metrics or take it out of the figures"


class Quality(TrainedFigure):
    """Distances to real data and what samples cover, by generation, a panel for each metric, a line for each arm."""

    reads = ("metrics",)

    def check(self, study: StudyView) -> None:
        judged = all(arm.has_judge for arm in study.arms.values())  # and so has a mean confidence
        if not (judged or study.measures("frechet", "kernel_distance", "precision_recall", "memorisation")):
            raise ValueError(NOTHING)

    def draw(self, study: StudyView, files: Files) -> style.Printed:
        measured = read_metrics(files.metrics, study.arms)
        return style.Printed(picture(study.arms, measured), caption(study, measured))


def shown_metrics(measured: Series) -> list[str]:
    """The metrics that have a panel: one feature space of each family.

    Raises RecurateError if nothing was measured.
    """
    names = feature_spaces.common_metrics(measured)
    common = [name for name in names if not _is_of_another_metric(name, names)]
    families = [feature_spaces.in_spaces(family, common) for family in feature_spaces.FAMILIES]
    families.append([name for name in common if name == CONFIDENCE])
    if not any(families):
        raise RecurateError(f"figure quality: {NOTHING}")
    return [names[0] for names in families if names]


def _is_of_another_metric(name: str, names: list[str]) -> bool:
    """Whether a memorisation is that of older tables, which could not tell copies from images never seen."""
    is_memorisation = feature_spaces.family_and_space(name)[0] == "memorisation"
    return is_memorisation and condition_of_memorisation(name) not in names


@style.styled
def picture(arms: Mapping[str, ArmView], measured: Series) -> Figure:
    """Draw `measured`, (seeds, generations + 1) by arm and metric, with confidence bands."""
    metrics = shown_metrics(measured)
    lines = 1 if len(metrics) <= 4 else 2
    columns = -(-len(metrics) // lines)
    width = style.DOUBLE_COLUMN if columns > 2 else style.SINGLE_COLUMN
    figure = style.new_figure(width, lines * 1.55 + 0.5, vertical=0.05)
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True)
    for axes, metric in zip(grid.flat, metrics, strict=False):
        _panel(axes, metric, arms, measured)
    style.label_lowest(grid, len(metrics))
    handles, labels = grid[0, 0].get_legend_handles_labels()
    if len(metrics) < grid.size:
        grid[-1, -1].legend(handles, labels, loc="center")
    else:
        figure.legend(handles, labels, loc="outside lower center", ncols=min(len(arms), 4 if columns > 2 else 2))
    return figure


def _panel(axes: Axes, metric: str, arms: Mapping[str, ArmView], measured: Series) -> None:
    bands = [student_band(measured[name][metric]) for name in arms]
    for rank, (arm, band) in enumerate(zip(arms.values(), bands, strict=True)):
        # Beyond six arms colours come again with other markers.
        turn, place = divmod(rank, len(style.COLOURS))
        marker = style.MARKERS[(place + turn) % len(style.MARKERS)]
        style.draw_measured(axes, band, style.COLOURS[place], marker, words.arm_title(arm.title))
    family, space = feature_spaces.family_and_space(metric)
    axes.set_title(feature_spaces.label(metric) if family else words.metric_label(metric), pad=11)
    below = feature_spaces.space_words(space) if family else "of the judge"
    axes.annotate(below, (0.5, 1), (0, 3), "axes fraction", "offset points", ha="center", fontsize=6, color=style.GREY)
    _scale(axes, family or metric, np.array([band.mean for band in bands]))
    style.generation_axis(axes, len(bands[0].mean) - 1, label=False)


def _scale(axes: Axes, family: str, means: Array) -> None:
    """Limits of one panel; `means` (arms, generations + 1)."""
    low, high = axes.dataLim.y0, axes.dataLim.y1
    if family in SHARES:
        axes.set_ylim(0, 1.04)
    elif family == "memorisation":
        axes.axhline(NO_MEMORY, color=style.BOUND, linestyle=":", zorder=1)
        # Never so narrow that noise around 1/2 looks like an effect.
        axes.set_ylim(min(low, NO_MEMORY - 0.06) - 0.01, max(high, NO_MEMORY + 0.06) + 0.01)
    elif family in feature_spaces.INCEPTION.values() and 0 < LOGARITHMIC_FROM * means.min() < means.max():
        style.logarithmic(axes)
        axes.set_ylim(0.8 * means.min(), 1.25 * means.max())
    elif family != CONFIDENCE:
        axes.set_ylim(min(0.0, 1.08 * low), 1.08 * high)


def caption(study: StudyView, measured: Series) -> str:
    """Say what `picture` shows."""
    metrics = shown_metrics(measured)
    seeds = len(next(iter(measured.values()))[metrics[0]])
    return words.paragraph(
        f"Quality and diversity of the samples by generation, a line for each arm: {_by_space(metrics)}.",
        _samples(study.arms),
        words.reference(study),
        words.conditions(measured, metrics),
        _nearness(measured, metrics),
        words.bands(seeds),
        _ends(study.arms, measured, metrics),
        words.answers(study),
    )


def _nearness(measured: Series, metrics: list[str]) -> str:
    """What memorisation compares, where it has a panel."""
    sizes = [
        next(iter(measured.values()))[condition_of_memorisation(metric)].flat[0]
        for metric in metrics
        if feature_spaces.family_and_space(metric)[0] == "memorisation"
    ]
    if not sizes:
        return ""
    return (
        "Memorisation: of all pairs of a sample and a held-out image, the share in which the sample lies nearer to its "
        f"nearest of all {sizes[0]:,.0f} training images (Meehan et al. 2020); dotted: 1/2, images never seen; copies "
        "have 1, samples that avoid what is rare can lie above 1/2 without copying."
    )


def condition_of_memorisation(metric: str) -> str:
    """Name of the row with the number of training data; older tables lack it, whose metric was another."""
    return f"training_samples_{feature_spaces.family_and_space(metric)[1]}"


def _by_space(metrics: list[str]) -> str:
    """ "on judge features recall, density and coverage", for each feature space."""
    groups: dict[str, list[str]] = {}
    for metric in metrics:
        family, space = feature_spaces.family_and_space(metric)
        name = feature_spaces.words(metric) if family else words.metric_words(metric)
        groups.setdefault(feature_spaces.space_words(space) if family else "", []).append(name)
    return "; ".join(
        f"on {space}, {words.listed(names)}" if space else words.listed(names) for space, names in groups.items()
    )


def _samples(arms: Mapping[str, ArmView]) -> str:
    """Sentence on the size of the sample sets."""
    sizes = sorted({arm.samples for arm in arms.values()})
    return f"Every generation has {words.listed(f'{size:,}' for size in sizes)} samples."


def _ends(arms: Mapping[str, ArmView], measured: Series, metrics: list[str]) -> str:
    """What to see: the first distance, precision and recall in the last generation, arm by arm."""
    families = ("frechet", "precision", "recall")
    chosen = [metric for metric in metrics if feature_spaces.family_and_space(metric)[0] in families]
    parts = []
    for name, arm in arms.items():
        means = [(metric, measured[name][metric].mean(axis=0)) for metric in chosen]
        ends = (f"{feature_spaces.label(metric)} {mean[-1]:.3g} (from {mean[0]:.3g})" for metric, mean in means)
        parts.append(f"{words.arm_title(arm.title)}: {', '.join(ends)}")
    look = "What to see: whether real data keep the distance and recall where they were while curation raises precision"
    return f"{look}. In the last generation, {'; '.join(parts)}." if chosen else ""
