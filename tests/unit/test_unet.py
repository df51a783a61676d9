"""The U-Net: torchcfm's network behind stacked parameters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torchcfm.models.unet.unet import UNetModelWrapper

from recurate.data import Description
from recurate.foundation.components import load
from recurate.foundation.errors import RecurateError
from recurate.models import Model
from recurate.models.parts.checkpoint import Checkpoint, matched

PUBLISHED = {
    "kind": "unet",
    "channels": 128,
    "channel_multipliers": [1, 2, 2, 2],
    "residual_blocks": 2,
    "attention": [16],
    "scale_shift": False,
    "head_channels": 64,
}
TINY = {"kind": "unet", "channels": 32, "channel_multipliers": [1, 2], "attention": [4], "head_channels": 32}


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def stacked(model: Model, shape: tuple[int, ...], seeds: int) -> dict[str, torch.Tensor]:
    rng = generator()
    alone = [model.initial(shape, rng) for _ in range(seeds)]
    # The last convolution starts at zero; moved away from it, every parameter counts.
    return {name: torch.stack([p[name] for p in alone]) + 0.01 for name in alone[0]}


def published_network() -> UNetModelWrapper:
    """The network of torchcfm's CIFAR-10 example, with the arguments it is published with."""
    return UNetModelWrapper(
        dim=(3, 32, 32),
        num_res_blocks=2,
        num_channels=128,
        channel_mult=[1, 2, 2, 2],
        num_heads=4,
        num_head_channels=64,
        attention_resolutions="16",
        dropout=0.1,
    )


def test_the_published_network_has_torchcfms_parameters_by_name_and_shape() -> None:
    with torch.device("meta"):
        expected = {name: tuple(p.shape) for name, p in published_network().named_parameters()}
    found = load(Model, PUBLISHED).shapes((32, 32, 3))
    assert list(found.items()) == list(expected.items())


def test_a_checkpoint_of_the_published_structure_gives_torchcfms_velocity(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = published_network().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))
    path = tmp_path / "otcfm_cifar10_weights_step_400000.pt"
    # Training on several GPUs puts `module.` before every name.
    state = {f"module.{name}": value for name, value in network.state_dict().items()}
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-4)
    others = {"optim": optimizer.state_dict(), "sched": {"last_epoch": 3}, "step": 400_000}
    torch.save({"net_model": {}, "ema_model": state, **others}, path)

    model = load(Model, PUBLISHED | {"precision": "float32"})
    arrays = matched(Checkpoint(path=str(path), entry="ema_model").read(), model.shapes((32, 32, 3)), str(path))
    parameters = {name: torch.from_numpy(value)[None] for name, value in arrays.items()}
    x, time = torch.randn(1, 2, 32, 32, 3), torch.rand(1, 2)
    with torch.no_grad():
        velocity = model.velocity(parameters, x, time)[0]
        expected = network(time[0], x[0].permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    torch.testing.assert_close(velocity, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"channels": 64}, "has shape"),
        ({"residual_blocks": 2}, "has no parameter|has shape"),
        ({"attention": []}, "has no parameter|has shape|also has"),
    ],
)
def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path, changes: dict[str, object], reason: str) -> None:
    model = load(Model, TINY)
    path = tmp_path / "weights.pt"
    torch.save(model.initial((8, 8, 1), generator()), path)
    other = load(Model, TINY | changes)
    with pytest.raises(RecurateError, match=f"another network.*({reason})"):
        matched(Checkpoint(path=str(path)).read(), other.shapes((8, 8, 1)), str(path))


def test_a_checkpoint_for_colour_images_is_refused_for_grey_ones(tmp_path: Path) -> None:
    model = load(Model, TINY)
    path = tmp_path / "weights.pt"
    torch.save(model.initial((8, 8, 3), generator()), path)
    with pytest.raises(RecurateError, match="has shape"):
        matched(Checkpoint(path=str(path)).read(), model.shapes((8, 8, 1)), str(path))


def test_a_seed_alone_gives_what_it_gives_in_a_batch() -> None:
    model = load(Model, TINY)
    parameters = stacked(model, (8, 8, 1), 3)
    x, time = torch.randn(3, 4, 8, 8, 1, generator=generator()), torch.rand(3, 4, generator=generator())
    together = model.velocity(parameters, x, time)
    alone = model.velocity({name: value[1:2] for name, value in parameters.items()}, x[1:2], time[1:2])
    torch.testing.assert_close(alone[0], together[1], rtol=0, atol=0)


