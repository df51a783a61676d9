"""Every path that runs on a GPU, on a CUDA device that is not there: devices agree, and what passes is named.

What this does not prove stands in docs/limits.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cuda_setup import MixedDevices, Passed, both_ways
from other_ways import import_cleanfid
from script import call
from torch import Tensor, nn
from training_setup import interrupt_after, make_trainer, mixed_set

import curate
import extract
import reference
import sample
import train
import train_judge
import traverse
from recurate.curation.judges import Judge
from recurate.curation.judges.small_cnn import SmallCNN
from recurate.curation.judges.vgg11 import VGG11
from recurate.curation.rewards import Reward
from recurate.data import RealData
from recurate.files.arrays import read_arrays, write_arrays
from recurate.foundation.components import component_class, kinds, load
from recurate.foundation.torchvision_compat import import_torchvision
from recurate.measuring.features import Features, inception
from recurate.models import Model
from recurate.models.mlp import MLP
from recurate.models.parts.units import Encoding
from recurate.models.transformer import Transformer
from recurate.sampling import Request, Sampler
from recurate.sampling.decoder import Decoder
from recurate.sampling.parts import text_generation
from recurate.training import state as training_state
from recurate.training.objectives import Objective
from recurate.training.objectives.flow_matching import FlowMatching
from recurate.training.settings import Training
from recurate.training.state import State
from recurate.training.trainer import CHUNK, Trainer
from recurate.training.training_set import TrainingSet

torch.set_num_threads(1)
SEEDS, CLASSES, BLOCK = [0, 3], 3, 6
Settings = dict[str, Any]
Arrays = dict[str, np.ndarray]

# Where data pass from the device to the host, and why.
TO_HOST = {
    "training/trainer:Trainer._finite": "the losses of a chunk of 50 steps, looked at and written",
    "training/state:State.arrays": "parameters and Adam's moments, for a file",
    "training/training_set:_shares": "labels of the training set, counted for a file",
    "training/objectives/flow_matching:transport_plan": "the assignment of a batch's noise, SciPy's, in every step",
    "models/causal_lm:_call": "whether a block is several texts, asked by transformers of GPT-2 in every step",
    "sample:main": "whether all samples are finite",
    "models/parts/units:Encoding.decode": "samples, for a file",
    "models/parts/likelihood:_by_block": "numbers of a chunk of blocks, for a file",
    "sampling/dopri5:DormandPrince._integrate": "the error of a step, by which torchdiffeq chooses the next",
    "curation/judges:FittedJudge._evaluate": "logits or features of a chunk of samples",
    "curation/judges/small_cnn:SmallCNN.fit": "parameters, for a file",
    "curation/judges/vgg11:VGG11.fit": "parameters, for a file",
    "curation/judges/vgg11:VGG11._train": "the loss of an epoch, for the log",
    "measuring/features:ImageFeatures.extract": "features of a chunk of images",
    "measuring/features/encoder:Encoder.extract": "features of a chunk of samples",
}


@cache
def real(data: str, n: int = 20) -> RealData:
    """Points of the plane, grey or colour images, or blocks of text, with classes."""
    generator = np.random.default_rng(0)
    y = np.arange(n) % CLASSES
    if data == "points":
        x = generator.normal(1.0, 2.0, (n, 2)).astype(np.float32)
    elif data == "text":
        x = generator.integers(0, 40, (n, BLOCK)).astype(np.int32)
    else:
        x = generator.integers(0, 256, (n, *SHAPES[data]), dtype=np.uint8)
    return RealData(x, y, x[::-1].copy(), y)


SHAPES = {"grey": (8, 8, 1), "colour": (32, 32, 3)}
NETWORKS: dict[str, tuple[str, Settings]] = {  # by name: data and settings
    "mlp": ("points", {"kind": "mlp", "width": 8, "depth": 2}),
    "residual_mlp": ("grey", {"kind": "residual_mlp", "width": 8, "blocks": 1}),
    "unet": ("grey", {"kind": "unet", "channel_multipliers": [1], "head_channels": 32}),
    "unet of images": (
        "grey",
        {"kind": "unet", "channel_multipliers": [2], "scale_shift": False, "patch": 2, "prediction": "image"},
    ),
    "noise_unet": ("grey", {"kind": "noise_unet", "channel_multipliers": [1], "head_channels": 32}),
    "noise_unet of classes": (
        "grey",
        {"kind": "noise_unet", "channel_multipliers": [1], "head_channels": 32, "classes": CLASSES},
    ),
    "conv_vae": ("grey", {"kind": "conv_vae", "channels": 4, "latent": 3}),
    "transformer": (
        "text",
        {"kind": "transformer", "vocabulary": 40, "context": 8, "width": 8, "heads": 2, "blocks": 1},
    ),
    "gpt2": ("text", {"kind": "causal_lm", "source": "gpt2", "vocabulary": 40, "context": 32}),
    "opt": ("text", {"kind": "causal_lm", "source": "opt", "vocabulary": 40, "context": 32}),
}


@cache
def network(name: str, folder: Path) -> tuple[Model, Arrays]:
    """A network and parameters (seeds, ..) of it that are far from zero."""
    settings = dict(NETWORKS[name][1])
    if settings["kind"] == "causal_lm":
        settings["source"] = saved(name, folder)
    model = load(Model, settings)
    generator = torch.Generator().manual_seed(0)
    alone = model.initial(real(NETWORKS[name][0]).train_x.shape[1:], generator)
    shifts = {key: 0.1 * torch.randn(len(SEEDS), *value.shape, generator=generator) for key, value in alone.items()}
    return model, {key: (value + shifts[key]).numpy() for key, value in alone.items()}


def saved(name: str, folder: Path) -> str:
    """Folder of a tiny random model of the transformers library."""
    import_torchvision()
    transformers = pytest.importorskip("transformers")
    shared = {"vocab_size": 40, "bos_token_id": 0, "eos_token_id": None}
    config = {
        "gpt2": lambda: transformers.GPT2Config(n_positions=32, n_embd=8, n_layer=1, n_head=2, **shared),
        "opt": lambda: transformers.OPTConfig(
            hidden_size=8, num_hidden_layers=1, ffn_dim=16, num_attention_heads=2, max_position_embeddings=32,
            word_embed_proj_dim=8, pad_token_id=1, **shared,
        ),
    }[name]()  # fmt: skip
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder / name)
    return str(folder / name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("networks")


@pytest.fixture(autouse=True)
def _on_the_device_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stages do not ask whether there is a GPU, nor for its name."""
    for stage in (curate, extract, reference, sample, train, train_judge, traverse):
        monkeypatch.setattr(stage, "prepare", lambda device, threads: device)
        monkeypatch.setattr(stage, "describe", lambda device: device)


