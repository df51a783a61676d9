"""Figure: how a language model and its texts change by generation, a panel for each metric, a line for each arm."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recurate.figures.parts import feature_spaces, style
from recurate.figures.parts import words as text
from recurate.figures.parts.series import Series, student_band
from recurate.foundation.errors import RecurateError

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


def shown_metrics(measured: Series) -> list[str]:
    """The metrics that have a panel; raises RecurateError if nothing was measured."""
    held = feature_spaces.held_metrics(measured)
    shown = [name for name in METRICS if name in held]
    if not shown:
        raise RecurateError(
            "figure language: nothing was measured of texts; add held_out_prediction or distinct_ngrams to the metrics"
        )
    return shown


@style.styled
def draw(arms: dict[str, dict[str, Any]], measured: Series) -> Figure:
    """Draw `measured`, (seeds, generations + 1) by arm and metric, with confidence bands."""
    metrics = shown_metrics(measured)
    columns = min(COLUMNS, len(metrics))
    lines = -(-len(metrics) // columns)
    figure = style.new_figure(style.DOUBLE_COLUMN, lines * 1.55 + 0.5, between=0.05)
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


def _panel(axes: Axes, metric: str, arms: dict[str, dict[str, Any]], measured: Series) -> None:
    for rank, (name, settings) in enumerate(arms.items()):
        # Beyond six arms colours come again with other markers.
        turn, place = divmod(rank, len(style.COLOURS))
        marker = style.MARKERS[(place + turn) % len(style.MARKERS)]
        band = student_band(measured[name][metric])
        style.draw_measured(axes, band, style.COLOURS[place], marker, text.arm_title(settings))
    axes.set_title(text.metric_label(metric))
    style.generation_axis(axes, len(band.mean) - 1, label=False)


def caption(spec: dict[str, Any], measured: Series) -> str:
    """Say what `draw` shows."""
    metrics = shown_metrics(measured)
    seeds = len(next(iter(measured.values()))[metrics[0]])
    return text.paragraph(
        f"By generation, a line for each arm: {text.listed(map(text.metric_words, metrics))}.",
        "Shares of n-grams are over all texts of a generation together." if "distinct_1" in metrics else "",
        text.bands(seeds),
        _ends(spec["arms"], measured),
        text.answers(spec),
    )


def _ends(arms: dict[str, dict[str, Any]], measured: Series) -> str:
    """What to see: the test perplexity at both ends, arm by arm."""
    metric = "test_perplexity"
    if any(metric not in measured[name] for name in arms):
        return ""
    means = {name: measured[name][metric].mean(axis=0) for name in arms}
    parts = [f"{text.arm_title(arms[name])} {mean[-1]:.3g} (from {mean[0]:.3g})" for name, mean in means.items()]
    return f"What to see: real text in the training sets keeps the test perplexity low. At the end, {'; '.join(parts)}."
