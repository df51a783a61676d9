"""Figures and report: what is drawn equals what theory and statistics say, and equal input gives equal bytes."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
import seaborn
from figure_setup import arm_view, study_view
from PIL import Image
from theory_setup import check_arm, forecast

from recurate.curation.bradley_terry import BradleyTerry
from recurate.curation.rewards import Reward
from recurate.figures import animation, choices, contact_sheet, densities, shares, trajectory
from recurate.figures.parts import style
from recurate.figures.parts import words as text
from recurate.figures.parts.density import Frame, density, reward_on_grid
from recurate.figures.parts.series import entropy, per_arm, read_forecast, read_metrics, student_band
from recurate.files.arrays import origin_of_file, write_arrays
from recurate.files.series import by_arm
from recurate.files.tables import FORECAST_COLUMNS, METRIC_COLUMNS, write_rows
from recurate.files.writing import write_json
from recurate.foundation.components import load
from recurate.foundation.errors import RecurateError
from recurate.report import claims_table, report
from recurate.report.settings import FigureFiles, ReportSettings, SamplerView, StudyFiles, TrainedSection
from recurate.theory import bounds
from recurate.theory.claims import ClosedLoop
from recurate.theory.forecast import infinite
from recurate.theory.limit import limit_weights
from recurate.theory.verdicts import CLAIM_COLUMNS

SEEDS, GENERATIONS = 3, 4
ARMS = {
    "alone": arm_view(title="no choice, K = 1", choices=1),
    "pure": arm_view(title="curated, K = 4"),
    "mixed": arm_view(title="mixed, lambda = 1/2", real_fraction=2 / 3, regime="augmentation"),
}
VIEW = study_view(ARMS)


def series(seeds: int = SEEDS, shift: float = 0.0) -> dict[str, dict[str, np.ndarray]]:
    """Values of three arms that differ by seed and generation."""
    generator = np.random.default_rng(0)
    made = {}
    for arm in ARMS:
        rising = (
            np.linspace(0.2, 0.8, GENERATIONS + 1) + shift + 0.02 * generator.standard_normal((seeds, GENERATIONS + 1))
        )
        made[arm] = {
            "exp_reward_mean": rising,
            "exp_reward_variance": 0.1 * rising,
            "share_0": rising,
            "share_1": 1 - rising,
            "effective_sample_size": np.full_like(rising, 500.0),
        }
        made[arm]["share_entropy"] = entropy(np.stack([rising, 1 - rising]))
    return made


def drawn(figure: Any, dashed: bool) -> list[np.ndarray]:
    """Heights of the dashed, or of the other lines of a figure's panels."""
    return [
        np.asarray(line.get_ydata(), dtype=float)
        for axes in figure.axes
        for line in axes.get_lines()
        if (line.get_linestyle() == "--") == dashed and len(line.get_ydata())
    ]


def holds(lines: list[np.ndarray], wanted: np.ndarray) -> bool:
    """Whether one of `lines` runs through `wanted`."""
    return any(line.shape == wanted.shape and np.allclose(line, wanted) for line in lines)


def bands_in(axes: Any) -> np.ndarray:
    """Lower and upper edges (2, generations + 1) of the first band in a panel."""
    vertices = axes.collections[0].get_paths()[0].vertices
    heights = [vertices[np.isclose(vertices[:, 0], g), 1] for g in range(GENERATIONS + 1)]
    return np.array([[h.min() for h in heights], [h.max() for h in heights]])


# What is drawn


def test_band_is_the_t_interval_of_scipy() -> None:
    values = series()["pure"]["exp_reward_mean"]
    wanted = scipy.stats.ttest_1samp(values, 0.0, axis=0).confidence_interval(0.95)
    band = student_band(values)
    np.testing.assert_allclose([band.low, band.high], [wanted.low, wanted.high])
    figure = trajectory.picture({"pure": ARMS["pure"]}, {"pure": series()["pure"]}, {})
    np.testing.assert_allclose(bands_in(figure.axes[0]), [wanted.low, wanted.high])


def test_one_seed_has_no_band_and_the_caption_says_so() -> None:
    one = series(seeds=1)
    figure = trajectory.picture(ARMS, one, one)
    assert not any(axes.collections for axes in figure.axes)
    assert "n = 1 seed," in trajectory.caption(VIEW, one, one)


