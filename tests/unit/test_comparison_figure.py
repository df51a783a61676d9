"""The figure that compares many arms in groups."""

from __future__ import annotations

import numpy as np
import pytest
from figure_setup import arm_view, study_view

from recurate.figures import comparison, trajectory
from recurate.figures.parts.series import Series
from recurate.foundation.errors import RecurateError

ALPHAS = ("0", "0.5", "1")
ARMS = {
    f"{panel}_{alpha}": arm_view(title=f"{panel}, α = {alpha}", panel=panel, choices=1)
    for panel in ("fresh", "accumulated")
    for alpha in ALPHAS
}
VIEW = study_view(ARMS, answers="Somebody 2026, figure 7", reference={"split": "test", "samples": 2000})
METRICS = ("frechet_pixels", "frechet_judge", "precision_judge", "recall_judge")


def made(*names: str, seeds: int = 3) -> Series:
    """Values (seeds, 4) by arm and metric, of every arm its own."""
    generator = np.random.default_rng(0)
    return {
        arm: {name: generator.uniform(0.4, 0.6, (seeds, 4)) + rank for name in names} for rank, arm in enumerate(ARMS)
    }


def test_metrics_go_down_groups_across_and_every_arm_has_a_line() -> None:
    measured = made(*METRICS)
    axes = comparison.picture(ARMS, measured).axes
    assert len(axes) == 8
    assert [a.get_title() for a in axes[:2]] == ["fresh", "accumulated"]
    labels = [axes[2 * row].get_ylabel().replace("\n", " ") for row in range(4)]
    assert labels == [
        "Fréchet distance, judge features",
        "Fréchet distance, raw pixels",
        "precision, judge features",
        "recall, judge features",
    ]
    for place, panel in enumerate(("fresh", "accumulated")):
        lines = np.array([line.get_ydata() for line in axes[2 + place].lines]).reshape(3, 4, 4)
        values = np.array([measured[f"{panel}_{alpha}"]["frechet_pixels"] for alpha in ALPHAS])
        np.testing.assert_allclose(lines[:, :3], values)
        np.testing.assert_allclose(lines[:, 3], values.mean(axis=1))


def test_one_legend_names_lines_without_their_group() -> None:
    (legend,) = comparison.picture(ARMS, made(*METRICS)).legends
    assert [text.get_text() for text in legend.get_texts()] == [f"α = {alpha}" for alpha in ALPHAS]


def test_groups_with_other_lines_have_legends_of_their_own_where_there_is_room() -> None:
    arms = {**ARMS, "fresh_0": arm_view(title="another", panel="fresh", choices=1)}
    figure = comparison.picture(arms, made(*METRICS))
    assert not figure.legends
    assert [len(axes.get_legend().get_texts()) for axes in figure.axes[4:6]] == [3, 3]  # precision


def test_the_caption_says_which_distance_and_which_published_figure() -> None:
    caption = comparison.caption(VIEW, made(*METRICS))
    assert "Fréchet distance to real data on raw pixels" in caption
    assert "Answers: Somebody 2026, figure 7." in caption
    assert "at most 2,000 held-out real data" in caption


def test_nothing_to_compare_is_one_clear_error() -> None:
    with pytest.raises(RecurateError, match="figure comparison: no distance, precision or recall is measured"):
        comparison.picture(ARMS, made("reward_mean"))


@pytest.mark.parametrize(("count", "shown"), [(12, 12), (13, 2)])
def test_of_many_arms_the_trajectory_shows_those_in_which_people_choose(count: int, shown: int) -> None:
    arms = {f"arm_{number}": arm_view(choices=4 if number < 2 else 1) for number in range(count)}
    assert list(trajectory.shown_arms(arms)) == list(arms)[:shown]
