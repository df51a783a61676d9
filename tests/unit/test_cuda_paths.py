"""Every path that runs on a GPU, on a CUDA device that is not there: devices agree, and what passes is named.

What this does not prove stands in docs/limits.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cuda_setup import MixedDevices, Passed, both_ways
from other_ways import import_cleanfid
from script import call
from torch import Tensor, nn
from torch.utils._pytree import tree_map
from training_setup import interrupt_after, make_trainer, mixed_set

import curate
import extract
import reference
import sample
import train
import train_judge
import traverse
from recurate.curation.judges import Judge, small_cnn
from recurate.curation.judges.vgg11 import VGG11
from recurate.curation.rewards import Reward
from recurate.data import RealData
from recurate.files.arrays import read_arrays, write_arrays
from recurate.foundation.components import component_class, kinds, load
from recurate.foundation.torchvision_compat import import_torchvision
from recurate.measuring.features import Features, inception
from recurate.measuring.metrics import Evidence, Metric
from recurate.models import Model
from recurate.models.mlp import MLP
from recurate.models.noise_unet import NoiseUNet
from recurate.models.parts.fitted import FittedModel
from recurate.models.parts.units import Encoding
from recurate.models.transformer import Transformer
from recurate.sampling import Request, Sampler
from recurate.sampling.ancestral import Ancestral
from recurate.sampling.continuation import Continuation
from recurate.sampling.parts import text_generation
from recurate.training.objectives import Objective, denoising, flow_matching
from recurate.training.objectives.evidence_bound import EvidenceBound
from recurate.training.objectives.flow_matching import FlowMatching
from recurate.training.settings import Training
from recurate.training.state import State
from recurate.training.trainer import CHUNK, Trainer
from recurate.training.training_set import TrainingSet

torch.set_num_threads(1)
pytestmark = pytest.mark.filterwarnings("ignore:CUDA is not available or torch_xla")  # autocast, which does without
SEEDS, CLASSES, BLOCK = [0, 3], 3, 6
Way = Callable[[str], Any]  # of a device
Settings = dict[str, Any]
Arrays = dict[str, np.ndarray]

# Where numbers come from the device to the host, and why.
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
# Where they come from the host to the device. Random numbers are drawn there, so that every device has the same.
TO_DEVICE = {
    "outside": "the training set that a test gives",
    "training/training_set:TrainingSet.read": "the training set",
    "training/training_set:kept_samples": "the training set",
    "training/state:State.__init__": "parameters",
    "training/state:State._read_raw": "parameters beside their average",
    "training/state:State._read_optimizer": "Adam's moments",
    "training/trainer:Trainer._rows": "random numbers of a chunk of 50 steps",
    "training/trainer:Trainer._noise": "random numbers of a chunk of 50 steps",
    "training/trainer:Trainer._batches": "random numbers of a chunk of 50 steps",
    "training/objectives/flow_matching:transport_plan": "the assignment of a batch's noise, in every step",
    "models/parts/noise_schedule:shares_on": "the schedule, once",
    "models/parts/fitted:FittedModel.read": "parameters",
    "models/parts/fitted:FittedModel.encoded": "a chunk of samples",
    "models/causal_lm:_network": "a network without its parameters, once",
    "models/causal_lm:_call": "the empty cache of a text",
    "models/diffusers_unet:_network": "a network without its parameters, once",
    "models/diffusers_unet:_times": "times by step, once",
    "sample:main": "parameters",
    "traverse:_strip": "latents",
    "sampling:Request.latents": "random numbers",
    "sampling:Sampler.afresh": "classes of a chunk of training",
    "sampling/parts/denoising:DenoisingSampler.sample": "classes of a chunk of samples",
    "sampling/ancestral:Ancestral.added": "random numbers of a step",
    "sampling/continuation:Continuation.sample": "prompts",
    "sampling/continuation:Continuation._uniform": "random numbers",
    "sampling/dopri5:DormandPrince._integrate": "times and constants of torchdiffeq, in every step",
    "curation/judges:FittedJudge._on_device": "parameters, once",
    "curation/judges:FittedJudge._evaluate": "a chunk of samples",
    "curation/judges/small_cnn:SmallCNN.fit": "the training set and the order of an epoch",
    "curation/judges/small_cnn:SmallCNN._initial": "parameters",
    "curation/judges/vgg11:VGG11.fit": "the training set",
    "curation/judges/vgg11:VGG11._train": "the order of an epoch",
    "curation/judges/vgg11:VGG11._with": "parameters",
    "curation/judges/vgg11:_on_device": "constants, once",
    "curation/judges/image_classifier:_network": "a network without its parameters, once",
    "curation/judges/image_classifier:ImageClassifier.evaluate": "means and deviations of colours, the library's",
    "curation/judges/parts/augmentation:shifted": "random numbers of a batch",
    "curation/judges/parts/augmentation:mirrored": "random numbers of a batch",
    "measuring/features:ImageFeatures.extract": "a chunk of images",
    "measuring/features/parts/resizing:_matrix_on": "weights, once",
    "measuring/features/efficientnet_lite0:EfficientNetLite0.network": "parameters",
    "measuring/features/inception:Inception.network": "parameters",
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
    "unet in bfloat16": (
        "grey",
        {"kind": "unet", "channel_multipliers": [1], "head_channels": 32, "precision": "bfloat16"},
    ),
    "unet of images": (
        "grey",
        {"kind": "unet", "channel_multipliers": [2], "scale_shift": False, "patch": 2, "prediction": "image"},
    ),
    "noise_unet": ("grey", {"kind": "noise_unet", "channel_multipliers": [1], "head_channels": 32}),
    "noise_unet of classes": (
        "grey",
        {"kind": "noise_unet", "channel_multipliers": [1], "head_channels": 32, "classes": CLASSES},
    ),
    "diffusers": ("grey", {"kind": "diffusers_unet"}),
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
    if settings["kind"] == "diffusers_unet":
        settings["folder"] = pipeline(folder / name)
    model = load(Model, settings)
    generator = torch.Generator().manual_seed(0)
    alone = model.initial(real(NETWORKS[name][0]).train_x.shape[1:], generator)
    shifts = {key: 0.1 * torch.randn(len(SEEDS), *value.shape, generator=generator) for key, value in alone.items()}
    return model, {key: (value + shifts[key]).numpy() for key, value in alone.items()}


def pipeline(folder: Path) -> str:
    """Folder of a tiny random pipeline of the diffusers library."""
    import_torchvision()
    diffusers = pytest.importorskip("diffusers")
    height, width, channels = SHAPES["grey"]
    blocks = {"down_block_types": ["AttnDownBlock2D"], "up_block_types": ["AttnUpBlock2D"], "block_out_channels": [32]}
    unet = diffusers.UNet2DModel(
        sample_size=(height, width), in_channels=channels, out_channels=channels, layers_per_block=1, **blocks
    )
    diffusers.DDPMPipeline(unet, diffusers.DDPMScheduler()).save_pretrained(folder)
    return str(folder)


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
    _, parameters = network(name, folder)
    arrays = {f"parameter/{key}": value for key, value in parameters.items()}
    arrays["label_shares"] = np.full((len(SEEDS), CLASSES), 1 / CLASSES)
    encoding = Encoding.of(real(NETWORKS[name][0]).train_x)
    write_arrays(path, arrays, {"encoding": encoding.to_json(), "generation": "0"})


def check(passed: Passed) -> None:
    """Whatever passes between host and device does so at a named place."""
    assert not set(passed.to_host) - set(TO_HOST), "to the host"
    assert not set(passed.to_device) - set(TO_DEVICE), "to the device"


# Training

TRAININGS: dict[str, tuple[str, Settings, Settings]] = {  # by name: network, objective and training
    "flow": ("mlp", {"kind": "flow_matching"}, {"ema_half_life": 20.0, "weight_decay": 0.1}),
    "flow, image": ("residual_mlp", {"kind": "flow_matching"}, {"horizontal_flip": True, "gradient_clip": 1.0}),
    "flow, transport": ("unet", {"kind": "flow_matching", "coupling": "optimal_transport"}, {}),
    "flow, U-Net of images": ("unet of images", {"kind": "flow_matching"}, {"ema_half_life": 20.0}),
    "flow, bfloat16": ("unet in bfloat16", {"kind": "flow_matching"}, {}),
    "denoising": ("noise_unet", {"kind": "denoising"}, {"gradient_clip": 1.0}),
    "denoising, classes": ("noise_unet of classes", {"kind": "denoising", "label_dropout": 0.2}, {"warm_up": 2}),
    "denoising, diffusers": ("diffusers", {"kind": "denoising"}, {}),
    "bound": ("conv_vae", {"kind": "evidence_bound"}, {"weight_decay": 0.1}),
    "token": ("transformer", {"kind": "next_token"}, {"decoupled_weight_decay": True, "weight_decay": 0.1}),
    "token, GPT-2": ("gpt2", {"kind": "next_token"}, {"ema_half_life": 20.0}),
    "token, OPT": ("opt", {"kind": "next_token"}, {"gradient_clip": 1.0}),
}


def training(name: str, folder: Path, tmp_path: Path, steps: int = 2) -> Way:
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

    passed = both_ways(path)
    check(passed)
    assert "models/parts/units:Encoding.decode" not in passed.to_host  # samples drawn afresh stay


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
    "ddim, diffusers": ("diffusers", {"kind": "ddim", "steps": 2}),
    "solver": ("noise_unet", {"kind": "dpm_solver", "steps": 2, "limit": 1.0}),
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


def sampling(name: str, folder: Path, files: Files, samples: int = 4) -> Way:
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
        spec = {"models": {"arm": NETWORKS["conv_vae"][1]}}
        call(traverse.main, [file("model")] * 2, file("path"), spec, device=device)
        return read_arrays(file("path"))

    check(both_ways(path))


# Judges, rewards and features

JUDGES: dict[str, tuple[str, Settings]] = {  # by kind: data and settings
    "small_cnn": ("grey", {"kind": "small_cnn", "channels": 2, "features": 4, "epochs": 1, "horizontal_flip": True}),
    "vgg11": ("colour", {"kind": "vgg11", "width": 0.02, "hidden": 4, "epochs": 1}),
    "image_classifier": ("grey", {"kind": "image_classifier", "chunk": 15}),
}
TRAINED_JUDGE = {"batch_size": 8, "chunk": 15}


def classifier(folder: Path) -> str:
    """Folder of a tiny random image classifier of the transformers library."""
    import_torchvision()
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.ViTConfig(image_size=16, patch_size=8, num_labels=CLASSES, **sizes)
    transformers.ViTForImageClassification(config).save_pretrained(folder)
    transformers.ViTImageProcessor(size={"height": 16, "width": 16}).save_pretrained(folder)
    return str(folder)


def judging(kind: str, files: Files, folder: Path) -> Way:
    """The stage that trains a judge and asks it about what it has not seen, as a path."""
    data, settings = JUDGES[kind]
    settings = settings | ({"folder": classifier(folder / kind)} if kind == "image_classifier" else TRAINED_JUDGE)

    def path(device: str) -> Any:
        file = files(device)
        write_arrays(file("real"), real(data).arrays(), {})
        spec = {"judge": settings, "classes": CLASSES}
        call(train_judge.main, file("real"), file("judge"), file("card"), spec, device=device)
        return read_arrays(file("judge"))

    return path


@pytest.mark.parametrize("kind", kinds(Judge))
def test_judges_are_trained_and_asked_on_the_gpu(kind: str, files: Files, folder: Path) -> None:
    check(both_ways(judging(kind, files, folder)))


@cache
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


def curating(name: str, judge: str, folder: Path, files: Files) -> Way:
    """A stage that curates with a judge, or with generation 0's transformer, as a path."""
    asks_origin = load(Reward, REWARDS[name]).needs_origin is not None
    data, settings = ("text", {}) if asks_origin else JUDGES[judge]

    def path(device: str) -> Any:
        file = files(device)
        write_arrays(file("samples"), {"x": np.stack([real(data).train_x] * 2)}, {})
        spec = {"reward": REWARDS[name], "curation": {"kind": "bradley_terry", "choices": 2, "kept": 5}}
        if asks_origin:
            write_model(file("model"), "transformer", folder)
            spec |= {"data": {"kind": "digits"}, "model": NETWORKS["transformer"][1]}
            given = {"origin_model": file("model")}
        else:
            write_arrays(file("judge"), judge_parameters(judge), {})
            spec |= {"data": {"kind": "digits"}, "judge": {**settings, **TRAINED_JUDGE}}
            given = {"judge": file("judge")}
        call(curate.main, file("samples"), file("curated"), spec, seeds=SEEDS, device=device, **given)
        return read_arrays(file("curated"))

    return path


