"""Autoencoders in the loop on real images, cut down to a minute."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from tiny import JUDGE, Copy, fresh

from recurate.files.arrays import read_arrays
from recurate.files.writing import read_json

pytestmark = pytest.mark.workflow

TRAINING = {"batch_size": 64, "learning_rate": 3.0e-3, "weight_decay": 1.0e-5}
STUDY: dict[str, Any] = {
    "generations": 1,
    "seeds": 2,
    "origins": {
        "mnist": {
            "data": {"kind": "mnist"},
            "judge": JUDGE,
            "model": {"kind": "conv_vae", "channels": 8},
            "objective": {"kind": "evidence_bound"},
            "training": {"steps": 300, **TRAINING},
            "sampler": {"kind": "decoder"},
            "samples": 500,
        }
    },
    "arm_defaults": {
        "origin": "mnist",
        "reward": {"kind": "confidence", "gamma": 5.0},
        "curation": {"kind": "bradley_terry", "choices": 1, "kept": 500},
        "mixing": {"lambda": float("inf")},
        "retraining": {"start": "scratch", "steps": 200, **TRAINING},
    },
    "arms": {"replace": {"retraining": {"synthetic": "afresh"}}, "curated": {"curation": {"choices": 4}}},
    "features": [{"kind": "encoder"}],
    "metrics": [{"kind": "spread", "features": "encoder"}],
    "figures": ["latents", "traversals", "contact_sheet", "trajectory", "shares", "quality"],
}


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    """The study, built once."""
    copy = fresh(tmp_path_factory.mktemp("autoencoders") / "project")
    copy.study(**STUDY)
    done = copy.snakemake("tiny")
    assert done.returncode == 0, done.stdout
    yield copy
    shutil.rmtree(copy.folder)


def test_latents_draw_together_without_real_data(vae: Copy) -> None:
    with (vae.folder / "results/tiny/metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["metric"] == "spread_encoder"]
    assert len(rows) == 2 * 2 * 2
    for arm in ("replace", "curated"):
        for seed in ("0", "1"):
            spread = [float(row["value"]) for row in rows if (row["arm"], row["seed"]) == (arm, seed)]
            assert spread[0] > spread[1]


def test_means_have_no_forecast_and_no_claim_applies_to_them(vae: Copy) -> None:
    with (vae.folder / "results/tiny/forecast.csv").open() as file:
        assert list(csv.DictReader(file)) == []
    with (vae.folder / "results/tiny/claims.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["verdict"] for row in rows} == {"not applicable"} and {row["arm"] for row in rows} == set(STUDY["arms"])
    assert all("sampling is biased" in row["note"] for row in rows)


def test_samples_drawn_afresh_are_not_read_from_the_last_generation_s_files(vae: Copy) -> None:
    def inputs(arm: str) -> list[str]:
        record = read_json(vae.folder / f"results/tiny/arms/{arm}/seeds-0-1/gen-001/.model.safetensors.record")
        return sorted(path.rpartition("gen-")[2] for path in record["inputs"] if "gen-" in path)

    assert inputs("replace") == ["000/model.safetensors"]
    assert inputs("curated") == ["000/curated.safetensors", "000/samples.safetensors"]


def test_every_generation_decodes_the_same_path(vae: Copy) -> None:
    one, other = read_arrays(vae.folder / "results/tiny/traversals.safetensors").values()
    assert one.shape == other.shape and len(one) == 2 and one.shape[2:] == (28, 28, 1)
    assert (one[0] == other[0]).all()  # the arms share generation 0
    assert (one[1] != other[1]).any()
    for figure in STUDY["figures"]:
        assert (vae.folder / f"results/tiny/figures/{figure}.png").stat().st_size > 10_000