def test_trajectory_dashes_the_forecast_in_every_panel_that_has_one() -> None:
    predicted = series(shift=0.05)
    figure = trajectory.picture(ARMS, series(), predicted)
    lines = drawn(figure, dashed=True)
    assert len(lines) == len(ARMS) * len(trajectory.shown_metrics(series()))
    for arm in ARMS:
        assert holds(lines, predicted[arm]["exp_reward_mean"].mean(axis=0))


def test_bounds_drawn_equal_theory() -> None:
    measured = series()
    mean, variance = (measured["pure"][f"exp_reward_{name}"] for name in ("mean", "variance"))
    lemma = bounds.next_exponential_reward(mean, variance, 4).mean(axis=0)[:-1]
    mean, variance = (measured["mixed"][f"exp_reward_{name}"][:, 0] for name in ("mean", "variance"))
    theorem = bounds.mixed_exponential_reward(mean, variance, 4, 0.5).mean()
    lines = drawn(trajectory.picture(ARMS, measured, {}), dashed=False)
    assert holds(lines, lemma)
    assert holds(lines, np.full(GENERATIONS, theorem))
    assert sum(len(line) == GENERATIONS for line in lines) == 2  # none without a choice


def test_bounds_drawn_are_those_of_the_claims_table() -> None:
    measured = series()
    for arm, claim in (("pure", "lemma_2_2"), ("mixed", "theorem_2_3")):
        loop = ClosedLoop("s", arm, ARMS[arm].choices, ARMS[arm].real_fraction)
        rows = check_arm(loop, measured[arm], "measured", [claim])
        bound = trajectory.bound_of(ARMS[arm], measured[arm])
        assert bound is not None
        np.testing.assert_allclose(bound, [row["bound"] for row in rows])


def test_crosses_mark_generations_whose_forecast_rests_on_few_samples() -> None:
    predicted = series()
    predicted["pure"]["effective_sample_size"][1, 3:] = 40.0
    figure = trajectory.picture(ARMS, series(), predicted)
    crosses = [
        line
        for axes in figure.axes
        for line in axes.get_lines()
        if line.get_marker() == "x" and np.size(line.get_xdata())
    ]
    assert {tuple(np.asarray(line.get_xdata())) for line in crosses} == {(3, 4)}
    assert "fewer than 100 effective samples" in trajectory.caption(VIEW, series(), predicted)
    assert "effective samples" not in trajectory.caption(VIEW, series(), series())


def test_shares_draw_every_class_measured_and_forecast() -> None:
    figure = shares.picture(ARMS, series(), series(shift=0.05))
    assert len(drawn(figure, dashed=True)) == 2 * len(ARMS)
    assert holds(drawn(figure, dashed=False), series()["mixed"]["share_1"].mean(axis=0))


def test_shares_of_samples_without_classes_are_one_clear_error() -> None:
    measured = {arm: {"exp_reward_mean": values["exp_reward_mean"]} for arm, values in series().items()}
    with pytest.raises(RecurateError, match="no classes"):
        shares.picture(ARMS, measured, {})


def test_choices_show_only_arms_without_real_data_by_rising_choice() -> None:
    assert choices.swept_arms(ARMS) == ["alone", "pure"]
    figure = choices.picture(ARMS, series(), series(shift=0.05))
    assert not holds(drawn(figure, dashed=False), series()["mixed"]["exp_reward_mean"].mean(axis=0))
    by_choice = np.array([series()[arm]["exp_reward_mean"].mean(axis=0)[1] for arm in ("alone", "pure")])
    assert holds(drawn(figure, dashed=False), by_choice)
    with pytest.raises(ValueError, match="without real data"):
        choices.Choices(kind="choices").check(study_view({"mixed": ARMS["mixed"]}))


# Densities and limit


def test_density_integrates_to_one_and_recovers_a_gaussian() -> None:
    points = np.random.default_rng(0).standard_normal((200_000, 2))
    frame = Frame(-6.0, 6.0, -6.0, 6.0)
    values = density(points, frame)
    assert values.sum() * frame.cell**2 == pytest.approx(1.0)
    # Smoothing adds the kernel's variance.
    peak = 1 / (2 * np.pi * (1 + frame.bandwidth**2))
    assert values[79:81, 79:81].mean() == pytest.approx(peak, rel=0.03)


def test_density_rows_run_upwards_in_the_second_coordinate() -> None:
    values = density(np.array([[0.5, 0.9]]), Frame(0.0, 1.0, 0.0, 1.0))
    row, column = np.unravel_index(values.argmax(), values.shape)
    assert (row / values.shape[0], column / values.shape[1]) == pytest.approx((0.9, 0.5), abs=0.02)