@pytest.mark.parametrize("name", REWARDS)
def test_rewards_are_given_on_the_gpu(name: str, folder: Path, files: Files) -> None:
    check(both_ways(curating(name, "vgg11" if name == "confidence" else "small_cnn", folder, files)))


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


def extracting(kind: str, folder: Path, files: Files) -> Way:
    """Stages that extract features of samples and of real data, as a path."""
    space: Settings = (
        {"kind": kind, "chunk": 1} if "chunk" in component_class(Features, kind).model_fields else {"kind": kind}
    )
    of_model = {"encoder": "conv_vae", "block_perplexity": "transformer"}.get(kind)

    def path(device: str) -> Any:
        file = files(device)
        data = real(FEATURES[kind], 2)
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


def test_the_metric_that_asks_a_generation_s_model_is_given_on_the_gpu(folder: Path, files: Files) -> None:
    (kind,) = (kind for kind in kinds(Metric) if component_class(Metric, kind).needs_model)
    model, _ = network("transformer", folder)

    def path(device: str) -> Any:
        write_model(files(device)("model"), "transformer", folder)
        own = FittedModel.read(model, files(device)("model"), device, 1)
        x = real("text").test_x
        return load(Metric, {"kind": kind})(Evidence(x, x, np.random.default_rng(0), model=own))

    check(both_ways(path))