@pytest.fixture
def files(tmp_path: Path) -> Callable[[str], Callable[[str], str]]:
    """Of a device, a function from the name of a file to its path in a folder of that device."""

    def of(device: str) -> Callable[[str], str]:
        (tmp_path / device).mkdir(exist_ok=True)
        return lambda name: str(tmp_path / device / f"{name}.safetensors")

    return of


Files = Callable[[str], Callable[[str], str]]


def write_model(path: str, name: str, folder: Path) -> None:
    """A model file, as training writes it."""
    model, parameters = network(name, folder)
    arrays = {f"parameter/{key}": value for key, value in parameters.items()}
    arrays["label_shares"] = np.full((len(SEEDS), CLASSES), 1 / CLASSES)
    encoding = Encoding.of(real(NETWORKS[name][0]).train_x)
    write_arrays(path, arrays, {"encoding": encoding.to_json(), "generation": "0"})


def check(passed: Passed) -> None:
    """Whatever comes back to the host does so at a named place."""
    assert set(passed.to_host) <= set(TO_HOST)


# Training

TRAININGS: dict[str, tuple[str, Settings, Settings]] = {  # by name: network, objective and training
    "flow": ("mlp", {"kind": "flow_matching"}, {"ema_half_life": 20.0, "weight_decay": 0.1}),
    "flow, image": ("residual_mlp", {"kind": "flow_matching"}, {"horizontal_flip": True, "gradient_clip": 1.0}),
    "flow, transport": ("unet", {"kind": "flow_matching", "coupling": "optimal_transport"}, {}),
    "flow, U-Net of images": ("unet of images", {"kind": "flow_matching"}, {"ema_half_life": 20.0}),
    "denoising": ("noise_unet", {"kind": "denoising"}, {"gradient_clip": 1.0}),
    "denoising, classes": ("noise_unet of classes", {"kind": "denoising", "label_dropout": 0.2}, {"warm_up": 2}),
    "bound": ("conv_vae", {"kind": "evidence_bound"}, {"weight_decay": 0.1}),
    "token": ("transformer", {"kind": "next_token"}, {"decoupled_weight_decay": True, "weight_decay": 0.1}),
    "token, GPT-2": ("gpt2", {"kind": "next_token"}, {"ema_half_life": 20.0}),
    "token, OPT": ("opt", {"kind": "next_token"}, {"gradient_clip": 1.0}),
}


