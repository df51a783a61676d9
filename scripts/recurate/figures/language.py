"""Figure: how a language model and its texts change by generation, a panel for each metric, a line for each arm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from recurate.figures import Files, TrainedFigure
from recurate.figures.parts import feature_spaces, style, words
from recurate.figures.parts.series import Series, read_metrics, student_band
from recurate.figures.parts.view import ArmView, StudyView
from recurate.foundation.errors import RecurateError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

METRICS = (
    "test_perplexity",
    "block_perplexity_median",
    "predictive_entropy",
    "distinct_1",
    "distinct_2",
    "distinct_3",
    "vocabulary_share",
)
COLUMNS = 4
NOTHING = "nothing is measured of texts; add held_out_prediction or distinct_ngrams to the metrics"


class Language(TrainedFigure):
    """How a language model and its texts change by generation, a panel for each metric, a line for each arm."""

    reads = ("metrics",)

    def check(self, study: StudyView) -> None:
        if not study.measures("held_out_prediction", "distinct_ngrams", "perplexity_spread"):
            raise ValueError(NOTHING)
        study.check_blocks()

    def draw(self, study: StudyView, files: Files) -> style.Printed:
        measured = read_metrics(files.metrics, study.arms)
        return style.Printed(picture(study.arms, measured), caption(study, measured))


def shown_metrics(measured: Series) -> list[str]:
    """The metrics that have a panel; raises RecurateError if nothing was measured."""
    common = feature_spaces.common_metrics(measured)
    shown = [name for name in METRICS if name in common]
    if not shown:
        raise RecurateError(f"figure language: {NOTHING}")
    return shown


@style.styled
def picture(arms: Mapping[str, ArmView], measured: Series) -> Figure:
    """Draw `measured`, (seeds, generations + 1) by arm and metric, with confidence bands."""
    metrics = shown_metrics(measured)
    columns = min(COLUMNS, len(metrics))
    lines = -(-len(metrics) // columns)
    figure = style.new_figure(style.DOUBLE_COLUMN, lines * 1.55 + 0.5, vertical=0.05)
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True)
    for axes, metric in zip(grid.flat, metrics, strict=False):
        _panel(axes, metric, arms, measured)
    style.label_lowest(grid, len(metrics))
    handles, labels = grid[0, 0].get_legend_handles_labels()
    if len(metrics) < grid.size and len(arms) <= 6:
        grid[-1, -1].legend(handles, labels, loc="center")
    else:
        figure.legend(handles, labels, loc="outside lower center", ncols=min(len(arms), 4))
    return figure


def _panel(axes: Axes, metric: str, arms: Mapping[str, ArmView], measured: Series) -> None:
    for rank, (name, arm) in enumerate(arms.items()):
        # Beyond six arms colours come again with other markers.
        turn, place = divmod(rank, len(style.COLOURS))
        marker = style.MARKERS[(place + turn) % len(style.MARKERS)]
        band = student_band(measured[name][metric])
        style.draw_measured(axes, band, style.COLOURS[place], marker, words.arm_title(arm.title))
    axes.set_title(words.metric_title(metric, arms))
    style.generation_axis(axes, len(band.mean) - 1, label=False)


def caption(study: StudyView, measured: Series) -> str:
    """Say what `picture` shows."""
    metrics = shown_metrics(measured)
    seeds = len(next(iter(measured.values()))[metrics[0]])
    return words.paragraph(
        f"By generation, a line for each arm: {words.listed(map(words.metric_words, metrics))}.",
        words.context(study.arms, metrics),
        "Shares of n-grams are over all texts of a generation together." if "distinct_1" in metrics else "",
        words.bands(seeds),
        _ends(study.arms, measured),
        words.answers(study),
    )


def _ends(arms: Mapping[str, ArmView], measured: Series) -> str:
    """What to see: the test perplexity at both ends, arm by arm."""
    metric = "test_perplexity"
    if any(metric not in measured[name] for name in arms):
        return ""
    means = {name: measured[name][metric].mean(axis=0) for name in arms}
    parts = [f"{words.arm_title(arms[name].title)} {mean[-1]:.3g} (from {mean[0]:.3g})" for name, mean in means.items()]
    return f"What to see: real text in the training sets keeps the test perplexity low. At the end, {'; '.join(parts)}."
