"""A reward, a data set, a network or a metric of one's own is one module and one entry in a study file."""

from __future__ import annotations

import csv
import itertools
import json
import os
import shutil

import numpy as np
import pytest
from long_cases import rows_long
from own_kinds import EXAMPLES, KEEP, LEVELS, OPERATOR, of_four
from tiny import ROOT, TINY, Copy, fresh

from recurate.files.arrays import read_arrays
from recurate.files.records import record_of

pytestmark = pytest.mark.workflow

REWARD = (EXAMPLES / "reward.py").read_text()


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A project with the examples of docs/extending, whose two studies are built."""
    copy = fresh(tmp_path_factory.mktemp("own") / "project")
    shutil.copytree(EXAMPLES, copy.folder / EXAMPLES.relative_to(ROOT))
    for name, study in (("study", "own"), ("loop", "own_loop")):
        shutil.copy2(EXAMPLES / f"{name}.yaml", copy.folder / f"config/studies/{study}.yaml")
    (copy.folder / "config/config.yaml").write_text("studies: [own, own_loop]\ndevice: cpu\n")
    copy.study_file.unlink()
    done = copy.snakemake()
    assert done.returncode == 0, done.stdout
    assert copy.planned("all") == {}
    return copy


def rows_of(copy: Copy, table: str) -> list[dict[str, str]]:
    with (copy.folder / "results" / table).open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_examples_of_all_families_run_to_the_report(own: Copy) -> None:
    values = {
        (r["arm"], r["metric"], r["generation"], r["seed"]): float(r["value"]) for r in rows_of(own, "own/metrics.csv")
    }
    for generation, seed in itertools.product("012", "01"):
        before, after = (values["upwards", f"curation_reward_{when}", generation, seed] for when in ("before", "after"))
        assert after > before  # people kept what the reward of the user's module says
        assert -1.5 < values["upwards", "height", generation, seed] < 3
        assert 0 < values["judged", "spread_features", generation, seed] < 3
        assert 0 < values["judged", "share_2", generation, seed] < 1
    widths = [float(r["value"]) for r in rows_of(own, "own_loop/metrics.csv") if r["generation"] == "0"]
    assert np.mean(widths) == pytest.approx(2.0 * 100 / 101, rel=0.01)  # the mean of the largest of 100
    assert "Mean reward by generation" in (own.folder / "results/report.html").read_text()
    assert {path.suffix for path in (own.folder / "results/own/figures").glob("figure.*")} >= {".pdf", ".png"}


@pytest.mark.parametrize(
    ("example", "old", "new", "runs", "runs_not"),
    rows_long(
        3,
        [
            ("points.csv", "0", "1", "real_data", "judge"),
            ("reward", "x[:, 1] - self.height", "x[:, 1] - 1.0 * self.height", "curate", "train_origin"),
            ("metric", ".mean()", ".mean() * 1.0", "measure", "sample_arm"),
            ("model", "time > 0.5", "time >= 0.5", "train_origin", "real_data"),
            ("judge", "dim=2), x", "dim=2), 1.0 * x", "judge", "train_origin"),
            ("figure", "2.5)", "2.6)", "draw", "measure"),
            ("estimator", "model[:, None, None] *", "1.0 * model[:, None, None] *", "simulate", "train_origin"),
        ],
    ),
)
def test_an_edit_runs_again_what_uses_it_and_nothing_else(
    own: Copy, example: str, old: str, new: str, runs: str, runs_not: str
) -> None:
    file = EXAMPLES.relative_to(ROOT) / (example if "." in example else f"{example}.py")
    before = (own.folder / file).read_text()
    own.edit(str(file), old, new)
    try:
        planned = own.planned("all")
    finally:
        (own.folder / file).write_text(before)
        os.utime(own.folder / file, ns=(0, 0))
    assert runs in planned and runs_not not in planned, planned


def test_a_file_that_a_component_opens_is_an_input_of_what_uses_it_and_of_nothing_else(unbuilt: Copy) -> None:
    opens = "\n    @property\n    def files(self):\n        return ('height.txt',)\n"
    reads = "float(open('height.txt').read())"
    (unbuilt.folder / "my_upwards.py").write_text(REWARD.replace("self.height)", f"{reads})") + opens)
    (unbuilt.folder / "height.txt").write_text("0.5")
    unbuilt.study(arm_defaults={**TINY["arm_defaults"], "reward": {"kind": "my_upwards.py"}}, arms={"upwards": {}})
    target = "results/tiny/arms/upwards/seeds-0-1/gen-000/curated.safetensors"
    assert unbuilt.snakemake(target).returncode == 0
    assert unbuilt.planned(target) == {}
    assert "height.txt" in json.loads(record_of(unbuilt.folder / target).read_text())["inputs"]
    before = (unbuilt.folder / target).read_bytes()
    (unbuilt.folder / "height.txt").write_text("1.5")
    assert unbuilt.planned(target) == {"curate": 1}
    assert unbuilt.snakemake(target).returncode == 0
    assert (unbuilt.folder / target).read_bytes() != before


FOLDER_OF_POINTS = """
from pathlib import Path
import numpy as np
from mine.scaling import SCALE
from recurate.data import Data, Description, RealData


