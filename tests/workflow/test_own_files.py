"""Pictures, a pipeline and a classifier from a user's own folders, each one entry of a study file."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import Copy

from recurate.foundation.torchvision_compat import import_torchvision

pytestmark = pytest.mark.workflow
STUDY = """
title: Pictures of one's own
answers: nothing that was published
generations: 1
seeds: 2
origins:
  pictures:
    data: {kind: image_folder, folder: pictures, resize: [8, 8]}
    judge: {kind: image_classifier, folder: classifier}
    model: {kind: diffusers_unet, folder: pipeline, noise_steps: 100}
    objective: {kind: denoising}
    sampler: {kind: ddim, steps: 4, limit: 1.0}
    samples: 40
arms:
  curated:
    reward: {kind: brightness.py}
    curation: {kind: bradley_terry, choices: 4}
    retraining: {steps: 2, batch_size: 8, learning_rate: 0.0001}
features: [{kind: judge}]
metrics: [{kind: frechet, features: judge}]
figures: [contact_sheet]
"""
# A scorer with a network of its own, which is loaded once and sees pictures batch by batch.
REWARD = """
from functools import cached_property

import torch

from recurate.curation.rewards import Reward


class Brightness(Reward):
    def check(self, data):
        if len(data.shape) != 3:
            raise ValueError("needs pictures")

    @property
    def supremum(self):
        return 200.0

    @cached_property
    def network(self):
        print("loaded")
        return torch.nn.AdaptiveAvgPool2d(1).to("cuda" if torch.cuda.is_available() else "cpu")

    def __call__(self, x, scorer):
        scores = []
        for batch in torch.from_numpy(x.copy()).split(16):
            scores.append(self.network(batch.permute(0, 3, 1, 2) / 255).mean(dim=(1, 2, 3)).cpu())
        return 200 * torch.cat(scores).double().numpy()
"""


def test_a_study_of_folders_of_one_s_own_runs_to_the_end(unbuilt: Copy) -> None:
    import_torchvision()
    diffusers, transformers = pytest.importorskip("diffusers"), pytest.importorskip("transformers")
    numbers = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (unbuilt.folder / "pictures" / name).mkdir(parents=True)
        for row in range(20):
            pixels = numbers.integers(0, 256, (10, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(unbuilt.folder / f"pictures/{name}/{row}.png")
    torch.manual_seed(0)
    blocks = {"down_block_types": ["DownBlock2D"], "up_block_types": ["UpBlock2D"], "block_out_channels": [32]}
    unet = diffusers.UNet2DModel(sample_size=8, layers_per_block=1, **blocks)
    diffusers.DDPMPipeline(unet, diffusers.DDPMScheduler()).save_pretrained(unbuilt.folder / "pipeline")
    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.ViTConfig(image_size=16, patch_size=8, num_labels=2, **sizes)
    transformers.ViTForImageClassification(config).save_pretrained(unbuilt.folder / "classifier")
    processor = transformers.ViTImageProcessor(size={"height": 16, "width": 16})
    processor.save_pretrained(unbuilt.folder / "classifier")
    (unbuilt.folder / "brightness.py").write_text(REWARD)
    unbuilt.study_file.write_text(STUDY)
    done = unbuilt.snakemake("tiny")
    assert done.returncode == 0, done.stdout
    with (unbuilt.folder / "results/tiny/metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["metric"] for row in rows} >= {"share_0", "share_1", "frechet_judge"}
    kept = {row["metric"]: float(row["value"]) for row in rows if row["arm"] == "curated" and row["generation"] == "0"}
    assert kept["curation_reward_after"] > kept["curation_reward_before"]
    log = unbuilt.folder / "results/logs/tiny/arms/curated/seeds-0-1/gen-000/curated.log"
    assert log.read_text().count("loaded") == 1

    picture = unbuilt.folder / "pictures/dog/7.png"
    Image.fromarray(numbers.integers(0, 256, (10, 12, 3), dtype=np.uint8)).save(picture)
    assert unbuilt.planned()["real_data"] == 1  # another picture
    picture.write_bytes(picture.read_bytes()[:50])
    damaged = unbuilt.snakemake("tiny")
    assert damaged.returncode != 0
    assert "pictures/dog/7.png: cannot be read as a picture" in damaged.stdout
