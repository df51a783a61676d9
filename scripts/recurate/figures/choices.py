"""Figure: how fast the reward rises with K, the number of samples a curator chooses from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from recurate.figures import Files, TrainedFigure
from recurate.figures.parts import style, words
from recurate.figures.parts.series import Series, read_forecast, read_metrics, student_band
from recurate.figures.parts.view import ArmView, StudyView
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

METRIC = "exp_reward_mean"


class Choices(TrainedFigure):
    """E[e^(r - r*)] without real data, by generation, and by the number K of samples a curator chooses from."""

    reads = ("metrics", "forecast")

    def check(self, study: StudyView) -> None:
        if not swept_arms(study.arms):
            raise ValueError("no arm without real data (lambda: .inf) chooses one of K; add one or drop the figure")

    def draw(self, study: StudyView, files: Files) -> style.Printed:
        measured, predicted = read_metrics(files.metrics, study.arms), read_forecast(files.forecast, study.arms)
        return style.Printed(picture(study.arms, measured, predicted), caption(study, measured))


def swept_arms(arms: Mapping[str, ArmView]) -> list[str]:
    """Arms without real data in which people choose one of K, by rising K."""
    pure = {name: arm.choices for name, arm in arms.items() if arm.real_fraction == 0 and arm.choices is not None}
    return sorted(pure, key=pure.__getitem__)


def shown_generations(last: int) -> list[int]:
    """Generations whose value is shown against K: the first retrained one, one in the middle, the last."""
    return sorted({1, -(-last // 2), last})


@style.styled
def picture(arms: Mapping[str, ArmView], measured: Series, predicted: Series) -> Figure:
    """Draw E[e^(r - r*)] by generation, a line for each K, and by K, a line for each of a few generations."""
    names = swept_arms(arms)
    figure = style.new_figure(style.DOUBLE_COLUMN, 2.35)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1.25, 1])
    labels, colours = _labels(arms, names), style.graded(len(names))
    for rank, name in enumerate(names):
        marker = style.MARKERS[rank % len(style.MARKERS)]
        style.draw_measured(left, student_band(measured[name][METRIC]), colours[rank], marker, labels[rank])
        if name in predicted:
            style.draw_forecast(left, predicted[name][METRIC].mean(axis=0), colours[rank])
    last = measured[names[0]][METRIC].shape[1] - 1
    style.generation_axis(left, last)
    left.set(ylabel=words.metric_label(METRIC), ylim=(0, 1.05))
    if any(name in predicted for name in names):
        left.plot([], [], color=style.INK, linestyle="--", label="forecast")
    left.legend(loc="best")
    _against_choices(
        right, [k for name in names if (k := arms[name].choices) is not None], names, measured, predicted, last
    )
    return figure


def _against_choices(
    axes: Axes, choices: list[float], names: list[str], measured: Series, predicted: Series, last: int
) -> None:
    from matplotlib.ticker import FixedLocator, NullLocator

    largest = max((k for k in choices if np.isfinite(k)), default=1)
    position = np.array([4 * largest if np.isinf(k) else k for k in choices])
    for rank, generation in enumerate(shown_generations(last)):
        colour, marker = style.COLOURS[rank], style.MARKERS[rank]
        values = [student_band(measured[name][METRIC]) for name in names]
        mean = np.array([band.mean[generation] for band in values])
        half = np.array([band.high[generation] - band.mean[generation] for band in values])
        axes.errorbar(
            position, mean, np.nan_to_num(half), color=colour, marker=marker, capsize=2, label=f"after {generation}"
        )
        if all(name in predicted for name in names):
            expected = [predicted[name][METRIC].mean(axis=0)[generation] for name in names]
            axes.plot(position, expected, color=colour, linestyle="--", zorder=4)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(list(position)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(position, [words.choices_text(k) for k in choices])
    axes.set_xlabel("K, samples to choose from")
    axes.legend(title="generations", title_fontsize=7.5, loc="best")


def _labels(arms: Mapping[str, ArmView], names: list[str]) -> list[str]:
    """ "K = 4", or the arm's title where several arms share a K."""
    count = Counter(arms[name].choices for name in names)
    return [
        f"K = {words.choices_text(arms[name].choices)}"
        if count[arms[name].choices] == 1
        else words.arm_title(arms[name].title)
        for name in names
    ]


def caption(study: StudyView, measured: Series) -> str:
    """Say what `picture` shows."""
    arms, names = study.arms, swept_arms(study.arms)
    values = measured[names[0]][METRIC]
    shown = shown_generations(values.shape[1] - 1)
    after = [
        f"{measured[name][METRIC].mean(axis=0)[1]:.2f} for K = {words.choices_text(arms[name].choices)}"
        for name in names
    ]
    return words.paragraph(
        "How fast curation without real data raises the reward, by the number K of samples a curator chooses from. "
        f"Left: E[e^(r - r*)] over generations. Right: against K, after {words.listed(map(str, shown))} generations.",
        words.REWARD_NOTE,
        words.bands(len(values)) + (" Bars on the right: the same interval." if len(values) > 1 else ""),
        words.forecast([arms[name] for name in names]),
        "What to look for: whether more choice makes the reward rise faster; after one generation the value is "
        f"{words.listed(after)}, from {values[:, 0].mean():.2f} in generation 0.",
        words.answers(study),
    )