class Folder(Data):
    @property
    def files(self):
        return sorted(str(path) for path in Path("mine/points").rglob("*.csv"))

    @property
    def description(self):
        return Description((2,), 0)

    def load(self, generator):
        x = SCALE * np.concatenate([np.loadtxt(path, delimiter=",", dtype=np.float32) for path in self.files])
        y = np.zeros(len(x), int)
        return RealData(x, y, x, y)
"""


def test_a_file_edited_added_or_taken_away_and_a_module_beside_are_seen(unbuilt: Copy) -> None:
    points = unbuilt.folder / "mine/points"
    (points / "more λ, $of").mkdir(parents=True)
    for name in ("a.csv", "more λ, $of/b.csv"):
        np.savetxt(points / name, np.random.default_rng(0).normal(size=(40, 2)), delimiter=",")
    (unbuilt.folder / "mine/own.py").write_text(FOLDER_OF_POINTS)
    (unbuilt.folder / "mine/scaling.py").write_text("SCALE = np = 1.0\n")
    origin = {**TINY["origins"]["gaussians"], "data": {"kind": "mine/own.py"}}
    unbuilt.study(origins={"gaussians": origin})
    target = "results/tiny/origins/gaussians/real.safetensors"

    done = unbuilt.snakemake(target)
    assert done.returncode == 0, done.stdout
    assert unbuilt.planned(target) == {}
    before = (points / "a.csv").read_bytes()
    np.savetxt(points / "a.csv", np.random.default_rng(1).normal(size=(40, 2)), delimiter=",")
    assert unbuilt.planned(target) == {"real_data": 1}
    (points / "a.csv").write_bytes(before)
    shutil.copy2(points / "a.csv", points / "c.csv")
    assert unbuilt.planned(target) == {"real_data": 1}
    (points / "c.csv").unlink()
    (points / "a.csv").rename(unbuilt.folder / "a.csv")
    assert unbuilt.planned(target) == {"real_data": 1}
    (unbuilt.folder / "a.csv").rename(points / "a.csv")
    (unbuilt.folder / "mine/scaling.py").write_text("SCALE = np = 2.0\n")
    assert unbuilt.planned(target) == {"real_data": 1}
    done = unbuilt.snakemake(target)
    assert done.returncode == 0, done.stdout
    assert unbuilt.planned(target) == {}


def test_a_text_of_a_corpus_folder_edited_added_or_taken_away_is_seen(unbuilt: Copy) -> None:
    texts = unbuilt.folder / "texts"
    texts.mkdir()
    for number in range(20):
        (texts / f"{number:02d}.txt").write_text("the cat sat on the mat and the dog ran . " * 20, encoding="utf-8")
    origin = {
        "data": {"kind": "text", "corpus": "texts", "tokenizer": {"kind": "bpe", "vocabulary": 260}, "block": 8},
        "model": {"kind": "transformer", "vocabulary": 260, "context": 8, "width": 8, "heads": 2, "blocks": 1},
        "objective": {"kind": "next_token"},
        "training": {"steps": 10, "batch_size": 8},
        "sampler": {"kind": "continuation", "prompt": 4},
        "samples": 20,
    }
    arm = {**TINY["arm_defaults"], "reward": {"kind": "length", "enough": 9}, "origin": "words"}
    unbuilt.study(origins={"words": origin}, arm_defaults=arm, arms={"liked": {"curation": {"kept": 10}}}, metrics=[])
    target = "results/tiny/origins/words/real.safetensors"
    done = unbuilt.snakemake(target)
    assert done.returncode == 0, done.stdout
    assert unbuilt.planned(target) == {}
    before = (texts / "03.txt").read_text(encoding="utf-8")
    (texts / "03.txt").write_text(before + "a bird .", encoding="utf-8")
    assert unbuilt.planned(target) == {"real_data": 1}
    (texts / "03.txt").write_text(before, encoding="utf-8")
    (texts / "20.txt").write_text(before, encoding="utf-8")
    assert unbuilt.planned(target) == {"real_data": 1}
    (texts / "20.txt").unlink()
    (texts / "00.txt").unlink()
    assert unbuilt.planned(target) == {"real_data": 1}


@pytest.mark.parametrize("place", ["import", "call"])
def test_own_code_that_ends_the_process_ends_with_a_sentence_and_not_as_if_all_were_done(
    unbuilt: Copy, place: str
) -> None:
    code = (
        f"import sys; sys.exit(0)\n{REWARD}"
        if place == "import"
        else REWARD.replace("return np.minimum", "__import__('sys').exit(0)\n        return np.minimum")
    )
    (unbuilt.folder / "my_upwards.py").write_text(code)
    unbuilt.study(arm_defaults={**TINY["arm_defaults"], "reward": {"kind": "my_upwards.py"}}, arms={"upwards": {}})
    target = "results/tiny/arms/upwards/seeds-0-1/gen-000/curated.safetensors"
    done = unbuilt.snakemake(*(["-n"] if place == "import" else []), target)
    assert done.returncode != 0
    assert not (unbuilt.folder / target).exists()
    if place == "import":
        assert "my_upwards.py cannot be imported (SystemExit: 0)" in done.stdout and "Traceback" not in done.stdout
        return
    sentence = "error: reward: my_upwards.py: __call__ ended the process with sys.exit(0); raise an error instead"
    assert sentence in done.stdout and "Traceback" not in done.stdout
    log = (unbuilt.folder / "results/logs/tiny/arms/upwards/seeds-0-1/gen-000/curated.log").read_text()
    told, traceback = log.split(sentence)
    assert "Traceback" not in told and 'my_upwards.py", line' in traceback


def test_a_study_without_any_forecast_runs_to_the_report_which_says_why(unbuilt: Copy) -> None:
    """One Euler step loses variance, so that samples come from another law than the one learnt."""
    origin = {**TINY["origins"]["gaussians"], "sampler": {"kind": "ode", "method": "euler", "steps": 1}}
    arms = {"curated": {}, "control": {"curation": {"choices": 1}}}
    unbuilt.study(origins={"gaussians": origin}, generations=1, arms=arms, figures=["trajectory", "shares", "effects"])
    done = unbuilt.snakemake()
    assert done.returncode == 0, done.stdout
    claims = rows_of(unbuilt, "tiny/claims.csv")
    assert rows_of(unbuilt, "tiny/forecast.csv") == []
    assert claims and {row["verdict"] for row in claims} == {"not applicable"}
    assert all(row["note"] for row in claims)
    report = (unbuilt.folder / "results/report.html").read_text()
    assert "the sampler" in report and "of a Gaussian" in report


def built_with(copy: Copy, curation: str) -> dict[str, list[dict[str, str]]]:
    """Rows of the tables of a pure loop with rewards of four levels and a curation of the user's own."""
    (copy.folder / "my_levels.py").write_text(LEVELS)
    (copy.folder / "my_curation.py").write_text(curation)
    own = {"reward": {"kind": "my_levels.py"}, "curation": {"kind": "my_curation.py", "kept": 200}}
    copy.study(arm_defaults={**TINY["arm_defaults"], **own}, arms={"own": {}})
    tables = {name: f"results/tiny/{name}.csv" for name in ("metrics", "forecast", "claims")}
    done = copy.snakemake(*tables.values(), "results/tiny/figures/trajectory.pdf")
    assert done.returncode == 0, done.stdout
    return {name: list(csv.DictReader((copy.folder / path).open(newline=""))) for name, path in tables.items()}