def test_reward_grid_equals_the_reward_at_the_cell_centres() -> None:
    reward = load(Reward, {"kind": "clipped_distance", "target": [1.0, 0.0], "radius": 0.5})
    frame = Frame(-2.0, 2.0, -1.0, 1.0)
    grid = reward_on_grid(reward, frame)
    assert grid is not None
    centre = np.array([frame.left + 0.5 * frame.cell, frame.bottom + 0.5 * frame.cell])
    assert grid[0, 0] == pytest.approx(-max(0.0, float(np.linalg.norm(centre - np.array([1.0, 0.0]))) - 0.5))
    assert grid.shape == (80, 160)


def people(choices: int) -> BradleyTerry:
    return BradleyTerry(kind="bradley_terry", choices=choices, kept=1)


def test_limit_of_the_pure_loop_is_where_a_long_forecast_goes() -> None:
    rewards = np.array([0.0, -0.4, 0.0, -1.0])
    last = list(forecast(rewards, 4, 0.0, 120))[-1]
    limit = limit_weights(rewards, 0.0, people(4), infinite(None, 0.0))
    assert limit is not None
    np.testing.assert_allclose(limit, last, atol=1e-9)
    assert limit_weights(rewards - 0.1, 0.0, people(4), infinite(None, 0.0)) is None


def test_limit_of_the_mixed_loop_is_a_fixed_point_of_the_retraining_step() -> None:
    rewards = np.random.default_rng(0).uniform(-3, 0, 50)
    weights = limit_weights(rewards, 0.0, people(3), infinite(None, 2 / 3))
    assert weights is not None
    # By Monte Carlo: curate from the limit, mix, and find it again.
    generator = np.random.default_rng(1)
    shown = generator.choice(50, (200_000, 3), p=weights)
    kept = shown[np.arange(len(shown)), (rewards[shown] + generator.gumbel(size=shown.shape)).argmax(axis=1)]
    again = 2 / 3 / 50 + np.bincount(kept, minlength=50) / len(kept) / 3
    np.testing.assert_allclose(weights, again, atol=1e-3)


def test_densities_have_a_row_for_each_arm_and_end_with_the_limit() -> None:
    generator = np.random.default_rng(0)
    x = [generator.standard_normal((2, 300, 2)) for _ in range(3)]
    frame = Frame.around(x[0].reshape(-1, 2))
    reward = load(Reward, {"kind": "clipped_distance", "target": [0.0, 0.0]})
    rows = [
        densities.make_row(arm_view(reward=reward), x, np.full((2, 300), 1 / 300), frame),
        densities.make_row(ARMS["mixed"], x, None, frame),
    ]
    figure = densities.picture(rows, [0, 1, 2], frame)
    pictures = [axes for axes in figure.axes if axes.get_images()]
    assert len(pictures) == 4 + 3  # the second arm's limit is unknown
    assert len({axes.get_images()[0].norm.vmax for axes in pictures}) == 1
    assert rows[0].limit is not None
    np.testing.assert_allclose(rows[0].limit, rows[0].generations[0])


def test_few_generations_are_all_shown_and_many_end_with_the_last() -> None:
    assert densities.shown_generations(4) == [0, 1, 2, 3, 4]
    assert densities.shown_generations(6) == [0, 1, 2, 4, 6]
    assert densities.shown_generations(20)[-1] == 20


# Images


def test_gif_frames_keep_exact_palette_colours_and_last_longest_at_the_end(tmp_path: Path) -> None:
    white, ink = Image.new("RGB", (8, 8), "#FFFFFF"), Image.new("RGB", (8, 8), "#000000")
    animation.write_gif(tmp_path / "a.gif", [white, ink])
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == 2  # type: ignore[attr-defined]
        assert gif.convert("RGB").getpixel((3, 3)) == (255, 255, 255)
        first = gif.info["duration"]
        gif.seek(1)
        assert gif.info["duration"] > first


# Bytes and words


def test_colours_are_of_seaborns_colour_blind_palette() -> None:
    assert set(style.COLOURS) <= set(seaborn.color_palette("colorblind").as_hex())


