"""An origin taken from a checkpoint that others have trained: as it is, or as the start of training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from script import call

import sample
import train
from recurate.data import Data
from recurate.files.arrays import read_arrays, read_metadata, read_parameters, write_arrays
from recurate.files.fingerprints import file_digest
from recurate.foundation.components import load
from recurate.foundation.errors import RecurateError
from recurate.models import Model
from recurate.models.parts.checkpoint import Checkpoint
from recurate.training.settings import Training
from recurate.training.state import State

NETWORK = {"kind": "unet", "channels": 32, "channel_multipliers": [1], "head_channels": 32}
SPEC: dict[str, Any] = {"model": NETWORK, "objective": {"kind": "flow_matching"}, "mixing": {"real_fraction": 1.0}}
TRAINING = {"steps": 2, "batch_size": 4, "learning_rate": 1e-3, "ema_half_life": 100.0}
SEEDS = [5, 6]


PUBLISHED = sorted(Path(__file__).parents[2].glob("results/published/origins/*.json"))


@pytest.mark.parametrize("card", PUBLISHED, ids=lambda path: path.stem)
def test_a_published_origin_is_the_file_of_its_card_and_fits_its_network(card: Path) -> None:
    facts = json.loads(card.read_text())
    file = card.with_suffix(".safetensors")
    shape = load(Data, facts["data"]).description.shape
    read = Checkpoint(path=str(file), sha256=facts["sha256"]).stacked(load(Model, facts["model"]).shapes(shape), 1)
    assert sum(value.numel() for value in read.values()) == facts["parameters"]
    assert file.stat().st_size < 6_000_000


def test_published_origins_are_small_in_sum() -> None:
    assert len(PUBLISHED) == 5
    assert sum(card.with_suffix(".safetensors").stat().st_size for card in PUBLISHED) < 20_000_000


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A file as torchcfm writes them: several sets of parameters of a network for 8x8 colour images."""
    network = load(Model, NETWORK)
    sets = {
        entry: network.initial((8, 8, 3), torch.Generator().manual_seed(seed))
        for seed, entry in enumerate(("net_model", "ema_model"))
    }
    path = tmp_path / "weights.pt"
    torch.save({**sets, "step": 400_000}, path)
    return path


def origin(folder: Path, checkpoint: Path, training: dict[str, Any] | None, **settings: Any) -> Path:
    """Make an origin's model file from the checkpoint."""
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), np.uint8)
    write_arrays(folder / "real.safetensors", {"train_x": images}, {})
    model = folder / "model.safetensors"
    described = {"path": str(checkpoint), "entry": "ema_model", "sha256": None, **settings}
    call(
        train.main,
        real=str(folder / "real.safetensors"),
        model=str(model),
        spec={**SPEC, "training": training, "checkpoint": described},
        code="code",
        seeds=SEEDS,
        device="cpu",
        threads=1,
        start=str(checkpoint),
    )
    return model


def test_a_checkpoint_taken_as_it_is_becomes_every_seeds_model(tmp_path: Path, checkpoint: Path) -> None:
    model = origin(tmp_path, checkpoint, None, sha256=file_digest(checkpoint))
    expected = torch.load(checkpoint, weights_only=True)["ema_model"]
    found = read_parameters(model)
    assert set(found) == set(expected)
    for name, value in found.items():
        assert_array_equal(value, np.stack([expected[name].numpy()] * len(SEEDS)))
    metadata = read_metadata(model)
    assert metadata["generation"] == "0"
    assert file_digest(checkpoint) in json.loads(metadata["training"])["start"]


def test_seeds_that_share_a_checkpoint_draw_samples_of_their_own(tmp_path: Path, checkpoint: Path) -> None:
    model = origin(tmp_path, checkpoint, None)
    spec = {"model": NETWORK, "sampler": {"kind": "ode", "method": "euler", "steps": 2}, "samples": 3}
    call(sample.main, str(model), str(tmp_path / "samples.safetensors"), spec, "code", SEEDS, "cpu", 1)
    x = read_arrays(tmp_path / "samples.safetensors")["x"]
    assert x.shape == (2, 3, 8, 8, 3) and x.dtype == np.uint8
    assert not np.array_equal(x[0], x[1])