def training(name: str, folder: Path, tmp_path: Path, steps: int = 2) -> Callable[[str], Any]:
    """A training of half real and half curated data, as a path."""
    of_network, objective, settings = TRAININGS[name]
    model, start = network(of_network, folder)
    data = real(NETWORKS[of_network][0])
    x, y = data.train_x, data.train_y
    loss = load(Objective, objective)

    def path(device: str) -> Any:
        encoding, trained = Encoding.of(x), Training(steps=steps, batch_size=4, keep_state=True, **settings)
        trainer = Trainer(model, loss, trained, encoding, SEEDS, 1, tmp_path / "none", device)

        def there(array: np.ndarray) -> Tensor:
            return torch.from_numpy(array).to(device)

        labels = (there(y), there(np.stack([y] * 2))) if loss.uses_labels else (None, None)
        rows = TrainingSet(there(x), there(np.stack([x] * 2)), 0.5, *labels)
        begin = State({key: torch.from_numpy(value) for key, value in start.items()}, trained, device)
        state, losses = trainer.train(begin, rows)
        shares = [rows.label_shares(CLASSES, 2)] if loss.uses_labels else []
        return [state.arrays(complete=True), losses, shares]

    return path


@pytest.mark.parametrize("name", TRAININGS)
def test_training_stays_on_the_gpu(name: str, folder: Path, tmp_path: Path) -> None:
    check(both_ways(training(name, folder, tmp_path)))


def test_every_objective_is_run_with_every_network_that_it_trains() -> None:
    pairs = {(objective["kind"], NETWORKS[name][1]["kind"]) for name, objective, _ in TRAININGS.values()}
    assert pairs == {
        (objective, model)
        for objective in kinds(Objective)
        for model in kinds(Model)
        if issubclass(component_class(Model, model), component_class(Objective, objective).trains)
    }


# What passes in every step of a seed, once to the host; a plan comes back.
IN_A_STEP = {
    "flow, transport": "training/objectives/flow_matching:transport_plan",
    "token, GPT-2": "models/causal_lm:_call",
}


@pytest.mark.parametrize("name", TRAININGS)
def test_a_step_copies_nothing_between_host_and_device(name: str, folder: Path, tmp_path: Path) -> None:
    few, more = (both_ways(training(name, folder, tmp_path, steps)) for steps in (1, 4))
    of_three_steps = {IN_A_STEP[name]: 3 * len(SEEDS)} if name in IN_A_STEP else {}
    assert Counter(more.to_host) - Counter(few.to_host) == of_three_steps
    back = of_three_steps if "transport" in name else {}
    assert Counter(more.to_device) - Counter(few.to_device) == back


def test_training_goes_on_from_files_with_moments_average_and_samples_drawn_afresh(folder: Path, files: Files) -> None:
    """From a model file with all of its state, on classes and samples that the same model draws for every chunk."""
    of_network = "noise_unet of classes"

    def path(device: str) -> Any:
        file = files(device)
        write_arrays(file("real"), real("grey").arrays(), {})
        spec = {
            "model": NETWORKS[of_network][1],
            "objective": {"kind": "denoising", "label_dropout": 0.2},
            "training": {"steps": 1, "batch_size": 2, "ema_half_life": 20.0, "keep_state": True},
        }
        trained = {"code": "c", "seeds": SEEDS, "device": device}
        call(train.main, file("real"), file("first"), {**spec, "mixing": {"real_fraction": 1.0}}, **trained)
        again = {
            **spec,
            "mixing": {"real_fraction": 0.5},
            "carry_over": ["optimizer", "ema"],
            "sampler": {"kind": "ancestral", "steps": 2, "labels": "equal"},
        }
        first = file("first")
        call(train.main, file("real"), file("next"), again, **trained, generation=1, source=first, start=first)
        return read_arrays(file("next"))

    check(both_ways(path))


def test_training_goes_on_where_it_was_interrupted(tmp_path: Path) -> None:
    def path(device: str) -> Any:
        def rows() -> TrainingSet:
            plain = mixed_set(SEEDS)
            assert plain.curated is not None
            return replace(plain, real=plain.real.to(device), curated=plain.curated.to(device))

        trainer = make_trainer(tmp_path / device, SEEDS, steps=CHUNK + 1, save_every=-1.0, device=device)
        with pytest.MonkeyPatch.context() as patch:
            interrupt_after(patch, CHUNK)
            with pytest.raises(KeyboardInterrupt):
                trainer.train(trainer.start(), rows())
        state, losses = trainer.train(trainer.start(), rows())
        return state.arrays(complete=True), losses

    check(both_ways(path))
    assert (tmp_path / "cuda" / ".progress" / "key.safetensors").is_file()