def test_equal_figures_give_equal_bytes(tmp_path: Path) -> None:
    for run in ("a", "b"):
        figure = trajectory.picture(ARMS, series(), series(shift=0.05))
        style.save(figure, tmp_path / f"{run}.pdf", tmp_path / f"{run}.png")
        grid = np.random.default_rng(0).random((20, 20))
        frames = animation.frames(["x"], [[grid, grid / 2]], [(None, 0.0)], [[0.1, 0.2]], Frame(0.0, 1.0, 0.0, 1.0))
        animation.write_gif(tmp_path / f"{run}.gif", frames)
    for kind in ("pdf", "png", "gif"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_pdf_embeds_truetype_and_no_date(tmp_path: Path) -> None:
    style.save(trajectory.picture(ARMS, series(), {}), tmp_path / "a.pdf", tmp_path / "a.png")
    content = (tmp_path / "a.pdf").read_bytes()
    assert b"/FontFile2" in content and b"/Type3" not in content
    assert b"CreationDate" not in content


def test_captions_name_the_seeds_and_the_published_figure() -> None:
    measured = series()
    frame = Frame(0.0, 1.0, 0.0, 1.0)
    row = densities.Row("x", [np.ones((2, 2))], None, None, 0.0)
    captions = [
        trajectory.caption(VIEW, measured, measured),
        shares.caption(VIEW, measured),
        choices.caption(VIEW, measured),
        densities.caption(VIEW, [row], frame, SEEDS, 400, 0.0),
        contact_sheet.caption(VIEW, 0, 8, (8, 8, 1)),
        animation.caption(VIEW, ["pure"], frame, SEEDS),
    ]
    for caption in captions:
        assert f"n = {SEEDS} seeds" in caption
        assert VIEW.answers in caption
        assert caption.count("\n") == 1


@pytest.mark.parametrize(
    ("value", "error", "wanted"),
    [
        (0.98213, 0.0042, "0.982 ± 0.004"),
        (3.789, 0.3, "3.8 ± 0.3"),
        (0.1364, 0.0131, "0.136 ± 0.013"),
        (0.5, 0.0, "0.5"),
    ],
)
def test_value_is_rounded_to_the_place_of_its_error(value: float, error: float, wanted: str) -> None:
    assert text.with_error(value, error) == wanted


def test_files_of_arms_are_cut_by_generations() -> None:
    assert per_arm(["a0", "a1", "b0", "b1"], 1) == [["a0", "a1"], ["b0", "b1"]]


def rows_of(*places: str) -> list[dict[str, str]]:
    """Rows of an arm, each of a metric, a seed and a generation, a character each."""
    return [{"arm": "a", "metric": m, "seed": s, "generation": g, "value": "1"} for m, s, g in places]


@pytest.mark.parametrize(
    ("places", "said"),
    [
        (("y00", "y01"), "seed 1 in generation 0"),
        (("y00", "y10", "y20"), "seed 0 in generation 1"),
        (("y00", "y10", "y20", "y01", "y21"), "seed 1 in generation 1"),
    ],
)
def test_metric_that_a_seed_or_a_generation_lacks_is_refused_and_no_mean_over_fewer_is_shown(
    places: tuple[str, ...], said: str
) -> None:
    whole = rows_of("x00", "x10", "x20", "x01", "x11", "x21")
    assert by_arm(whole)["a"]["x"].shape == (3, 2)
    with pytest.raises(RecurateError, match=f"y of arm a is missing for {said}; let the metric give the same names"):
        by_arm([*whole, *rows_of(*places)])


# Report


class Tags(HTMLParser):
    """Collects tags and sources of pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href") and value]


def link(rule: str, device: str = "cpu", **versions: str) -> dict[str, Any]:
    """A file of `provenance.json` with its record."""
    return {"rule": rule, "device": device, "versions": versions, "sha256": "0", "state": "as written", "seconds": 1.0}


LINKS = {
    "results/s/metrics.csv": link("gather", python="3.11.2"),
    "results/s/a/model.safetensors": link("train_arm", "H100", python="3.11.2", numpy="2.0", torch="2.11"),
    "results/s/b/model.safetensors": link("train_arm", "H100", python="3.11.2", numpy="2.0", torch="2.11"),
    "data/mnist.safetensors": link("shared_data", python="3.11.2", numpy="1.26"),
    "my_own.csv": {"state": "not recorded", "seconds": None},
}


@pytest.fixture
def written_report(tmp_path: Path) -> str:
    """A report on one study whose title needs escaping."""
    return report.render(str(Path(report.__file__).with_name("report.html.j2")), report_settings(tmp_path))


def report_settings(folder: Path) -> ReportSettings:
    """Write a small study's files to `folder` and say where they are."""
    measured = series()
    rows = [
        {"study": "s", "arm": arm, "generation": g, "seed": s, "metric": name, "value": repr(float(values[s, g]))}
        for arm, metrics in measured.items()
        for name, values in metrics.items()
        if name != "effective_sample_size"
        for s in range(SEEDS)
        for g in range(GENERATIONS + 1)
    ]
    write_rows(folder / "metrics.csv", METRIC_COLUMNS, rows)
    predicted = [{**row, "effective_sample_size": "500.0"} for row in rows if row["metric"] != "share_entropy"]
    write_rows(folder / "forecast.csv", FORECAST_COLUMNS, predicted)
    claims = []
    for arm, view in ARMS.items():
        loop = ClosedLoop("s", arm, view.choices, view.real_fraction)
        for source in ("forecast", "measured"):
            claims += check_arm(loop, {k: v for k, v in measured[arm].items() if k.startswith("exp")}, source)
    write_rows(folder / "claims.csv", CLAIM_COLUMNS, claims)
    for arm in ("pure", "gone"):
        path = folder / f"benchmarks/arms/{arm}/seeds-0-2/gen-001/model.tsv"
        path.parent.mkdir(parents=True)
        path.write_text("s\th:m:s\tmax_rss\tcpu_time\n12.5\t0:00:12\t321\t-\n")
    Image.new("RGB", (4, 4)).save(folder / "trajectory.png")
    (folder / "trajectory.txt").write_text("A caption with 1 < 2.\n")
    write_json(folder / "provenance.json", LINKS)
    write_json(folder / "judge.json", {"judge": {"kind": "small_cnn"}, "test_accuracy": 0.9712, "test_samples": 500})
    write_arrays(folder / "model.safetensors", {"a": np.zeros(1)}, origin_of_file(VIEW, "c0de"))
    picture = FigureFiles(files=[str(folder / "trajectory.png")], caption=str(folder / "trajectory.txt"))
    files = StudyFiles(
        figures={"trajectory": picture},
        tables={name: str(folder / name) for name in ("metrics.csv", "forecast.csv", "claims.csv", "config.yaml")},
        folder="results/s",
        provenance=str(folder / "provenance.json"),
        benchmarks=str(folder / "benchmarks"),
        logs=str(folder / "logs"),
    )
    section = TrainedSection(
        study=VIEW.model_copy(update={"title": "<script>alert(1)</script>"}),
        files=files,
        samplers=[
            SamplerView(place="origin o", kind="ode", kept=0.9874, other_law=""),
            SamplerView(place="arm pure", kind="ddim", kept=0.6712, other_law="the sampler keeps 0.67"),
        ],
        judges={"digits": str(folder / "judge.json")},
        models={"origin o": str(folder / "model.safetensors")},
    )
    return ReportSettings(
        scale="demo", results="results", typical=0.5, allowed=0.05, studies={"s": section}, simulated={}
    )


def test_report_is_self_contained_and_escapes_everything(written_report: str) -> None:
    tags = Tags()
    tags.feed(written_report)
    assert "script" not in tags.tags
    assert "A caption with 1 &lt; 2." in written_report
    assert tags.sources and all(source.startswith(("data:image/", "#")) for source in tags.sources)


def test_report_shows_judge_costs_and_provenance(written_report: str) -> None:
    assert "97.1 %" in written_report
    assert re.search(r"train</td><td class=\"number\">1</td><td class=\"number\">12.5<", written_report)
    assert "c0de" in written_report


def test_report_says_what_every_sampler_keeps_and_marks_those_that_are_biased(written_report: str) -> None:
    place, kind, number = "<tr><td>{}</td><td>{}</td>", "ddim", '<td class="number">{}</td>\n<td>{}</td></tr>'
    assert place.format("origin o", "ode") + number.format("0.987", "") in written_report
    mark = '<span class="verdict biased">biased</span> the sampler keeps 0.67'
    assert place.format("arm pure", kind) + number.format("0.671", mark) in written_report
    assert "N(0, 0.5²)" in written_report and "more\nthan 5 % is lost or gained" in written_report


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"numpy": "2.1", "python": "3.11.2", "torch": "2.11"}, "numpy 2.0 (1\nfile), 2.1 (1\nfile). A run"),
        ({"device": "cpu", "python": "3.12", "torch": "2.11"}, "device of train_arm H100 (1\nfile), cpu (1\nfile)"),
        ({"python": "3.12"}, "python 3.11.2 (2\nfiles), 3.12 (1\nfile). A run"),
        ({"python": "3.11.2", "scipy": "1.15"}, ""),
    ],
    ids=str,
)
def test_report_says_when_files_of_one_study_are_of_several_versions(
    tmp_path: Path, changes: dict[str, str], said: str
) -> None:
    settings = report_settings(tmp_path)
    changed = {**LINKS, "results/s/b/model.safetensors": link("train_arm", **{"device": "H100", **changes})}
    template = str(Path(report.__file__).with_name("report.html.j2"))
    for links, expected in ((LINKS, ""), (changed, said)):
        write_json(tmp_path / "provenance.json", links)
        page = report.render(template, settings)
        assert ("Results of several versions are mixed here" in page) == bool(expected)
        assert expected in page