# That faults are seen


def test_places_that_are_named_are_there() -> None:
    for name in {*TO_HOST, *TO_DEVICE} - {"outside"}:
        module, _, attribute = name.partition(":")
        found: Any = import_module(
            module if module in ("sample", "traverse") else f"recurate.{module.replace('/', '.')}"
        )
        for part in attribute.split("."):
            found = getattr(found, part)


def on_host(value: Any) -> Any:
    return tree_map(lambda each: each.cpu() if isinstance(each, Tensor) else each, value)


def there_and_back(value: Any) -> Any:
    return tree_map(lambda each: each.cpu().to(each.device) if isinstance(each, Tensor) else each, value)


FAULTS: dict[str, tuple[str, str, Any, str]] = {  # by name: kind and name of the path, and what gives something wrong
    "random numbers of training": ("training", "flow", Trainer, "_noise"),
    "rows of the training set": ("training", "flow", Trainer, "_rows"),
    "batches": ("training", "flow", Trainer, "_batches"),
    "a network": ("training", "flow", MLP, "velocity"),
    "a schedule": ("training", "denoising", denoising, "shares_on"),
    "a cost": ("training", "bound", EvidenceBound, "costs"),
    "gradients": ("training", "flow, image", State, "gradients"),
    "an assignment": ("training", "flow, transport", flow_matching, "transport_plan"),
    "latents": ("sampling", "euler", Request, "latents"),
    "latents of dopri5": ("sampling", "dopri5", Request, "latents"),
    "a step's noise": ("sampling", "ancestral", Ancestral, "added"),
    "predicted noise": ("sampling", "ddim", NoiseUNet, "noise"),
    "latents of a decoder": ("sampling", "decoder", Request, "latents"),
    "random numbers of a text": ("sampling", "transformer, sampling", Continuation, "_uniform"),
    "chosen tokens": ("sampling", "transformer, nucleus", text_generation, "drawn"),
    "rows of beams": ("sampling", "transformer, beam", text_generation, "_rows"),
    "logits": ("sampling", "transformer, beam", Transformer, "_read_out"),
    "shifted images": ("judge", "small_cnn", small_cnn, "shifted"),
    "normalised images": ("judge", "vgg11", VGG11, "_normalised"),
    "likelihoods": ("reward", "log_likelihood", FittedModel, "encoded"),
    "judged images": ("reward", "confidence", VGG11, "_normalised"),
    "resized images": ("features", "inception", inception, "resized"),
    "encoded samples": ("features", "encoder", FittedModel, "encoded"),
}


