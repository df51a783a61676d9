"""Variational autoencoders in the loop, against PyTorch's own layers, losses and optimisers."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from script import call
from study_setup import ROOT, STUDY, TRAINING, complaint
from torch import Tensor, nn
from training_setup import drawn, make_trainer, mixed_set

import extract
import train
from recurate.data import Description
from recurate.files.arrays import read_arrays, write_arrays
from recurate.foundation.components import load
from recurate.measuring.every_arm import space
from recurate.measuring.metrics import Evidence
from recurate.measuring.metrics.spread import Spread
from recurate.models import Model
from recurate.models.conv_vae import ConvVAE
from recurate.models.parts.fitted import FittedModel
from recurate.models.parts.units import Encoding
from recurate.sampling import Request
from recurate.sampling.decoder import Decoder
from recurate.sampling.parts.latent_path import closed_path
from recurate.study.reading import read_trained
from recurate.training.objectives.evidence_bound import EvidenceBound
from recurate.training.settings import Training
from recurate.training.trainer import CHUNK
from recurate.training.training_set import TrainingSet

SMALL = ConvVAE(kind="conv_vae", channels=4, latent=3)
SHAPE = (8, 8, 1)
BOUND = EvidenceBound(kind="evidence_bound")
DECODER = Decoder(kind="decoder", chunk=7)


def stacked(seeds: list[int], model: ConvVAE = SMALL) -> dict[str, Tensor]:
    alone = [model.initial(SHAPE, torch.Generator().manual_seed(seed)) for seed in seeds]
    return {name: torch.stack([parameters[name] for parameters in alone]) for name in alone[0]}


def as_layers(parameters: dict[str, Tensor], row: int) -> dict[str, nn.Module]:
    """The layers of `SMALL` as torch.nn builds them, with the parameters of one seed."""
    layers = {
        "down_1": nn.Conv2d(1, 4, 4, 2, 1),
        "down_2": nn.Conv2d(4, 8, 4, 2, 1),
        "mean": nn.Linear(32, 3),
        "log_variance": nn.Linear(32, 3),
        "expand": nn.Linear(3, 32),
        "up_2": nn.ConvTranspose2d(8, 4, 4, 2, 1),
        "up_1": nn.ConvTranspose2d(4, 1, 4, 2, 1),
    }
    for name, layer in layers.items():
        layer.load_state_dict({part: parameters[f"{name}.{part}"][row] for part in ("weight", "bias")})
    return layers


def encoded(layers: dict[str, nn.Module], x: Tensor) -> tuple[Tensor, Tensor]:
    h = layers["down_2"](layers["down_1"](x.permute(0, 3, 1, 2)).relu()).relu().flatten(1)
    return layers["mean"](h), layers["log_variance"](h)


def decoded(layers: dict[str, nn.Module], z: Tensor) -> Tensor:
    h = layers["up_2"](layers["expand"](z).reshape(-1, 8, 2, 2)).relu()
    return layers["up_1"](h).permute(0, 2, 3, 1)


# The network


def test_the_published_network_has_647_081_parameters() -> None:
    settings = read_trained(ROOT / "config/studies/shumailov_vae.yaml", "paper", {}).origins["mnist"]
    shapes = settings.model.shapes(settings.data.description.shape)
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == 647_081


def test_encoder_and_decoder_are_those_of_torch_nn() -> None:
    parameters, x, z = stacked([0, 1]), torch.rand(2, 5, *SHAPE) * 2 - 1, torch.randn(2, 5, 3)
    mean, log_variance = SMALL.encode(parameters, x)
    logits = SMALL.decode(parameters, z)
    for row in range(2):
        layers = as_layers(parameters, row)
        wanted = encoded(layers, x[row])
        assert_allclose(mean[row], wanted[0].detach(), atol=1e-6)
        assert_allclose(log_variance[row], wanted[1].detach(), atol=1e-6)
        assert_allclose(logits[row], decoded(layers, z[row]).detach(), atol=1e-6)


def test_parameters_start_with_the_spread_that_pytorch_gives_them() -> None:
    model = ConvVAE(kind="conv_vae")
    found = model.initial((28, 28, 1), torch.Generator().manual_seed(0))
    layers = {
        "down_2": nn.Conv2d(64, 128, 4, 2, 1),
        "mean": nn.Linear(6272, 20),
        "expand": nn.Linear(20, 6272),
        "up_2": nn.ConvTranspose2d(128, 64, 4, 2, 1),
    }
    for name, layer in layers.items():
        for part in ("weight", "bias"):
            theirs = getattr(layer, part).detach()
            assert found[f"{name}.{part}"].shape == theirs.shape
            if theirs.numel() > 1_000:
                assert float(found[f"{name}.{part}"].std()) == pytest.approx(float(theirs.std()), rel=0.05)
                assert float(found[f"{name}.{part}"].abs().max()) == pytest.approx(float(theirs.abs().max()), rel=0.02)


# The objective


def test_the_loss_is_cross_entropy_and_divergence_added_up_over_the_batch() -> None:
    parameters, x = stacked([0, 1]), torch.rand(2, 5, *SHAPE) * 2 - 1
    noise = BOUND.noise(SMALL, np.random.default_rng(0), 2, 5, SHAPE)["noise"]
    assert noise.shape == (2, 5, 3)
    draw = {"noise": torch.from_numpy(noise)}
    found = BOUND.costs(SMALL, parameters, x, draw).mean(dim=1)
    for row in range(2):
        layers = as_layers(parameters, row)
        mean, log_variance = encoded(layers, x[row])
        posterior = torch.distributions.Normal(mean, (log_variance / 2).exp())
        z = mean + posterior.stddev * draw["noise"][row]
        pixels = torch.sigmoid(decoded(layers, z))
        reconstruction = nn.functional.binary_cross_entropy(pixels, (x[row] + 1) / 2, reduction="sum")
        prior = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
        divergence = torch.distributions.kl_divergence(posterior, prior).sum()
        assert float(found[row]) == pytest.approx(float((reconstruction + divergence).detach()), rel=1e-5)


def test_the_weight_of_the_divergence_can_be_changed() -> None:
    parameters, x = stacked([0]), torch.rand(1, 5, *SHAPE) * 2 - 1
    draw = {"noise": torch.zeros(1, 5, 3)}
    losses = [
        float(EvidenceBound(kind="evidence_bound", divergence_weight=w).costs(SMALL, parameters, x, draw).mean(dim=1))
        for w in (0, 100, 400)
    ]
    assert losses[2] - losses[0] == pytest.approx(4 * (losses[1] - losses[0]), rel=1e-4)
    assert losses[1] > losses[0]


@pytest.mark.parametrize(("decoupled", "theirs"), [(False, torch.optim.Adam), (True, torch.optim.AdamW)])
def test_weight_decay_is_that_of_pytorch_s_optimisers(tmp_path: Path, decoupled: bool, theirs: Any) -> None:
    settings = Training(
        steps=7, batch_size=32, learning_rate=2e-3, schedule="constant", weight_decay=0.3,
        decoupled_weight_decay=decoupled,
    )  # fmt: skip
    trainer, training_set = make_trainer(tmp_path, [0, 3], settings=settings), mixed_set([0, 3])
    start = {name: value.clone().requires_grad_() for name, value in trainer.initial().items()}
    state, _ = trainer.train(trainer.start(), training_set)
    rows, draws = drawn(trainer, 0, 7, training_set)
    x = trainer._batches(0, rows, training_set)
    optimizer = theirs(start.values(), lr=2e-3, weight_decay=0.3)
    for step in range(7):
        draw = {name: numbers[:, step] for name, numbers in draws.items()}
        optimizer.zero_grad()
        trainer.objective.costs(trainer.model, start, x[:, step], draw).mean(dim=1).sum().backward()
        optimizer.step()
    for name, value in start.items():
        assert_allclose(state.sampled()[name], value.detach(), atol=1e-6)


# Samples


def test_samples_are_decoded_draws_from_the_prior() -> None:
    parameters, request = stacked([0, 3]), Request([0, 3], 1, 20, SHAPE)
    drawn = DECODER.sample(SMALL, parameters, request)
    for row in range(2):
        wanted = torch.sigmoid(decoded(as_layers(parameters, row), request.latents(3)[row])).detach()
        assert_allclose((drawn.x[row] + 1) / 2, wanted, atol=1e-6)
    assert drawn.evaluations == 1
    latents = Request([0], 1, 20_000, SHAPE).latents(3)
    assert float(latents.std()) == pytest.approx(1, abs=0.02)
    alone = DECODER.sample(SMALL, stacked([3]), Request([3], 1, 20, SHAPE))
    assert_allclose(alone.x[0], drawn.x[1], atol=1e-6)


def test_decoded_images_are_means_of_what_was_learnt_and_the_sampler_says_so() -> None:
    """The model learnt is of pixels that are on or off: an image of it differs from the decoder's by p (1 - p)."""
    parameters, request = stacked([0]), Request([0], 1, 200, SHAPE)
    means = ((DECODER.sample(SMALL, parameters, request).x[0] + 1) / 2).numpy()
    drawn = np.random.default_rng(0).random((400, *means.shape)) < means
    spread = drawn.var(axis=(0, 1)).mean()
    assert means.var(axis=0).mean() < 0.8 * spread
    assert spread == pytest.approx((means.var(axis=0) + (means * (1 - means)).mean(axis=0)).mean(), rel=0.01)
    assert DECODER.is_biased


