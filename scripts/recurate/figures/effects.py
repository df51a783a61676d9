"""Figure: what curation did by generation, curated arms minus their controls, a panel for each metric."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from recurate.figures import Files, TrainedFigure
from recurate.figures.parts import feature_spaces, style, words
from recurate.figures.parts.series import Band, Series, read_forecast, read_metrics
from recurate.figures.parts.view import ArmView, StudyView
from recurate.theory.effects import Effect, effect_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 3
LABEL_WIDTH = 26  # characters along the width of a panel
NOTHING = (
    "no curated arm has a control; add an arm with the same mixing, retraining, reward and sampler and "
    "curation: {choices: 1}"
)
OTHER_SIZE = "let a curated arm and its control keep equally many (curation.kept)"


class Effects(TrainedFigure):
    """What curation did: curated arms minus their controls (K = 1), a panel for each metric, a line for each arm."""

    reads = ("metrics", "forecast")

    def check(self, study: StudyView) -> None:
        if not controlled(study.arms):
            reasons = [f"{name}: {arm.no_control}" for name, arm in study.arms.items() if arm.no_control]
            raise ValueError(f"{'; '.join(reasons)}; {OTHER_SIZE}" if reasons else NOTHING)

    def draw(self, study: StudyView, files: Files) -> style.Printed:
        measured, predicted = read_metrics(files.metrics), read_forecast(files.forecast, study.arms)
        return style.Printed(picture(study.arms, measured, predicted), caption(study, measured))


def controlled(arms: Mapping[str, ArmView]) -> dict[str, str]:
    """Name of the control by arm, of those that have one."""
    return {name: arm.control for name, arm in arms.items() if arm.control}


def shown_metrics(measured: Series) -> list[str]:
    """Metrics worth a panel: two of the reward, diversity, precision and recall, distances to real data."""
    common = feature_spaces.common_metrics(measured)
    families = [
        ["reward_mean"],
        ["exp_reward_mean"],
        ["share_entropy", "distinct_2"],
        feature_spaces.in_spaces("precision", common),
        feature_spaces.in_spaces("recall", common),
        [*feature_spaces.in_spaces("frechet", common), "sliced_wasserstein", "mmd_squared", "test_perplexity"],
    ]
    measured_of = ([name for name in family if name in common] for family in families)
    return [names[0] for names in measured_of if names]


@style.styled
def picture(arms: Mapping[str, ArmView], measured: Series, predicted: Series) -> Figure:
    """Draw effects on metrics of `measured`, (seeds, generations + 1) by arm and metric; `predicted` likewise."""
    metrics, pairs = shown_metrics(measured), controlled(arms)
    columns = min(COLUMNS, len(metrics))
    lines = -(-len(metrics) // columns)
    width = style.DOUBLE_COLUMN if columns > 2 else style.SINGLE_COLUMN
    figure = style.new_figure(width, lines * 1.55 + 0.5, vertical=0.05)
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True)
    for axes, metric in zip(grid.flat, metrics, strict=False):
        axes.axhline(0, color=style.INK, linewidth=0.6, zorder=1)
        for rank, (name, control) in enumerate(pairs.items()):
            effect = effect_of(measured[name][metric], measured[control][metric])
            _line(axes, rank, words.arm_title(arms[name].title), effect)
            if metric in predicted.get(name, {}) and metric in predicted.get(control, {}):
                expected = predicted[name][metric].mean(axis=0) - predicted[control][metric].mean(axis=0)
                style.draw_forecast(axes, expected, _colour(rank))
        axes.set_title(words.wrapped(words.metric_title(metric, arms), LABEL_WIDTH))
        style.generation_axis(axes, measured[next(iter(pairs))][metric].shape[1] - 1, label=False)
    style.label_lowest(grid, len(metrics))
    for axes in grid[:, 0]:
        axes.set_ylabel("arm − control")
    if any(name in predicted and control in predicted for name, control in pairs.items()):
        grid[0, 0].plot([], [], color=style.INK, linestyle="--", label="forecast")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(handles), 4 if columns > 2 else 2))
    return figure


def _colour(rank: int) -> str:
    return style.COLOURS[rank % len(style.COLOURS)]


def _line(axes: Axes, rank: int, title: str, effect: Effect) -> None:
    """Effect on one metric of one arm; beyond six arms colours come again with other markers."""
    turn, place = divmod(rank, len(style.COLOURS))
    marker = style.MARKERS[(place + turn) % len(style.MARKERS)]
    style.draw_measured(axes, Band(effect.mean, effect.low, effect.high), _colour(rank), marker, title)


def caption(study: StudyView, measured: Series) -> str:
    """Say what `picture` shows."""
    metrics, pairs = shown_metrics(measured), controlled(study.arms)
    seeds = len(measured[next(iter(pairs))][metrics[0]])
    return words.paragraph(
        "What curation did, by generation: curated arms minus their controls in "
        f"{words.listed(map(words.metric_words, metrics))}.",
        "A control is retrained likewise, on as many samples among which nobody chose (K = 1), from the same origin "
        "and with the same random numbers, so that seeds are pairs.",
        f"Solid: mean over {words.replicates(seeds)} of the difference"
        + (", with its 95 % confidence band (Student t), not corrected for their number." if seeds > 1 else "."),
        words.forecast([study.arms[name] for name in pairs], "Dashed: the same difference of forecasts."),
        words.context(study.arms, metrics),
        words.REWARD_NOTE,
        words.reference(study) if any(feature_spaces.family_and_space(metric)[0] for metric in metrics) else "",
        _ends(study.arms, measured, metrics),
        words.answers(study),
    )


def _ends(arms: Mapping[str, ArmView], measured: Series, metrics: list[str]) -> str:
    """What to see: on which metrics curation has an effect in the last generation, by its interval."""
    undecided: dict[str, list[str]] = {}
    for name, control in controlled(arms).items():
        for metric in metrics:
            effect = effect_of(measured[name][metric], measured[control][metric])
            if not (effect.low[-1] > 0 or effect.high[-1] < 0):
                undecided.setdefault(words.arm_title(arms[name].title), []).append(words.metric_words(metric))
    if not undecided:
        return "In the last generation the intervals of all panels exclude zero."
    those = "; ".join(f"{title}: {words.listed(names)}" for title, names in undecided.items())
    return f"In the last generation all intervals exclude zero but these, which are undecided: {those}."