@pytest.fixture
def path_of(folder: Path, files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Way]:
    """Function of a path's kind and name that gives the path."""
    monkeypatch.setattr(inception, "verify", lambda path: None)
    import_cleanfid()
    monkeypatch.setattr("cleanfid.inception_torchscript.InceptionV3W", Small)

    def of(kind: str, name: str) -> Way:
        return {
            "training": lambda: training(name, folder, tmp_path, steps=1),
            "sampling": lambda: sampling(name, folder, files),
            "judge": lambda: judging(name, files, folder),
            "reward": lambda: curating(name, "vgg11", folder, files),
            "features": lambda: extracting(name, folder, files),
        }[kind]()

    return of


def spoil(monkeypatch: pytest.MonkeyPatch, owner: Any, attribute: str, change: Callable[[Any], Any]) -> None:
    """Let a function give something else than it does."""
    right = getattr(owner, attribute)
    monkeypatch.setattr(owner, attribute, lambda *args, **kwargs: change(right(*args, **kwargs)))


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_left_on_the_host_is_seen(
    name: str, path_of: Callable[[str, str], Way], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, of_path, owner, attribute = FAULTS[name]
    path = path_of(kind, of_path)
    spoil(monkeypatch, owner, attribute, on_host)
    with pytest.raises(MixedDevices):
        both_ways(path)


BACK = ("a network", "gradients", "predicted noise", "chosen tokens", "judged images", "shifted images")


@pytest.mark.parametrize("name", BACK)
def test_a_way_to_the_host_and_back_is_seen(
    name: str, path_of: Callable[[str, str], Way], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, of_path, owner, attribute = FAULTS[name]
    path = path_of(kind, of_path)
    spoil(monkeypatch, owner, attribute, there_and_back)
    with pytest.raises(AssertionError, match="to the host"):
        check(both_ways(path))


@pytest.mark.parametrize(
    ("forgotten", "where"),
    [
        ("step", r"_adam: aten::_fused_adam_"),
        ("exp_avg", r"_adam: aten::_fused_adam_"),
        ("", r"step: aten::_foreach_le"),
    ],
    ids=["step", "exp_avg", "average"],
)
def test_what_an_optimiser_leaves_on_the_host_is_seen(
    forgotten: str, where: str, path_of: Callable[[str, str], Way], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = State.__init__

    def begin(self: State, *args: Any) -> None:
        right(self, *args)
        if forgotten:
            self.adam[forgotten] = on_host(self.adam[forgotten])
        else:
            self.average = on_host(self.average)

    monkeypatch.setattr(State, "__init__", begin)
    with pytest.raises(MixedDevices, match=rf"State\.{where}"):
        both_ways(path_of("training", "flow"))


def test_numbers_that_numpy_would_read_from_the_gpu_are_seen(
    path_of: Callable[[str, str], Way], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Encoding, "decode", lambda self, x: self.in_data_units(x).numpy())
    with pytest.raises(MixedDevices, match="NumPy reads a tensor on the GPU"):
        both_ways(path_of("sampling", "euler"))


def test_a_number_that_is_asked_for_in_a_step_is_seen(
    path_of: Callable[[str, str], Way], monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, FlowMatching, "costs", lambda costs: costs / max(float(costs.sum().detach()), 1.0))
    with pytest.raises(AssertionError, match="to the host"):
        check(both_ways(path_of("training", "flow")))