def test_report_shows_every_arm_with_its_measured_and_forecast_end(written_report: str) -> None:
    values = series()["pure"]["exp_reward_mean"]
    band = student_band(values)
    assert text.with_error(band.mean[-1], band.high[-1] - band.mean[-1]) in written_report
    for view in ARMS.values():
        assert text.glued(text.arm_title(view.title)) in written_report


def test_claims_in_short_count_generations_and_join_exempt_arms() -> None:
    names = ("arm", "claim", "source", "generation", "slack", "standard_error", "lower", "upper", "verdict", "note")
    lines = [
        ("pure", "lemma_2_2", "measured", "1", "0.2", "0.01", "0.18", "0.22", "supported", ""),
        ("pure", "lemma_2_2", "measured", "2", "-0.3", "0.02", "-0.34", "-0.26", "contradicted", ""),
        ("pure", "lemma_2_2", "measured", "3", "-0.1", "0.09", "-0.28", "0.08", "undecided", ""),
        ("mixed", "lemma_2_2", "forecast", "1", "nan", "nan", "nan", "nan", "not applicable", "no"),
        ("alone", "lemma_2_2", "forecast", "1", "nan", "nan", "nan", "nan", "not applicable", "no"),
    ]
    rows = [{**dict(zip(names, line, strict=True)), "margin": "nan", "detectable": "0.05"} for line in lines]
    (group,) = claims_table.claim_groups(rows, ARMS)
    assert [line["arm"] for line in group["lines"]] == ["pure"]
    side = group["lines"][0]["measured"]
    assert (side["verdict"], side["counts"], side["where"]) == ("contradicted", "1 of 3", "2")
    assert side["worst"] == "−0.3 [−0.34, −0.26] (generation 2); 0.05 could be seen"
    assert [len(arms) for arms in group["exempt"].values()] == [2]
    assert claims_table.score(rows) == {
        "forecast": "2 not applicable",
        "measured": "1 supported, 1 contradicted, 1 undecided",
    }