# Samples drawn afresh


def numbered(chunk: int, n: int) -> tuple[Tensor, Tensor | None]:
    """Samples of two seeds that say which chunk and place they are of."""
    return torch.stack([1_000.0 * chunk + 10_000 * seed + torch.arange(n) for seed in (1, 2)])[..., None], None


@pytest.mark.parametrize("real_fraction", [0.0, 0.25])
def test_no_sample_that_is_drawn_afresh_is_trained_on_twice(real_fraction: float) -> None:
    training_set = TrainingSet(-torch.ones(10, 1), None, real_fraction, afresh=numbered)
    seen = []
    for chunk in range(3):
        of_chunk = training_set.of_chunk(chunk, 5 * 16)
        rows = torch.stack([of_chunk.rows(np.random.default_rng(seed), (5, 16)) for seed in range(2)])
        seen.append(of_chunk.take(rows.flatten(1))[..., 0])
    values = torch.cat(seen, dim=1)
    for seed in range(2):
        synthetic = values[seed][values[seed] >= 0]
        assert len(synthetic.unique()) == len(synthetic)
        assert float((synthetic // 10_000).mean()) == seed + 1
        assert len(synthetic) / values.shape[1] == pytest.approx(1 - real_fraction, abs=0.1)


def vae_file(path: Path, seeds: list[int], generation: int) -> Path:
    arrays = {f"parameter/{name}": value.numpy() for name, value in stacked(seeds).items()}
    encoding = Encoding(SHAPE, "uint8", 127.5, 127.5)
    write_arrays(path, arrays, {"encoding": encoding.to_json(), "generation": str(generation)})
    return path


def test_training_draws_its_samples_from_the_last_generation_s_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = vae_file(tmp_path / "source.safetensors", [0, 3], 0)
    real = np.random.default_rng(0).integers(256, size=(30, *SHAPE), dtype=np.uint8)
    write_arrays(tmp_path / "real.safetensors", {"train_x": real}, {})
    seen: list[Tensor] = []
    original = TrainingSet.take

    def take(self: TrainingSet, rows: Tensor) -> Tensor:
        seen.append(original(self, rows))
        return seen[-1]

    monkeypatch.setattr(TrainingSet, "take", take)
    call(
        train.main,
        real=str(tmp_path / "real.safetensors"),
        model=str(tmp_path / "model.safetensors"),
        spec={
            "model": SMALL.model_dump(),
            "objective": BOUND.model_dump(),
            "sampler": DECODER.model_dump(),
            "training": {"steps": CHUNK + 1, "batch_size": 4},
            "mixing": {"real_fraction": 0.0},
        },
        code="c",
        seeds=[0, 3],
        device="cpu",
        threads=1,
        generation=1,
        source=str(source),
    )
    for chunk, size in enumerate((4 * CHUNK, 4)):
        request = Request([0, 3], 1, size, SHAPE, "cpu", chunk)
        drawn = DECODER.sample(SMALL, stacked([0, 3]), request).x
        assert_array_equal(seen[chunk], Encoding(SHAPE, "uint8", 127.5, 127.5).decode(drawn))


# What generation 0's encoder says


def test_every_seed_s_samples_are_seen_by_its_own_encoder_of_generation_0(tmp_path: Path) -> None:
    origin = vae_file(tmp_path / "origin.safetensors", [0, 3], 0)
    x = np.random.default_rng(0).integers(256, size=(2, 9, *SHAPE), dtype=np.uint8)
    write_arrays(tmp_path / "samples.safetensors", {"x": x}, {})
    call(
        extract.main,
        samples=str(tmp_path / "samples.safetensors"),
        features=str(tmp_path / "features.safetensors"),
        spec={"features": [{"kind": "encoder", "chunk": 4}], "judge": None, "model": SMALL.model_dump()},
        code="c",
        seeds=[0, 3],
        device="cpu",
        threads=1,
        origin_model=str(origin),
    )
    found = read_arrays(tmp_path / "features.safetensors")["encoder"]
    for row in range(2):
        wanted, _ = encoded(as_layers(stacked([0, 3]), row), torch.from_numpy(x[row]) / 127.5 - 1)
        assert_allclose(found[row], wanted.detach(), atol=1e-5)


def test_the_spread_is_the_mean_over_features_of_their_standard_deviations() -> None:
    x = np.array([[0.0, 0.0], [2.0, 8.0]], dtype=np.float32)
    evidence = Evidence(x, x, np.random.default_rng(0), {"encoder": space("encoder", x, None, "test")})
    assert Spread(kind="spread", features="encoder")(evidence) == {"spread_encoder": pytest.approx((1 + 4) / 2)}


def test_a_traversal_is_closed_passes_through_its_anchors_and_stays_as_far_out_as_they_are() -> None:
    path, anchors = closed_path(20, 12, 3), closed_path(20, 3, 3)
    assert_allclose(path[::4], anchors, atol=1e-6)
    radii = np.linalg.norm(path, axis=1)
    assert radii.min() >= np.linalg.norm(anchors, axis=1).min() - 1e-5
    steps = np.linalg.norm(np.roll(path, -1, axis=0) - path, axis=1)
    assert steps.max() < 2 * steps.min()


# Settings that do not fit


def vae_study(**retraining: Any) -> dict[str, Any]:
    study = copy.deepcopy(STUDY)
    origin, arm = study["origins"]["gaussians"], study["arms"]["curated"]
    origin |= {
        "data": {"kind": "digits"},
        "model": SMALL.model_dump(),
        "objective": {"kind": "evidence_bound"},
        "sampler": {"kind": "decoder"},
        "judge": {"kind": "small_cnn"},
    }
    arm |= {
        "reward": {"kind": "confidence"},
        "curation": {"kind": "bradley_terry", "choices": 1, "kept": 50},
        "retraining": {**TRAINING, "start": "scratch", **retraining},
    }
    return study


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        ("origins.gaussians.objective", {"kind": "flow_matching"}, "flow_matching needs a vector field"),
        (
            "origins.gaussians.sampler",
            {"kind": "ode"},
            "ode needs a vector field, the model conv_vae is an autoenc",
        ),
        ("origins.gaussians.model", {"kind": "mlp"}, "evidence_bound needs an autoencoder"),
        ("arms.curated.curation.choices", 4, "afresh leaves nothing to curate"),
        ("arms.curated.mixing", {"regime": "accumulate", "lambda": 1}, "afresh draws from the last generation's model"),
        ("arms.curated.mixing", {"lambda": 0}, "afresh draws from the last generation's model"),
        ("metrics", [{"kind": "spread", "features": "encoder"}], "there are no features 'encoder'"),
        ("figures", ["latents"], "latents: shows the features encoder"),
        ("published", [{"arm": "other", "measure": "spread_encoder", "generation": 0, "value": 1}], "'other' is not"),
        ("published", [{"arm": "curated", "measure": "x", "generation": 9, "value": 1}], "there is no generation 9"),
    ],
)
def test_settings_that_do_not_fit_are_refused_with_a_sentence(
    keys: str, value: Any, message: str, tmp_path: Path
) -> None:
    study = vae_study(synthetic="afresh")
    *path, last = keys.split(".")
    block = study
    for key in path:
        block = block[key]
    block[last] = value
    assert any(message in line for line in complaint(study, tmp_path))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": [{"kind": "encoder"}]}, "features.0: encoder needs an autoencoder as generation 0"),
        ({"figures": ["traversals"]}, "traversals: needs an autoencoder as generation 0, mlp is a vector field"),
    ],
)
def test_flows_have_no_encoder(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    assert any(message in line for line in complaint({**copy.deepcopy(STUDY), **changes}, tmp_path))


@pytest.mark.parametrize("shape", [(2,), (8, 4, 1), (10, 10, 3)])
def test_images_that_cannot_be_halved_twice_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="needs square images whose side is a multiple of 4"):
        SMALL.check(Description(shape, 0))


def test_real_data_cannot_be_compared_in_an_encoder_of_each_seed_s_own(tmp_path: Path) -> None:
    study = {**vae_study(), "features": [{"kind": "encoder"}], "metrics": [{"kind": "frechet", "features": "encoder"}]}
    assert any("frechet compares with real data" in line for line in complaint(study, tmp_path))


def test_the_encoder_of_a_file_s_second_seed_is_the_second_seed_s(tmp_path: Path) -> None:
    origin = vae_file(tmp_path / "origin.safetensors", [0, 3], 0)
    fitted = FittedModel.read(SMALL, origin, row=1)
    assert all(torch.equal(value[0], stacked([3])[name][0]) for name, value in fitted.parameters.items())
    assert isinstance(load(Model, SMALL.model_dump()), ConvVAE)