@pytest.mark.long
def test_the_best_of_four_is_forecast_by_its_own_operator_as_enumeration_has_it(unbuilt: Copy) -> None:
    rows = built_with(unbuilt, KEEP + OPERATOR)
    forecast = {
        (r["generation"], r["seed"]): float(r["value"]) for r in rows["forecast"] if r["metric"] == "exp_reward_mean"
    }
    arrays = read_arrays(unbuilt.folder / "results/tiny/arms/own/seeds-0-1/gen-000/curated.safetensors")
    for seed in range(2):
        levels, counts = np.unique(arrays["reward"][seed].astype(np.float64), return_counts=True)
        assert len(levels) == 4
        masses = counts / counts.sum()
        for generation in range(3):
            assert forecast[str(generation), str(seed)] == pytest.approx(masses @ np.exp(levels), rel=1e-9)
            masses = of_four(masses, levels)
    notes = {row["note"] for row in rows["claims"] if row["claim"] == "lemma_2_2"}
    assert len(notes) == 1 and "K-wise Bradley-Terry" in notes.pop()


def test_without_an_operator_there_is_no_forecast_and_the_claims_say_why(unbuilt: Copy) -> None:
    rows = built_with(unbuilt, KEEP)
    assert rows["forecast"] == []
    assert {row["verdict"] for row in rows["claims"]} == {"not applicable"}
    assert all("this curation gives no exact operator" in row["note"] for row in rows["claims"])