def test_tables_are_read_back_as_written(tmp_path: Path) -> None:
    report_settings(tmp_path)
    measured, predicted = read_metrics(str(tmp_path / "metrics.csv")), read_forecast(str(tmp_path / "forecast.csv"))
    np.testing.assert_array_equal(measured["mixed"]["share_1"], series()["mixed"]["share_1"])
    np.testing.assert_allclose(predicted["mixed"]["share_entropy"], series()["mixed"]["share_entropy"])
    wanted = [[scipy.stats.entropy([p, 1 - p]) for p in row] for row in series()["pure"]["share_0"]]
    np.testing.assert_allclose(predicted["pure"]["share_entropy"], wanted)


def test_arms_that_are_not_sampled_from_what_was_learnt_show_no_forecast_and_say_so(tmp_path: Path) -> None:
    """Older tables have forecasts of such arms, which are left out."""
    report_settings(tmp_path)
    measured = read_metrics(str(tmp_path / "metrics.csv"))
    for biased in (["pure"], list(ARMS)):
        arms = {name: arm.model_copy(update={"is_biased": name in biased}) for name, arm in ARMS.items()}
        predicted = read_forecast(str(tmp_path / "forecast.csv"), arms)
        assert set(predicted) == set(ARMS) - set(biased)
        said = trajectory.caption(study_view(arms), measured, predicted)
        assert ("Dashed: the forecast" in said) == bool(predicted)
        one = f"There is none for {text.arm_title(ARMS['pure'].title)}, for it is about samples of what was learnt"
        assert (one if predicted else "No arm has a forecast, for it is about samples") in said
        drawn = trajectory.picture(arms, measured, predicted), shares.picture(arms, measured, predicted)
        for figure in drawn:
            labels = [entry.get_text() for entry in figure.legends[0].get_texts()]
            assert ("forecast" in labels) == bool(predicted)
