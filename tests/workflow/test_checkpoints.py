"""The loop from a checkpoint as it is: disjoint choices, and training that goes on with all of its state."""

from __future__ import annotations

import csv

import pytest
import torch
from tiny import Copy, changed

from recurate.files.arrays import read_arrays
from recurate.foundation.components import load
from recurate.models import Model

pytestmark = pytest.mark.workflow

CHECKPOINT = {"path": "weights.pt", "entry": "ema_model", "raw": "net_model", "optimizer": "optim"}
ARMS = {
    "pairs": {"curation": {"choices": 2, "kept": 200}},
    "fours": {"curation": {"choices": 4, "kept": 200}},
    "carried_over": {"retraining": {"carry_over": ["optimizer", "ema"]}},
}


def trained_elsewhere(network: dict[str, object], steps: int) -> dict[str, object]:
    """What torchcfm writes: a network moved by Adam, its average and Adam's state."""
    average = load(Model, network).initial((2,), torch.Generator().manual_seed(0))
    raw = {name: torch.nn.Parameter(value.clone()) for name, value in average.items()}
    adam = torch.optim.Adam(raw.values(), lr=1e-3)
    for _ in range(steps):
        for value in raw.values():
            value.grad = torch.ones_like(value)
        adam.step()
    return {"net_model": raw, "ema_model": average, "optim": adam.state_dict(), "step": steps}


def test_a_checkpoint_is_generation_0_and_hands_on_its_state(unbuilt: Copy) -> None:
    study = changed("origins.gaussians.checkpoint", CHECKPOINT)
    origin, defaults = study["origins"]["gaussians"], study["arm_defaults"]
    del origin["training"]
    defaults["retraining"]["ema_half_life"] = 500
    torch.save(trained_elsewhere(origin["model"], steps=7), unbuilt.folder / "weights.pt")
    unbuilt.study(**{**study, "arms": ARMS, "seeds": 1})
    done = unbuilt.snakemake("tiny")
    assert done.returncode == 0, done.stdout
    folder = unbuilt.folder / "results/tiny/arms/carried_over/seeds-0-0"
    steps = [read_arrays(folder / f"gen-00{number}/model.safetensors")["step/weight_0"] for number in (1, 2)]
    assert steps == [7 + 60, 7 + 120]
    with (unbuilt.folder / "results/tiny/metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["metric"] == "curation_distinct_share"]
    assert {row["value"] for row in rows if row["arm"] == "pairs"} == {"1.0"}
    assert all(float(row["value"]) < 1 for row in rows if row["arm"] == "fours")
    assert unbuilt.planned() == {}
