"""Figure: rewards, diversity and distance by generation, with forecast, published bounds and control, arm by arm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from recurate.figures import Files, TrainedFigure
from recurate.figures.parts import feature_spaces, style, words
from recurate.figures.parts.series import FEW_SAMPLES, Series, read_forecast, read_metrics, student_band
from recurate.figures.parts.view import ArmView, StudyView
from recurate.foundation.lazy import np
from recurate.theory.claims import ClosedLoop, reward_bound

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from recurate.foundation.types import Array

MOST_COLUMNS = 6
MOST_ARMS = 12  # beyond which only arms in which people choose are shown
LABEL_WIDTH = 15  # characters along the height of a panel
CONTROLS = "Grey: the arm's control, retrained likewise on as many samples among which nobody chose (K = 1)."


class Trajectory(TrainedFigure):
    """Rewards, diversity and distance by generation, with forecast and published bounds; a column for each arm."""

    reads = ("metrics", "forecast")

    def draw(self, study: StudyView, files: Files) -> style.Printed:
        measured, predicted = read_metrics(files.metrics), read_forecast(files.forecast, study.arms)
        return style.Printed(picture(study.arms, measured, predicted), caption(study, measured, predicted))


def shown_metrics(measured: Series) -> list[str]:
    """Metrics worth a row: mean reward, the two that theory speaks of, one of diversity, one distance to real data."""
    common = feature_spaces.common_metrics(measured)
    families = [
        ["reward_mean"],
        ["exp_reward_mean"],
        ["exp_reward_variance"],
        ["share_entropy", *feature_spaces.in_spaces("recall", common)],
        [*feature_spaces.in_spaces("frechet", common), "sliced_wasserstein", "mmd_squared"],
    ]
    measured_of = ([name for name in family if name in common] for family in families)
    return [names[0] for names in measured_of if names]


def bound_of(arm: ArmView, metrics: Mapping[str, Array]) -> Array | None:
    """Published lower bound on E[e^(r - r*)] in generations 1..T, (T,), mean over seeds; None without a gain."""
    loop = ClosedLoop("", "", arm.choices, arm.real_fraction, arm.regime, arm.is_biased, arm.by_prompt)
    bound = reward_bound(loop, metrics) if arm.is_curated else None
    return None if bound is None else bound.mean(axis=0)


def shown_arms(arms: Mapping[str, ArmView]) -> Mapping[str, ArmView]:
    """Arms that have a column: all but controls, which stand beside their arms; of many those in which people choose.

    Without a choice the forecast stands still.
    """
    no_controls = without_controls(arms)
    choosing = {name: arm for name, arm in no_controls.items() if arm.is_curated}
    return choosing if len(no_controls) > MOST_ARMS and choosing else no_controls


def without_controls(arms: Mapping[str, ArmView]) -> Mapping[str, ArmView]:
    """Arms that are no control of another."""
    controls = {arm.control for arm in arms.values()}
    return {name: arm for name, arm in arms.items() if name not in controls}


@style.styled
def picture(arms: Mapping[str, ArmView], measured: Series, predicted: Series) -> Figure:
    """Draw metrics down and arms across; `measured` and `predicted` hold (seeds, generations + 1) by arm and metric."""
    arms = shown_arms(arms)
    controls = {name: measured[arm.control] for name, arm in arms.items() if arm.control}
    measured, predicted = ({name: of[name] for name in arms if name in of} for of in (measured, predicted))
    metrics, columns = shown_metrics(measured), min(len(arms), MOST_COLUMNS)
    blocks = -(-len(arms) // columns)
    width = style.DOUBLE_COLUMN if columns > 2 else style.SINGLE_COLUMN
    figure = style.new_figure(width, blocks * (len(metrics) * 0.95 + 0.7) + 0.45)
    grid = figure.subplots(blocks * len(metrics), columns, squeeze=False, sharex=True)
    for row, metric in enumerate(metrics * blocks):
        start = row // len(metrics) * columns
        names = list(arms)[start : start + columns]
        for axes in grid[row, len(names) :]:
            axes.set_axis_off()
        panels = grid[row, : len(names)]
        for axes, name in zip(panels, names, strict=True):
            if metric in controls.get(name, {}):
                style.draw_measured(axes, student_band(controls[name][metric]), style.GREY, marker=".")
            _panel(axes, metric, arms[name], measured[name], predicted.get(name, {}))
            if row % len(metrics) == 0:
                axes.set_title(words.wrapped(words.arm_title(arms[name].title), 17), fontsize=7.5)
            if row % len(metrics) == len(metrics) - 1:
                axes.set_xlabel("generation")
        panels[0].set_ylabel(words.wrapped(words.metric_label(metric), LABEL_WIDTH))
    _one_scale_per_metric(grid, metrics)
    figure.legend(handles=legend(arms, measured, predicted), loc="outside lower center", ncols=4 if columns > 2 else 2)
    return figure


def _panel(
    axes: Axes, metric: str, arm: ArmView, measured: Mapping[str, Array], predicted: Mapping[str, Array]
) -> None:
    band = student_band(measured[metric])
    style.draw_measured(axes, band)
    if metric in predicted:
        mean = predicted[metric].mean(axis=0)
        style.draw_forecast(axes, mean)
        few = exhausted(predicted)
        axes.plot(np.flatnonzero(few), mean[few], "x", color=style.FORECAST, markersize=5, zorder=5)
    if metric == "exp_reward_mean" and (bound := bound_of(arm, measured)) is not None:
        axes.plot(np.arange(1, len(bound) + 1), bound, color=style.BOUND, linestyle=":", marker="_", zorder=2)
    style.generation_axis(axes, len(band.mean) - 1, label=False)


def exhausted(predicted: Mapping[str, Array]) -> Array:
    """Generations (generations + 1,) in which the forecast of some seed rests on fewer than 100 effective samples."""
    return predicted["effective_sample_size"].min(axis=0) < FEW_SAMPLES


def _one_scale_per_metric(grid: Array, metrics: list[str]) -> None:
    for offset, metric in enumerate(metrics):
        panels = [axes for row in grid[offset :: len(metrics)] for axes in row if axes.axison]
        top = max(axes.dataLim.y1 for axes in panels)
        if metric == "exp_reward_mean":
            top = min(top, 1.0)
        limits = (0.0, 1.08 * top)
        if metric == "reward_mean":  # whose zero means nothing
            bottom = min(axes.dataLim.y0 for axes in panels)
            limits = (bottom - 0.08 * (top - bottom), top + 0.08 * (top - bottom))
        for axes in panels:
            axes.set_ylim(*limits)
            axes.tick_params(labelleft=axes.get_subplotspec().is_first_col())


def legend(arms: Mapping[str, ArmView], measured: Series, predicted: Series) -> list[Artist]:
    """Handles for what is drawn, and no others."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    seeds = min(len(metrics["exp_reward_mean"]) for metrics in measured.values())
    handles: list[Artist] = [
        Line2D([], [], color=style.MEASURED, marker="o", label=f"measured, {words.replicates(seeds)}")
    ]
    if seeds > 1:
        handles.append(Patch(color=style.MEASURED, alpha=0.2, linewidth=0, label="95 % band"))
    if any(arm.control for arm in arms.values()):
        handles.append(Line2D([], [], color=style.GREY, marker=".", label="control, K = 1"))
    if predicted:
        handles.append(Line2D([], [], color=style.FORECAST, linestyle="--", label="forecast"))
    if any(bound_of(arms[name], metrics) is not None for name, metrics in measured.items()):
        handles.append(Line2D([], [], color=style.BOUND, linestyle=":", marker="_", label="lower bound"))
    if any(exhausted(metrics).any() for metrics in predicted.values()):
        few = f"< {FEW_SAMPLES} samples"
        handles.append(Line2D([], [], color=style.FORECAST, linestyle="", marker="x", markersize=5, label=few))
    return handles