# Sampling

SAMPLERS: dict[str, tuple[str, Settings]] = {  # by name: network and settings
    **{
        method: ("mlp", {"kind": "ode", "method": method, "steps": 2})
        for method in ("euler", "midpoint", "heun", "rk4")
    },
    "image": ("residual_mlp", {"kind": "ode", "steps": 1}),
    "U-Net": ("unet of images", {"kind": "ode", "method": "euler", "steps": 1}),
    "dopri5": ("mlp", {"kind": "dopri5", "relative_tolerance": 1e-3, "absolute_tolerance": 1e-3}),
    "ancestral": ("noise_unet", {"kind": "ancestral", "steps": 2, "limit": 1.0}),
    "guided": ("noise_unet of classes", {"kind": "ancestral", "steps": 2, "labels": "equal", "guidance": 1.0}),
    "ddim": ("noise_unet of classes", {"kind": "ddim", "steps": 2, "labels": "trained"}),
    "decoder": ("conv_vae", {"kind": "decoder"}),
    **{
        f"{network}, {strategy}": (network, {"kind": "continuation", "strategy": strategy, **settings})
        for network in ("transformer", "gpt2", "opt")
        for strategy, settings in (
            ("sampling", {"prompt": 2, "keeps_prompt": True, "repetition_penalty": 1.2}),
            ("nucleus", {"per_prompt": 2, "top_p": 0.8}),
            ("beam", {"beams": 3, "per_prompt": 2, "temperature": 0.9}),
        )
    },
}


