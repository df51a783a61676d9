"""A reward, a data set, a network or a metric of one's own is one module and one entry in a study file."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from own_kinds import KEEP, LEVELS, OPERATOR, of_four
from tiny import TINY, Copy

from recurate.files.arrays import read_arrays
from recurate.files.records import record_of

pytestmark = pytest.mark.workflow

REWARD = '''
import numpy as np
from pydantic import Field
from recurate.curation.rewards import Reward


class Upwards(Reward):
    """Everything above a line is equally good."""

    height: float = Field(0.0, description="height of the line")

    @property
    def supremum(self) -> float:
        return 0.0

    def __call__(self, x, judge):
        return np.minimum(0.0, x[:, 1] - self.height)
'''
DATA = '''
import numpy as np
from pydantic import Field
from recurate.data import Data, Description, RealData


class Line(Data):
    """Points on a line."""

    length: float = Field(2.0, gt=0, description="length of the line")

    @property
    def description(self):
        return Description(shape=(2,), classes=0)

    def load(self, generator):
        x = np.zeros((600, 2), np.float32)
        x[:, 1] = self.length * (generator.random(600) - 0.5)
        y = np.zeros(600, np.int64)
        return RealData(x[:400], y[:400], x[400:], y[400:])
'''
MODEL = '''
import torch
from recurate.models import VelocityModel


class Affine(VelocityModel):
    """A velocity that is affine in x, for each of two halves of time."""

    def initial(self, shape, generator):
        return {"matrix": 0.1 * torch.randn(2, *shape, *shape, generator=generator), "shift": torch.zeros(2, *shape)}

    def velocity(self, parameters, x, time):
        half = (time > 0.5).float()[..., None]
        product = torch.einsum("sbi,skij->skbj", x, parameters["matrix"])
        early, late = (product + parameters["shift"][:, :, None]).unbind(1)
        return (1 - half) * early + half * late
'''
METRIC = '''
from recurate.measuring.metrics import Evidence, Metric


class Height(Metric):
    """Mean second coordinate."""

    def __call__(self, evidence: Evidence):
        return {"height": float(evidence.x[:, 1].mean())}
'''


def test_modules_from_outside_the_library_run_the_loop_and_count_in_the_digests(unbuilt: Copy) -> None:
    modules = {"upwards": REWARD, "line": DATA, "affine": MODEL, "height": METRIC}
    for name, text in modules.items():
        (unbuilt.folder / f"my_{name}.py").write_text(text)
    origin = TINY["origins"]["gaussians"] | {
        "data": {"kind": "my_line.py", "length": 3.0},
        "model": {"kind": "my_affine.py"},
    }
    arm = TINY["arm_defaults"] | {"reward": {"kind": "my_upwards.py", "height": 0.5}}
    unbuilt.study(
        origins={"gaussians": origin}, arm_defaults=arm, arms={"upwards": {}}, metrics=[{"kind": "my_height.py"}]
    )
    tables = [f"results/tiny/{name}.csv" for name in ("metrics", "forecast", "claims")]
    done = unbuilt.snakemake(*tables)
    assert done.returncode == 0, done.stdout

    with (unbuilt.folder / tables[0]).open() as file:
        values = {(r["metric"], r["generation"], r["seed"]): float(r["value"]) for r in csv.DictReader(file)}
    for generation, seed in (("0", "0"), ("0", "1"), ("2", "0"), ("2", "1")):
        before, after = (values[f"curation_reward_{when}", generation, seed] for when in ("before", "after"))
        assert after > before  # people kept what the reward of the user's module says
        assert -1.5 < values["height", generation, seed] < 1.5

    assert unbuilt.planned(*tables) == {}
    unbuilt.edit("my_upwards.py", "x[:, 1] - self.height", "x[:, 1] - 1.0 * self.height")
    assert unbuilt.planned(*tables)["curate"] == 3
    assert "train_origin" not in unbuilt.planned(*tables)


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