def test_training_goes_on_from_a_checkpoint(tmp_path: Path, checkpoint: Path) -> None:
    found = read_parameters(origin(tmp_path, checkpoint, TRAINING))
    start = torch.load(checkpoint, weights_only=True)["ema_model"]
    moved = {name: np.abs(value - start[name].numpy()).max() for name, value in found.items()}
    # Adam moves a parameter by at most about its rate in a step.
    assert 0 < max(moved.values()) < 3 * TRAINING["steps"] * TRAINING["learning_rate"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"sha256": "0" * 64}, "SHA-256"),
        ({"entry": "ema"}, "no entry 'ema'"),
        ({"entry": None}, "name one with entry"),
        ({"path": "absent.pt"}, "no such checkpoint"),
    ],
)
def test_a_wrong_checkpoint_is_a_sentence_and_leaves_no_model(
    tmp_path: Path, checkpoint: Path, settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(RecurateError, match=sentence):
        origin(tmp_path, checkpoint, None, **settings)
    assert not (tmp_path / "model.safetensors").exists()


# A checkpoint with all of its training's state


ALL_OF_IT = {"raw": "net_model", "optimizer": "optim"}


class Torch:
    """Training in plain PyTorch: a network's parameters, moved by torch.optim.Adam, and their running average."""

    def __init__(self) -> None:
        start = load(Model, NETWORK).initial((8, 8, 3), torch.Generator().manual_seed(0))
        self.raw = {name: torch.nn.Parameter(value) for name, value in start.items()}
        self.average = {name: value.clone() for name, value in start.items()}
        self.adam = torch.optim.Adam(self.raw.values(), lr=1e-3)

    def step(self, seed: int) -> list[torch.Tensor]:
        """One step down random gradients, which it gives."""
        generator = torch.Generator().manual_seed(seed)
        for value in self.raw.values():
            value.grad = torch.randn(value.shape, generator=generator)
        self.adam.step()
        for name, value in self.raw.items():
            self.average[name] = 0.9 * self.average[name] + 0.1 * value.detach()
        return [value.grad for _, value in sorted(self.raw.items())]

    def save(self, path: Path, **changes: Any) -> None:
        sets = {"net_model": dict(self.raw), "ema_model": self.average, "optim": self.adam.state_dict(), "step": 3}
        torch.save({**sets, **changes}, path)


def test_training_that_goes_on_from_a_checkpoint_is_pytorchs_own(tmp_path: Path) -> None:
    """Two more steps here and there, with the same gradients: parameters, average and Adam's moments agree."""
    theirs, path = Torch(), tmp_path / "weights.pt"
    for seed in range(3):
        theirs.step(seed)
    theirs.save(path)
    settings = Training(steps=2, batch_size=1, ema_half_life=float(np.log(0.5) / np.log(0.9)))
    ours = State.read(origin(tmp_path, path, None, **ALL_OF_IT), settings, "cpu", ["optimizer", "ema"])
    for seed in (7, 8):
        gradients = theirs.step(seed)
        ours.step([torch.stack([gradient] * len(SEEDS)) for gradient in gradients], rate=1e-3)
    found, numbers = ours.arrays(complete=True), dict(zip(theirs.raw, theirs.adam.state.values(), strict=True))
    for name, value in theirs.raw.items():
        wanted = {"raw": value.detach(), "parameter": theirs.average[name]}
        wanted |= {key: numbers[name][key] for key in ("exp_avg", "exp_avg_sq")}
        for part, expected in wanted.items():
            for seed in range(len(SEEDS)):
                np.testing.assert_allclose(found[f"{part}/{name}"][seed], expected, rtol=2e-5, atol=1e-7)
        assert found[f"step/{name}"] == 5


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"optim": None}, "'optim' is not the state of torch.optim.Adam for [0-9]+ parameters; name another entry"),
        ({"optim": {"state": {}, "param_groups": []}}, "'optim' is not the state of torch.optim.Adam"),
        ({"optim": {"state": {0: {"step": 1}}}}, "'optim' is not the state of torch.optim.Adam"),
        ({"net_model": {}}, "a checkpoint of another network: it has no parameter"),
    ],
)
def test_a_checkpoint_without_the_state_is_a_sentence_and_leaves_no_model(
    tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    theirs, path = Torch(), tmp_path / "weights.pt"
    theirs.step(0)
    theirs.save(path, **changes)
    with pytest.raises(RecurateError, match=f"weights.pt: {sentence}"):
        origin(tmp_path, path, None, **ALL_OF_IT)
    assert not (tmp_path / "model.safetensors").exists()


def test_moments_of_another_order_of_parameters_are_refused(tmp_path: Path) -> None:
    theirs, path = Torch(), tmp_path / "weights.pt"
    theirs.step(0)
    theirs.save(path, net_model=dict(reversed(theirs.raw.items())))
    with pytest.raises(RecurateError, match=r"a checkpoint of another network: .* has shape"):
        origin(tmp_path, path, None, **ALL_OF_IT)