def caption(study: StudyView, measured: Series, predicted: Series) -> str:
    """Say what `picture` shows."""
    arms = shown_arms(study.arms)
    measured, predicted = ({name: of[name] for name in arms if name in of} for of in (measured, predicted))
    shown = shown_metrics(measured)
    bounded = any(bound_of(study.arms[name], metrics) is not None for name, metrics in measured.items())
    few = any(exhausted(metrics).any() for metrics in predicted.values())
    return words.paragraph(
        f"By generation, from top to bottom: {words.listed(map(words.metric_words, shown))}; a column for each arm.",
        CONTROLS if any(arm.control for arm in arms.values()) else "",
        "Shown are the arms in which people choose (K > 1)." if len(arms) < len(without_controls(study.arms)) else "",
        words.REWARD_NOTE,
        words.reference(study) if any(feature_spaces.family_and_space(metric)[0] for metric in shown) else "",
        words.conditions(measured, shown),
        words.bands(min(len(metrics["exp_reward_mean"]) for metrics in measured.values())),
        words.forecast([study.arms[name] for name in arms]),
        "Dotted: published lower bounds on E[e^(r - r*)], computed from measured moments. Without real data Lemma 2.2, "
        "E + (K - 1)/K Var of the generation before; with real data Theorem 2.3, a gain over generation 0."
        if bounded
        else "",
        f"Crosses: the forecast of some seed rests on fewer than {FEW_SAMPLES} effective samples." if few else "",
        _lag(measured, predicted),
        words.answers(study),
    )


def _lag(measured: Series, predicted: Series) -> str:
    """What to see: how far the trained loop is from the forecast, in the arm where it is farthest."""
    gaps = {
        name: measured[name]["exp_reward_mean"].mean(axis=0) - metrics["exp_reward_mean"].mean(axis=0)
        for name, metrics in predicted.items()
        if name in measured
    }
    if not gaps:
        return ""
    name = max(gaps, key=lambda arm: float(np.abs(gaps[arm]).max()))
    generation = int(np.abs(gaps[name]).argmax())
    gap = gaps[name][generation]
    side = "behind" if gap < 0 else "ahead of"
    return (
        "What to see: how closely the trained loop follows the forecast; what is left between them is finite "
        "capacity, finite training and what few sampling steps lose. The largest gap in E[e^(r - r*)] is "
        f"{abs(gap):.2g} {side} the forecast (arm {name}, generation {generation})."
    )