def test_the_same_generator_gives_the_same_parameters_and_leaves_the_global_one_alone() -> None:
    model = load(Model, TINY)
    before = torch.random.get_rng_state()
    first, second = (model.initial((8, 8, 1), generator()) for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_step_of_training_imports_neither_the_compiler_nor_what_only_torchcfms_examples_need() -> None:
    code = (
        "import sys, torch\n"
        "from recurate.foundation.components import load\n"
        "from recurate.models import Model\n"
        "from recurate.training.state import State\n"
        "from recurate.training.settings import Training\n"
        f"model = load(Model, {TINY})\n"
        "initial = model.initial((8, 8, 1), torch.Generator())\n"
        "state = State({name: value[None] for name, value in initial.items()}, Training(steps=1), 'cpu')\n"
        "x = torch.ones(1, 2, 8, 8, 1)\n"
        "loss = model.velocity(state.parameters, x, torch.zeros(1, 2)).square().mean((1, 2, 3, 4))\n"
        "state.step(state.gradients(loss), 1e-3)\n"
        "assert not {'torch._dynamo', 'ot', 'sklearn', 'scipy', 'pandas'} & set(sys.modules)"
    )
    scripts = Path(__file__).parents[2] / "scripts"
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": str(scripts)})


def test_folding_squares_of_pixels_keeps_every_pixel_in_its_place() -> None:
    # With the output layer's weights at zero, its bias alone remains: channel c of the folded image, which unfolds to
    # the same place of every square.
    model = load(Model, TINY | {"patch": 2, "attention": []})
    parameters = {name: value[None] for name, value in model.initial((8, 8, 1), generator()).items()}
    weight, bias = [name for name in parameters if name.startswith("out.")][-2:]
    parameters[weight] = torch.zeros_like(parameters[weight])
    parameters[bias] = torch.arange(4.0)[None]
    velocity = model.velocity(parameters, torch.randn(1, 1, 8, 8, 1), torch.rand(1, 1))[0, 0, ..., 0]
    torch.testing.assert_close(velocity, torch.tensor([[0.0, 1.0], [2.0, 3.0]]).repeat(4, 4))


def test_predicting_the_image_gives_the_velocity_of_the_straight_path() -> None:
    model = load(Model, TINY)
    estimate = load(Model, TINY | {"prediction": "image", "floor": 0.2})
    parameters = stacked(model, (8, 8, 1), 1)
    x = torch.randn(1, 3, 8, 8, 1, generator=generator())
    time = torch.tensor([[0.0, 0.5, 0.95]])
    image = model.velocity(parameters, x, time)
    expected = (image - x) / torch.tensor([1.0, 0.5, 0.2])[None, :, None, None, None]
    torch.testing.assert_close(estimate.velocity(parameters, x, time), expected)


@pytest.mark.parametrize(
    "changes", [{}, {"channel_multipliers": [1], "attention": []}, {"channels": 64, "scale_shift": False}]
)
def test_every_network_sees_time(changes: dict[str, object]) -> None:
    model = load(Model, TINY | changes)
    rng = generator()
    parameters = {name: 0.1 * torch.randn(1, *shape, generator=rng) for name, shape in model.shapes((8, 8, 1)).items()}
    x = torch.randn(1, 3, 8, 8, 1, generator=generator())
    early, late = (model.velocity(parameters, x, torch.full((1, 3), time)) for time in (0.1, 0.9))
    assert (early - late).abs().max() > 0.01 * early.abs().max()


def test_bfloat16_agrees_with_float32_to_its_precision() -> None:
    exact, coarse = (load(Model, TINY | {"precision": p}) for p in ("float32", "bfloat16"))
    parameters = stacked(exact, (8, 8, 1), 1)
    x, time = torch.randn(1, 8, 8, 8, 1, generator=generator()), torch.rand(1, 8, generator=generator())
    a, b = (model.velocity(parameters, x, time) for model in (exact, coarse))
    assert b.dtype == torch.float32
    assert not torch.equal(a, b)
    assert (a - b).norm() < 0.02 * a.norm()


@pytest.mark.parametrize(
    ("changes", "shape", "sentence"),
    [
        ({}, (2,), "needs images"),
        ({"patch": 4}, (28, 28, 1), "multiple of 8"),
        ({}, (8, 16, 1), "square"),
        ({"head_channels": 48}, (8, 8, 1), "head_channels"),
        ({"head_channels": 128, "attention": []}, (8, 8, 1), "head_channels"),
        ({"attention": [5]}, (8, 8, 1), "attention"),
        ({"scale_shift": False}, (8, 8, 1), "cannot be told time"),
    ],
)
def test_data_that_do_not_fit_are_refused(changes: dict[str, object], shape: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        load(Model, TINY | changes).check(Description(shape=shape, classes=10))
