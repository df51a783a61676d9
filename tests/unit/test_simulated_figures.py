"""Figures and tables of simulated studies: what is drawn, in which place, at which scale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from figure_setup import simulated_arm_view, simulated_view

from recurate.closed_form.tables import LAW_COLUMNS
from recurate.figures import curves, equivalent_data, rates, snapshots
from recurate.figures.parts.series import Line, Lines, logarithmic_band, read_laws, student_band
from recurate.figures.parts.words import measure_label, measure_words
from recurate.files.tables import write_rows
from recurate.report.agreement_table import agreement_lines
from recurate.theory.verdicts import VERDICTS

GENERATIONS = np.array([0, 1, 10, 100])


def curves_with(**options: Any) -> curves.Curves:
    """The figure with these options."""
    return curves.Curves(kind="curves", **options)


def lines(arms: list[str], measures: list[str], scale: float = 1.0) -> Lines:
    values = scale * (1 + np.arange(3)[:, None] / 20) * (1 + GENERATIONS)
    return {arm: {measure: Line(GENERATIONS, values) for measure in measures} for arm in arms}


def shown(measured: Lines, laws: Lines | None = None) -> curves.Shown:
    """What is measured with its laws, every seed being one replicate."""
    quantiles = {
        arm: {name: np.quantile(line.values, (0.1, 0.5, 0.9), axis=0) for name, line in of_arm.items()}
        for arm, of_arm in measured.items()
    }
    return curves.Shown(measured, laws or {}, quantiles)


@pytest.mark.parametrize(
    ("panels", "columns"), [(1, 1), (3, 3), (4, 4), (5, 3), (6, 3), (7, 4), (8, 4), (12, 4), (15, 3)]
)
def test_panels_are_laid_out_with_few_free_places(panels: int, columns: int) -> None:
    assert curves.columns_for(panels) == columns


def test_every_panel_holds_its_arms_with_band_and_law() -> None:
    view = simulated_view({"a": {"panel": "one"}, "b": {"panel": "one", "title": "n = 2"}, "c": {"panel": "two"}})
    laws = {"a": {"variance": Line(GENERATIONS, np.stack([np.ones(4), np.zeros(4)]))}}
    figure = curves.picture(curves_with(), view, shown(lines(["a", "b", "c"], ["variance"]), laws))
    left, right = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["one", "two"]
    assert (len(left.lines), len(right.lines)) == (3, 1)
    assert len(left.collections) == 2
    np.testing.assert_array_equal(left.lines[0].get_xdata(), GENERATIONS + 1)
    assert left.lines[1].get_linestyle() == ":"


@pytest.mark.parametrize(
    ("linear", "expected"), [([], "log"), (["variance"], "linear")], ids=["wide span", "as the figure says"]
)
def test_wide_positive_values_are_drawn_on_a_logarithmic_scale(linear: list[str], expected: str) -> None:
    figure = curves.picture(curves_with(linear=linear), simulated_view({"a": {}}), shown(lines(["a"], ["variance"])))
    assert figure.axes[0].get_yscale() == expected
    assert figure.axes[0].get_xscale() == "log"


def test_values_below_zero_are_drawn_on_a_linear_scale() -> None:
    figure = curves.picture(curves_with(), simulated_view({"a": {}}), shown(lines(["a"], ["variance"], -1.0)))
    assert figure.axes[0].get_yscale() == "linear"


@pytest.mark.parametrize(("seeds", "loops"), [(50, 1), (50, 50), (20, 30)])
@pytest.mark.parametrize("axis", ["linear", "log"])
def test_bands_cover_the_true_mean_where_they_are_drawn(seeds: int, loops: int, axis: str) -> None:
    """Variances of Gaussians after t = 1 to 1,000 replacements by M = 100 samples: nearly lognormal with mean 1."""
    random, band = np.random.default_rng(0), logarithmic_band if axis == "log" else student_band
    view, drawn = simulated_view({"a": {"replicates": loops}}), []
    for steps in (1, 3, 10, 20, 40, 70, 100, 200, 1000):
        spread = np.sqrt((1 + 2 / 99) ** steps - 1)  # of one replicate
        laws = {"a": {"variance": Line(np.array([0]), np.array([[1.0], [spread]]))}}
        sigma, covered = np.sqrt(np.log1p(spread**2)), []
        for _ in range(400):
            means = np.exp(random.normal(-(sigma**2) / 2, sigma, (seeds, loops))).mean(axis=1, keepdims=True)
            measured = {"a": {"variance": Line(np.array([0]), means)}}
            if not shown(measured, laws).rests_on_few(view, "a", "variance")[0]:
                found = band(means)
                covered.append(found.low[0] <= 1 <= found.high[0])
        drawn.append(len(covered) / 400)
        assert len(covered) < 100 or 0.90 <= np.mean(covered) <= 0.98, (steps, np.mean(covered))
    assert drawn[0] == 1 and drawn[-2:] == [0, 0]  # where Student's interval would cover in a third and in a tenth


def test_a_mean_that_rests_on_few_replicates_has_median_and_quantiles_instead_of_a_band() -> None:
    few = np.array([[1.0, 0.1], [1.01, 0.1], [0.99, 7.0]])
    measured = {"a": {"variance": Line(np.array([0, 1]), few)}}
    view = simulated_view({"a": {}})
    (axes,) = curves.picture(curves_with(), view, shown(measured)).axes
    mean, median = axes.lines
    band, quantiles = axes.collections
    np.testing.assert_array_equal(np.isnan(median.get_ydata()), [True, False])
    assert median.get_ydata()[1] == 0.1 and mean.get_ydata()[1] == pytest.approx(2.4)
    assert not band.get_hatch() and quantiles.get_hatch()
    assert "No band where the mean of" in curves.caption(curves_with(), view, shown(measured))
    assert "No band" not in curves.caption(curves_with(), view, shown(lines(["a"], ["variance"])))


def test_a_spread_that_the_law_tells_decides_and_no_noise_of_its_estimate() -> None:
    values = np.array([[1.0, 1.0], [1.0, 1.4], [1.0, 0.6]])
    measured, view = {"a": {"variance": Line(np.array([0, 1]), values)}}, simulated_view({"a": {}})
    laws = {"a": {"variance": Line(np.array([0, 1]), np.array([[1.0, 1.0], [0.2, 0.05]]))}}
    assert shown(measured, laws).rests_on_few(view, "a", "variance").tolist() == [True, False]
    assert shown(measured).rests_on_few(view, "a", "variance").tolist() == [False, True]


def test_a_share_of_replicates_has_no_quantiles() -> None:
    values = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
    view = simulated_view({"a": {}}, measures=["absorbed"])
    of_share = shown({"a": {"absorbed": Line(np.array([0, 1]), values)}})
    (axes,) = curves.picture(curves_with(), view, of_share).axes
    assert len(axes.lines) == 1 and not any(part.get_hatch() for part in axes.collections)
    assert "but of shares." in curves.caption(curves_with(), view, of_share)


def test_only_wanted_measures_get_a_row_and_medians_a_line() -> None:
    wanted = curves_with(rows=["mean_error"], medians=["mean_error"])
    view = simulated_view({"a": {}}, measures=["variance", "mean_error"])
    figure = curves.picture(wanted, view, shown(lines(["a"], ["variance", "mean_error"])))
    (axes,) = figure.axes
    assert axes.get_ylabel() == measure_label("mean_error")
    assert [line.get_linestyle() for line in axes.lines] == ["-", "--"]
    said = curves.caption(wanted, view, shown(lines(["a"], ["variance", "mean_error"])))
    assert measure_words("mean_error") in said and measure_words("variance") not in said
    assert "median" in said and "n - 1 (ddof 1, unbiased)" in said


def test_published_numbers_are_stars_with_their_source() -> None:
    number = {"arm": "a", "measure": "variance", "generation": 10, "value": 3.0, "note": "a notebook"}
    view = simulated_view({"a": {}}, published=[number])
    star = curves.picture(curves_with(), view, shown(lines(["a"], ["variance"]))).axes[0].lines[-1]
    assert (star.get_marker(), list(star.get_xdata()), list(star.get_ydata())) == ("*", [11], [3.0])
    assert "Stars: published numbers, a notebook." in curves.caption(
        curves_with(), view, shown(lines(["a"], ["variance"]))
    )


def test_indices_in_titles_become_indices() -> None:
    assert curves._symbols("λ_s = 0.5, n_ini = 3, plain") == "$λ_{s}$ = 0.5, $n_{ini}$ = 3, plain"


RATE = {
    "study": "s", "arm": "a", "metric": "w1", "slope": "-0.3", "slope_error": "0.02", "slope_log_corrected": "-0.4",
    "slope_log_corrected_error": "0.02", "theory": "-0.3", "logarithm": "False", "slope_of_law": "-0.31",
    "law": "exact", "real_fraction": "0.3", "decay": "inf",
}  # fmt: skip


def test_exponents_stand_over_the_share_of_real_data() -> None:
    fit = {"measures": ["w1"], "drop": 3, "exponent": 0.5}
    view = simulated_view({"a": {"panel": "one"}}, measures=["w1"], rates=fit)
    fitted, measures = [rates.Rate.of(RATE)], ["w1"]
    assert view.rates is not None
    (axes,) = rates.picture(view, view.rates, measures, fitted).axes
    theory, raw, corrected, law = (
        next(line for line in axes.lines if line.get_linestyle() == "--"),
        next(line for line in axes.lines if line.get_marker() == "o" and line.get_markerfacecolor() != "none"),
        next(line for line in axes.lines if line.get_marker() == "o" and line.get_markerfacecolor() == "none"),
        next(line for line in axes.lines if line.get_marker() == "_" and line.get_markersize() == 9),
    )
    assert max(theory.get_ydata()) == 0.5
    assert [list(line.get_ydata()) for line in (raw, corrected, law)] == [[0.3], [0.4], [0.31]]
    assert "the largest distance to it is 0.01" in rates.caption(view, view.rates, measures, fitted)


def test_a_loop_is_worth_the_real_samples_that_have_its_error() -> None:
    band = equivalent_data.equivalent(simulated_arm_view(), "squared_error", np.full((3, 1), 0.005))
    assert band.mean[0] == pytest.approx(2.0)  # 1/0.005 = 200 samples, over 100
    assert equivalent_data.equivalent(simulated_arm_view(), "w2_squared", np.full((3, 1), 0.03)).mean[
        0
    ] == pytest.approx(0.5)


def test_arms_with_fresh_data_are_swept_by_bias_and_ratio() -> None:
    sizes = {"initial": 100, "real": 100}
    arms = {
        "many": simulated_arm_view(sizes={**sizes, "synthetic": 1000}),
        "few": simulated_arm_view(sizes={**sizes, "synthetic": 10}),
        "biased": simulated_arm_view(sampling_bias=0.5),
        "start": simulated_arm_view(sizes={**sizes, "initial": 5, "synthetic": 100}),
        "replace": simulated_arm_view(regime="replace"),
    }
    assert equivalent_data.swept(arms) == {1.0: ["few", "many"], 0.5: ["biased"]}


def test_the_density_of_a_mixture_integrates_to_one() -> None:
    mixture = snapshots.Mixture(
        weights=np.array([0.3, 0.7]),
        means=np.array([[0.0, 0.0], [1.0, -1.0]]),
        covariances=np.array([[[0.5, 0.2], [0.2, 0.3]], [[0.2, 0.0], [0.0, 0.4]]]),
    )
    line = np.linspace(-6, 6, 401)
    x = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    assert snapshots.density(mixture, x).sum() * (line[1] - line[0]) ** 2 == pytest.approx(1, abs=1e-6)


def claim(**changes: str) -> dict[str, str]:
    base = {"arm": "a", "claim": "law_variance", "generation": "3", "measured": "1.0", "bound": "1.1", "slack": "-0.1"}
    equal = {"margin": "0.11", "standard_error": "0.05", "verdict": "undecided", "note": "theory"}
    return {**base, **equal, **changes}


def test_agreement_is_counted_and_the_farthest_comparison_named() -> None:
    rows = [
        claim(),
        claim(generation="9", measured="2.0", slack="0.9", verdict="contradicted"),
        claim(verdict="vacuous", note="too rare; theory"),
        claim(claim="rate_w1", verdict="supported"),
    ]
    law, rate = agreement_lines(rows, {"a": simulated_arm_view()})
    assert law["statement"] == "law of the fitted variance, per coordinate"
    assert [law[word] for word in VERDICTS] == [0, 1, 1, 1, 0]
    assert law["reasons"] == ["too rare"]
    assert law["worst"] == "2.00 ± 0.05 beside 1.1 (p, n = 1, generation 9)"
    assert "beside the published bound" in rate["statement"]


def test_the_spread_of_a_law_for_many_samples_is_not_taken_for_that_of_few(tmp_path: Path) -> None:
    row = {"study": "s", "arm": "a", "metric": "w2_squared", "value": "1.0", "deviation": "0.5", "source": "x"}
    rows = [{**row, "generation": "0", "order": ""}, {**row, "generation": "1", "order": "0.1"}]
    write_rows(tmp_path / "laws.csv", LAW_COLUMNS, rows)
    assert read_laws(str(tmp_path / "laws.csv"))["a"]["w2_squared"].values[1].tolist() == [0.5, 0.0]
