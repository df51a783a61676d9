"""Metrics in feature spaces: the quality figure draws their means, and every label says which space."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.stats
from figure_setup import arm_view, study_view

from recurate.figures import quality, shares, trajectory
from recurate.figures.parts import words as text
from recurate.figures.parts.series import Series
from recurate.foundation.errors import RecurateError
from recurate.report import report

SEEDS, GENERATIONS = 3, 4
ARMS = {
    "pure": arm_view(title="curated, K = 4"),
    "mixed": arm_view(title="mixed, lambda = 1/2", real_fraction=2 / 3, regime="augmentation"),
}
VIEW = study_view(ARMS)
REWARDS = ("reward_mean", "exp_reward_mean", "exp_reward_variance")
JUDGE = ("frechet_judge", "precision_judge", "recall_judge", "density_judge", "coverage_judge", "memorisation_judge")
CONDITIONS = {"neighbours_judge": 5.0, "manifold_samples_judge": 2000.0, "training_samples_judge": 60_000.0}


def made(*names: str, **constants: float) -> Series:
    """Values of two arms, (seeds, generations + 1) by metric: some that vary by seed and generation, some constant."""
    generator = np.random.default_rng(0)
    shape = (SEEDS, GENERATIONS + 1)
    return {
        arm: {name: generator.uniform(0.4, 0.6, shape) for name in names}
        | {name: np.full(shape, value) for name, value in constants.items()}
        for arm in ARMS
    }


def heads(figure: Any) -> list[tuple[str, str]]:
    """Title and feature space of every panel."""
    return [(axes.get_title(), axes.texts[0].get_text()) for axes in figure.axes if axes.get_title()]


def test_each_family_has_one_panel_and_says_its_space() -> None:
    measured = made("recall_data", *JUDGE, "frechet_efficientnet_lite0", "kid", "kernel_distance_judge", **CONDITIONS)
    assert heads(quality.picture(ARMS, measured)) == [
        ("Fréchet distance", "EfficientNet-Lite0 features"),
        ("KID", "Inception features"),
        ("precision", "judge features"),
        ("recall", "raw data"),
        ("density", "judge features"),
        ("coverage", "judge features"),
        ("memorisation", "judge features"),
    ]


@pytest.mark.parametrize(
    ("held", "chosen"),
    [
        (("frechet_judge", "frechet_efficientnet_lite0", "fid"), "fid"),
        (("frechet_judge", "frechet_efficientnet_lite0"), "frechet_efficientnet_lite0"),
        (("frechet_my_network", "frechet_judge"), "frechet_judge"),
        (("sliced_wasserstein", "frechet_my_network"), "frechet_my_network"),
        (("mmd_squared", "sliced_wasserstein"), "sliced_wasserstein"),
    ],
)
def test_trajectory_prefers_the_most_general_features(held: tuple[str, ...], chosen: str) -> None:
    measured = made("recall_data", "recall_judge", *REWARDS, *held)
    assert trajectory.shown_metrics(measured) == [*REWARDS, "recall_data", chosen]


def test_a_metric_that_one_arm_lacks_is_not_shown() -> None:
    measured = made("fid", "frechet_judge")
    del measured["mixed"]["fid"]
    assert quality.shown_metrics(measured) == ["frechet_judge"]


def test_memorisation_says_what_it_is_and_older_tables_whose_metric_was_another_have_no_panel() -> None:
    measured = made(*JUDGE, **CONDITIONS)
    said = quality.caption(VIEW, measured)
    assert "nearer to its nearest of all 60,000 training images (Meehan et al. 2020); dotted: 1/2" in said
    older = made(*JUDGE, **{name: value for name, value in CONDITIONS.items() if "training" not in name})
    assert "memorisation_judge" not in quality.shown_metrics(older)
    assert "emorisation" not in quality.caption(VIEW, older)


def test_nothing_to_show_is_one_clear_error() -> None:
    with pytest.raises(RecurateError, match="figure quality"):
        quality.picture(ARMS, made(*REWARDS))


def test_lines_and_bands_are_means_and_t_intervals_of_scipy() -> None:
    measured = made("recall_judge")
    (axes,) = (axes for axes in quality.picture(ARMS, measured).axes if axes.get_title() == "recall")
    for name, line, band in zip(ARMS, axes.get_lines(), axes.collections, strict=True):
        values = measured[name]["recall_judge"]
        np.testing.assert_allclose(line.get_ydata(), values.mean(axis=0))
        interval = scipy.stats.ttest_1samp(values, 0.0, axis=0).confidence_interval(0.95)
        edges = {(x, round(y, 9)) for x, y in band.get_paths()[0].vertices}
        assert {(g, round(y, 9)) for side in interval for g, y in enumerate(side)} <= edges


def test_arms_keep_their_order_and_beyond_six_differ_by_marker() -> None:
    arms = {f"a{number}": ARMS["pure"] for number in range(8)}
    measured = {name: made("fid")["pure"] for name in arms}
    lines = quality.picture(arms, measured).axes[0].get_lines()
    assert len({(line.get_color(), line.get_marker()) for line in lines}) == 8


@pytest.mark.parametrize(("growth", "scale"), [(3.0, "log"), (1.2, "linear")])
def test_a_distance_that_grows_by_orders_of_magnitude_is_logarithmic(growth: float, scale: str) -> None:
    measured = made("fid")
    measured["pure"]["fid"] = measured["pure"]["fid"] * growth ** np.arange(GENERATIONS + 1)
    assert quality.picture(ARMS, measured).axes[0].get_yscale() == scale


def test_an_unbiased_kernel_distance_below_zero_stays_in_its_panel() -> None:
    measured = made("kernel_distance_judge")
    measured["mixed"]["kernel_distance_judge"] = measured["mixed"]["kernel_distance_judge"] - 0.55
    axes = quality.picture(ARMS, measured).axes[0]
    assert axes.get_yscale() == "linear"
    assert axes.get_ylim()[0] < measured["mixed"]["kernel_distance_judge"].mean(axis=0).min()


def test_caption_states_neighbours_points_samples_and_reference() -> None:
    arms = {name: arm.model_copy(update={"samples": 50_000}) for name, arm in ARMS.items()}
    view = study_view(arms, reference={"split": "train", "samples": 10_000})
    caption = quality.caption(view, made(*JUDGE, **CONDITIONS))
    assert (
        "With k = 5 nearest neighbours among N = 2,000 points of either side: precision, recall, density and" in caption
    )
    assert "Every generation has 50,000 samples." in caption
    assert "compared with at most 10,000 training real data" in caption
    assert "n = 3 seeds" in caption and "Somebody 2024" in caption
    assert "Caution" not in caption


def test_caption_warns_where_samples_are_fewer_than_features() -> None:
    measured = made(*REWARDS, "frechet_judge", warning_few_samples_frechet_judge=500.0)
    warning = "Caution: Fréchet distance to real data on judge features rests on 500 samples, fewer than features"
    assert warning in quality.caption(VIEW, measured)
    assert warning in trajectory.caption(VIEW, measured, {})


def test_report_shows_results_and_states_their_conditions_below() -> None:
    measured = made("frechet_judge", "recall_judge", **CONDITIONS, warning_few_samples_frechet_judge=500.0)
    table = report.arm_table(ARMS, measured, {})
    assert [row["metric"] for row in table["rows"]] == [
        "Fréchet distance, judge features",
        "recall, judge features",
    ]
    assert "k = 5" in table["conditions"] and "Caution" in table["conditions"]


@pytest.mark.parametrize(
    ("metric", "label"),
    [
        ("fid", "FID"),
        ("frechet_judge", "Fréchet distance, judge features"),
        ("kernel_distance_efficientnet_lite0", "kernel distance, EfficientNet-Lite0 features"),
        ("recall_my_network", "recall, my network features"),
        ("sliced_wasserstein", "sliced Wasserstein"),
    ],
)
def test_label_says_the_space(metric: str, label: str) -> None:
    assert text.metric_label(metric) == label


@pytest.mark.parametrize(
    ("names", "favoured"),
    [(("airplane", "cat"), "airplane"), (("0", "1"), "class 0"), ((), "class 0")],
)
def test_classes_have_their_names_where_they_are_known(names: tuple[str, ...], favoured: str) -> None:
    arms = {name: arm.model_copy(update={"class_names": names}) for name, arm in ARMS.items()}
    measured = made("share_0", "share_1")
    (legend,) = shares.picture(arms, measured, {}).legends
    assert legend.get_texts()[0].get_text() == favoured
    assert favoured in shares.caption(study_view(arms), measured)
