"""Denoising diffusion on MNIST, told classes and not, in every way of using real data, cut down to a minute."""

from __future__ import annotations

import csv
import math
import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tiny import JUDGE, Copy, fresh

from recurate.files.arrays import read_arrays

pytestmark = pytest.mark.workflow

TRAINING = {"batch_size": 32, "learning_rate": 2.0e-3, "ema_half_life": 600, "gradient_clip": 1.0}
NETWORK = {"kind": "noise_unet", "channels": 32, "channel_multipliers": [1], "head_channels": 32, "patch": 4}
ORIGIN: dict[str, Any] = {
    "data": {"kind": "mnist"},
    "judge": JUDGE,
    "training": {"steps": 150, **TRAINING},
    "samples": 200,
    "real_samples": 300,
}
STUDY: dict[str, Any] = {
    "generations": 1,
    "seeds": 2,
    "seeds_per_job": 2,
    "origins": {
        "told": {
            **ORIGIN,
            "model": {**NETWORK, "noise_steps": 100, "classes": 10},
            "objective": {"kind": "denoising", "label_dropout": 0.1},
            "sampler": {"kind": "dpm_solver", "steps": 7, "limit": 1.0, "labels": "trained"},
        },
        "untold": {
            **ORIGIN,
            "model": {**NETWORK, "noise_steps": 100},
            "objective": {"kind": "denoising"},
            "sampler": {"kind": "ancestral", "steps": 8, "limit": 1.0, "chunk": 80},
        },
    },
    "arm_defaults": {
        "origin": "told",
        "reward": {"kind": "class_probability", "gamma": 5.0, "target_class": 1},
        "curation": {"kind": "bradley_terry", "choices": 1, "kept": 150},
        "mixing": {"lambda": math.inf},
        "retraining": {"steps": 20, **TRAINING},
    },
    "arms": {
        "curated": {"curation": {"choices": 4}},
        "guided": {
            "sampler": {"kind": "ddim", "steps": 5, "limit": 1.0, "labels": "trained", "guidance": 0.5},
            "mixing": {"regime": "fresh", "real_fraction": 0.5, "real": 150},
        },
        "contaminated": {"origin": "untold", "mixing": {"regime": "contamination", "real_fraction": 0.5, "real": 150}},
    },
    "features": [{"kind": "judge"}, {"kind": "pixels"}],
    "reference": {"samples": 1000},
    "metrics": [
        {"kind": "frechet", "features": "judge"},
        {"kind": "frechet", "features": "pixels"},
        {"kind": "precision_recall", "features": "judge", "neighbours": 5, "samples": 200},
    ],
    "figures": ["comparison", "trajectory", "contact_sheet"],
}


@pytest.fixture(scope="module")
def mnist(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    copy = fresh(tmp_path_factory.mktemp("diffusion") / "project")
    copy.study(**STUDY)
    for target in ("data", "tiny"):
        done = copy.snakemake(target)
        assert done.returncode == 0, done.stdout
    yield copy
    shutil.rmtree(copy.folder)


def table(copy: Copy, name: str) -> list[dict[str, str]]:
    with (copy.folder / f"results/tiny/{name}.csv").open() as file:
        return list(csv.DictReader(file))


def arrays(copy: Copy, path: str) -> dict[str, np.ndarray]:
    return read_arrays(copy.folder / "results/tiny" / path)


def test_samples_carry_the_classes_they_were_asked_for(mnist: Copy) -> None:
    for path in ("origins/told/seeds-0-1/gen-000", "arms/curated/seeds-0-1/gen-001", "arms/guided/seeds-0-1/gen-000"):
        found = arrays(mnist, f"{path}/samples.safetensors")
        assert found["x"].shape == (2, 200, 28, 28, 1) and found["x"].dtype == np.uint8
        assert found["drawn_class"].shape == (2, 200) and set(np.unique(found["drawn_class"])) <= set(range(10))
    assert "drawn_class" not in arrays(mnist, "arms/contaminated/seeds-0-1/gen-001/samples.safetensors")


def test_the_next_generation_draws_classes_as_curation_left_them(mnist: Copy) -> None:
    folder = "arms/curated/seeds-0-1"
    label = arrays(mnist, "origins/told/seeds-0-1/gen-000/samples.safetensors")["drawn_class"]
    kept = arrays(mnist, f"{folder}/gen-000/curated.safetensors")["index"]
    shares = arrays(mnist, f"{folder}/gen-001/model.safetensors")["label_shares"]
    for seed in range(2):
        expected = np.bincount(label[seed][kept[seed]], minlength=10) / kept.shape[1]
        np.testing.assert_allclose(shares[seed], expected)


def test_an_arm_with_guidance_shares_the_origin_s_model_and_not_its_samples(mnist: Copy) -> None:
    guided, plain = (
        arrays(mnist, f"{path}/seeds-0-1/gen-000/samples.safetensors") for path in ("arms/guided", "origins/told")
    )
    assert not (mnist.folder / "results/tiny/arms/guided/seeds-0-1/gen-000/model.safetensors").exists()
    assert np.array_equal(guided["drawn_class"], plain["drawn_class"]) and not np.array_equal(guided["x"], plain["x"])


def test_claims_say_where_theory_is_silent(mnist: Copy) -> None:
    rows = table(mnist, "claims")
    # The guided arm is biased by its settings, the contaminated one by the few steps of its sampler.
    assert {row["arm"] for row in table(mnist, "forecast")} == {"curated"}
    assert {row["verdict"] for row in rows if row["arm"] in ("guided", "contaminated")} == {"not applicable"}
    lemma = [row for row in rows if (row["arm"], row["claim"]) == ("curated", "lemma_2_2")]
    assert {row["source"] for row in lemma} == {"forecast", "measured"}
    assert {row["verdict"] for row in lemma if row["source"] == "forecast"} == {"supported"}


def test_distances_on_pixels_are_named_so_and_figures_are_drawn(mnist: Copy) -> None:
    names = {row["metric"] for row in table(mnist, "metrics")}
    assert {"frechet_pixels", "frechet_judge", "precision_judge", "recall_judge"} <= names and "fid" not in names
    for figure in STUDY["figures"]:
        assert (mnist.folder / f"results/tiny/figures/{figure}.png").stat().st_size > 10_000


def test_more_guidance_redraws_one_arm_and_trains_no_origin(mnist: Copy) -> None:
    sampler = {**STUDY["arms"]["guided"]["sampler"], "guidance": 1.0}
    mnist.study(**{**STUDY, "arms": {**STUDY["arms"], "guided": {**STUDY["arms"]["guided"], "sampler": sampler}}})
    planned = mnist.planned()
    mnist.study(**STUDY)
    assert (planned["sample_arm"], planned["train_arm"]) == (2, 1)
    assert not {"train_origin", "sample_origin", "judge", "reference"} & set(planned)