def sampling(name: str, folder: Path, files: Files, samples: int = 4) -> Callable[[str], Any]:
    """A stage that draws `samples` of each seed, in two chunks, as a path."""
    of_network, settings = SAMPLERS[name]
    model, _ = network(of_network, folder)

    def path(device: str) -> Any:
        file = files(device)
        write_arrays(file("real"), real(NETWORKS[of_network][0]).arrays(), {})
        write_model(file("model"), of_network, folder)
        spec = {"model": model.model_dump(), "sampler": {**settings, "chunk": samples // 2}, "samples": samples}
        call(sample.main, file("model"), file("samples"), spec, seeds=SEEDS, device=device, real=file("real"))
        return read_arrays(file("samples"))

    return path


@pytest.mark.parametrize("name", SAMPLERS)
def test_sampling_stays_on_the_gpu(name: str, folder: Path, files: Files) -> None:
    check(both_ways(sampling(name, folder, files)))


def test_every_sampler_is_run() -> None:
    assert {settings["kind"] for _, settings in SAMPLERS.values()} == set(kinds(Sampler))
    assert {NETWORKS[name][1]["kind"] for name, _ in SAMPLERS.values()} == set(kinds(Model))


def test_a_path_through_latents_is_decoded_on_the_gpu(folder: Path, files: Files) -> None:
    def path(device: str) -> Any:
        file = files(device)
        write_model(file("model"), "conv_vae", folder)
        spec = {"models": [NETWORKS["conv_vae"][1]]}
        call(traverse.main, [file("model")] * 2, file("path"), spec, device=device)
        return read_arrays(file("path"))

    check(both_ways(path))


# Judges, rewards and features

JUDGES: dict[str, tuple[str, Settings]] = {  # by kind: data and settings
    "small_cnn": ("grey", {"kind": "small_cnn", "channels": 2, "features": 4, "epochs": 1, "horizontal_flip": True}),
    "vgg11": ("colour", {"kind": "vgg11", "width": 0.02, "hidden": 4, "epochs": 1}),
}
TRAINED_JUDGE = {"batch_size": 8, "chunk": 15}


@pytest.mark.parametrize("kind", kinds(Judge))
def test_judges_are_trained_and_asked_on_the_gpu(kind: str, files: Files) -> None:
    data, settings = JUDGES[kind]

    def path(device: str) -> Any:
        file = files(device)
        write_arrays(file("real"), real(data).arrays(), {})
        spec = {"judge": {**settings, **TRAINED_JUDGE}, "classes": CLASSES}
        call(train_judge.main, file("real"), file("judge"), file("card"), spec, device=device)
        return read_arrays(file("judge"))

    check(both_ways(path))


def judge_parameters(kind: str) -> Arrays:
    """Random parameters; no variance is negative."""
    data, settings = JUDGES[kind]
    shapes, generator = load(Judge, settings).shapes(real(data).train_x.shape[1:], CLASSES), np.random.default_rng(0)
    return {name: np.abs(generator.normal(0, 0.3, shape)).astype(np.float32) for name, shape in shapes.items()}


REWARDS: dict[str, Settings] = {
    "class_probability": {"kind": "class_probability", "target_class": 1},
    "confidence": {"kind": "confidence"},
    "log_probability": {"kind": "log_probability"},
    "log_likelihood": {"kind": "log_likelihood"},
}


def curating(name: str, judge: str, folder: Path, files: Files) -> Callable[[str], Any]:
    """A stage that curates with a judge, or with generation 0's transformer, as a path."""
    asks_origin = load(Reward, REWARDS[name]).needs_origin is not None
    data, settings = ("text", {}) if asks_origin else JUDGES[judge]

    def path(device: str) -> Any:
        file = files(device)
        write_arrays(file("samples"), {"x": np.stack([real(data).train_x] * 2)}, {})
        spec = {"reward": REWARDS[name], "curation": {"kind": "bradley_terry", "choices": 2, "kept": 5}}
        if asks_origin:
            write_model(file("model"), "transformer", folder)
            spec |= {"data": {"kind": "blobs"}, "model": NETWORKS["transformer"][1]}
            given = {"origin_model": file("model")}
        else:
            write_arrays(file("judge"), judge_parameters(judge), {})
            spec |= {"data": {"kind": "digits"}, "judge": {**settings, **TRAINED_JUDGE}}
            given = {"judge": file("judge")}
        call(curate.main, file("samples"), file("curated"), spec, seeds=SEEDS, device=device, **given)
        return read_arrays(file("curated"))

    return path


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("name", REWARDS)
def test_rewards_are_given_on_the_gpu(name: str, judge: str, folder: Path, files: Files) -> None:
    check(both_ways(curating(name, judge, folder, files)))


def test_every_reward_that_asks_a_network_is_run() -> None:
    classes = {kind: component_class(Reward, kind) for kind in kinds(Reward)}
    assert set(REWARDS) == {kind for kind, of in classes.items() if of.needs_judge or of.needs_origin}


class Small(nn.Module):
    """Stands for Inception's network, which is TorchScript and 90 MB."""

    def __init__(self, folder: str, download: bool, resize_inside: bool) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3, stride=64)
        nn.init.constant_(self.layer.weight, 0.01)
        nn.init.zeros_(self.layer.bias)

    def forward(self, images: Tensor) -> Tensor:
        return self.layer(images).mean(dim=(2, 3))


FEATURES: dict[str, str] = {  # by kind: data
    "pixels": "grey", "efficientnet_lite0": "grey", "inception": "colour", "judge": "colour", "encoder": "grey",
    "block_perplexity": "text",
}  # fmt: skip


def extracting(kind: str, folder: Path, files: Files) -> Callable[[str], Any]:
    """Stages that extract features of samples and of real data, as a path."""
    space: Settings = (
        {"kind": kind, "chunk": 2} if "chunk" in component_class(Features, kind).model_fields else {"kind": kind}
    )
    of_model = {"encoder": "conv_vae", "block_perplexity": "transformer"}.get(kind)

    def path(device: str) -> Any:
        file = files(device)
        data = real(FEATURES[kind], 3)
        write_arrays(file("real"), data.arrays(), {})
        write_arrays(file("samples"), {"x": np.stack([data.train_x] * 2)}, {})
        write_arrays(file("judge"), judge_parameters("vgg11"), {})
        spec: Settings = {"features": [space]}
        given: Settings = {"device": device, "fetched": [str(Path(file("none")).parent / inception.NAME)]}
        if of_model:
            write_model(file("model"), of_model, folder)
            spec, given = {**spec, "model": NETWORKS[of_model][1]}, {**given, "origin_model": file("model")}
        if kind == "judge":
            spec, given = {**spec, "judge": JUDGES["vgg11"][1]}, {**given, "judge": file("judge")}
        call(extract.main, file("samples"), file("features"), spec, seeds=SEEDS, **given)
        given.pop("origin_model", None)
        asked = {"features": [space], "judge": spec.get("judge"), "reference": {}}
        call(reference.main, file("real"), file("reference"), asked, **given)
        return read_arrays(file("features")), read_arrays(file("reference"))

    return path


@pytest.mark.parametrize("kind", kinds(Features))
def test_features_are_extracted_on_the_gpu(
    kind: str, folder: Path, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "inception":
        import_cleanfid()
        monkeypatch.setattr("cleanfid.inception_torchscript.InceptionV3W", Small)
        monkeypatch.setattr(inception, "verify", lambda path: None)
    check(both_ways(extracting(kind, folder, files)))
