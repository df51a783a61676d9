"""The loop on real images: MNIST fetched, verified and turned once, cut down to a minute."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tiny import JUDGE, Copy, fresh

from recurate.curation.bradley_terry import BradleyTerry
from recurate.files.arrays import read_arrays
from recurate.files.writing import read_json

pytestmark = pytest.mark.workflow

TRAINING = {"batch_size": 32, "learning_rate": 2.0e-3, "warm_up": 10, "ema_half_life": 600, "gradient_clip": 1.0}
STUDY: dict[str, Any] = {
    "generations": 1,
    "seeds": 1,
    "origins": {
        "mnist": {
            "data": {"kind": "mnist"},
            "judge": JUDGE,
            "model": {
                "kind": "unet",
                "channels": 32,
                "channel_multipliers": [1],
                "head_channels": 32,
                "patch": 4,
                "prediction": "image",
            },
            "objective": {"kind": "flow_matching", "coupling": "optimal_transport"},
            "training": {"steps": 250, **TRAINING},
            "sampler": {"kind": "ode", "method": "midpoint", "steps": 3},
            "samples": 600,
        }
    },
    "arm_defaults": {
        "origin": "mnist",
        "reward": {"kind": "class_probability", "gamma": 5.0, "target_class": 1},
        "curation": {"kind": "bradley_terry", "choices": 4, "kept": 600},
        "mixing": {"lambda": float("inf")},
        "retraining": {"steps": 50, **TRAINING},
    },
    "arms": {"curated": {}, "mixed": {"mixing": {"lambda": 0.5}}},
    "features": [{"kind": "judge"}],
    "reference": {"samples": 1000},
    "metrics": [
        {"kind": "frechet", "features": "judge"},
        {"kind": "kernel_distance", "features": "judge", "subset_size": 200},
        {"kind": "precision_recall", "features": "judge", "neighbours": 3, "samples": 300},
        {"kind": "memorisation", "features": "judge", "samples": 300},
    ],
    "figures": ["trajectory", "shares", "quality", "contact_sheet"],
}


@pytest.fixture(scope="module")
def mnist(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    """The study, built once, its data fetched ahead as on a machine whose compute nodes have no network."""
    copy = fresh(tmp_path_factory.mktemp("images") / "project")
    copy.study(**STUDY)
    done = copy.snakemake("data")
    assert done.returncode == 0, done.stdout
    done = copy.snakemake("tiny")
    assert done.returncode == 0, done.stdout
    yield copy
    shutil.rmtree(copy.folder)


def metrics(copy: Copy) -> dict[tuple[str, int, str], float]:
    with (copy.folder / "results/tiny/metrics.csv").open() as file:
        return {(r["arm"], int(r["generation"]), r["metric"]): float(r["value"]) for r in csv.DictReader(file)}


def test_data_are_fetched_once_and_carry_a_card(mnist: Copy) -> None:
    real = read_arrays(mnist.folder / "data/mnist.safetensors")
    assert real["train_x"].shape == (60_000, 28, 28, 1) and real["train_x"].dtype == np.uint8
    assert real["test_x"].shape == (10_000, 28, 28, 1)
    assert np.bincount(real["test_y"]).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    card = read_json(mnist.folder / "data/mnist.json")
    assert {"source", "licence", "sha256"} <= set(card)
    assert mnist.planned("data") == {}


def test_the_loop_favours_the_class_that_the_reward_favours(mnist: Copy) -> None:
    values = metrics(mnist)
    for arm in ("curated", "mixed"):
        before, after = (values[arm, 0, f"curation_reward_{when}"] for when in ("before", "after"))
        assert after > before
    assert values["curated", 1, "reward_mean"] > values["curated", 0, "reward_mean"]


def test_every_image_metric_is_there_and_in_its_range(mnist: Copy) -> None:
    values = metrics(mnist)
    for generation in (0, 1):
        of = {metric: v for (arm, g, metric), v in values.items() if arm == "curated" and g == generation}
        assert of["frechet_judge"] > 0 and "fid" not in of
        for share in ("precision_judge", "recall_judge", "coverage_judge", "memorisation_judge", "confidence_mean"):
            assert 0 <= of[share] <= 1
        assert of["training_samples_judge"] == 60_000  # all of them, though features compare with 1,000
        assert of["neighbours_judge"] == 3 and of["manifold_samples_judge"] == 300
        assert sum(of[f"share_{number}"] for number in range(10)) == pytest.approx(1)


def test_the_forecast_predicts_class_shares_from_generation_0(mnist: Copy) -> None:
    """The forecast's generation 1 is what curation of generation 0 keeps, on average over many curations."""
    curated = read_arrays(mnist.folder / "results/tiny/arms/curated/seeds-0-0/gen-000/curated.safetensors")
    reward, label = curated["reward"][0].astype(np.float64), curated["judged_class"][0]
    people = BradleyTerry(kind="bradley_terry", choices=4, kept=300)
    kept = np.concatenate([people.keep(reward, np.random.default_rng(seed)).kept for seed in range(400)])
    expected = np.bincount(label[kept], minlength=10) / len(kept)
    with (mnist.folder / "results/tiny/forecast.csv").open() as file:
        found = {
            row["metric"]: float(row["value"])
            for row in csv.DictReader(file)
            if row["arm"] == "curated" and row["generation"] == "1"
        }
    assert [found[f"share_{number}"] for number in range(10)] == pytest.approx(expected, abs=0.01)


def test_pictures_are_drawn_and_a_changed_metric_trains_nothing(mnist: Copy) -> None:
    for figure in STUDY["figures"]:
        assert (mnist.folder / f"results/tiny/figures/{figure}.png").stat().st_size > 10_000
    mnist.study(**{**STUDY, "metrics": STUDY["metrics"][:2]})
    planned = mnist.planned()
    mnist.study(**STUDY)
    assert planned["measure"] == 4
    assert not {"train_origin", "sample_origin", "extract_origin", "reference"} & set(planned)
