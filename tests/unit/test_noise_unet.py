"""The U-Net that predicts noise: what it is told, and what it needs not learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor
from torchcfm.models.unet.unet import UNetModelWrapper

from recurate.models.noise_unet import NoiseUNet
from recurate.models.parts.noise_schedule import signal_shares
from recurate.training.objectives.denoising import Denoising
from recurate.training.settings import Training
from recurate.training.state import State

torch.set_num_threads(1)

SMALL = {"kind": "noise_unet", "channel_multipliers": [1], "head_channels": 32, "precision": "float32"}
TOLD = NoiseUNet.model_validate({**SMALL, "noise_steps": 200, "classes": 3})
SHAPE = (8, 8, 1)


def parameters(model: NoiseUNet, seeds: int) -> dict[str, Tensor]:
    """Random everywhere: as built, the last layer is zero and hides what the network is told."""
    torch.manual_seed(0)
    return {name: 0.1 * torch.randn(seeds, *shape) for name, shape in model.shapes(SHAPE).items()}


def inputs(seeds: int) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    return (
        torch.randn(seeds, 4, *SHAPE),
        torch.tensor([[1, 70, 140, 200]] * seeds),
        torch.tensor([[0, 1, 2, 3]] * seeds),
    )


def test_the_noise_is_torchcfm_s_network_s_beside_a_part_of_what_is_seen() -> None:
    theirs = UNetModelWrapper(
        (1, 8, 8),
        32,
        1,
        channel_mult=[1],
        class_cond=True,
        num_classes=4,
        attention_resolutions="16",
        num_head_channels=32,
        use_scale_shift_norm=True,
    )
    own = parameters(TOLD, 1)
    theirs.load_state_dict({name: value[0] for name, value in own.items()})
    x, step, label = inputs(1)
    output = theirs(step[0] * 5.0, x[0].permute(0, 3, 1, 2), label[0]).permute(0, 2, 3, 1)
    share = torch.tensor(np.array(signal_shares(200))[step[0].numpy()], dtype=torch.float32)[:, None, None, None]
    expected = share.sqrt() * output + (1 - share).sqrt() * x[0]
    assert_allclose(TOLD.noise(own, x, step, label)[0].detach(), expected.detach(), rtol=1e-4, atol=1e-5)


def test_a_class_and_none_at_all_are_told_apart() -> None:
    x, step, _ = inputs(1)
    seen = [TOLD.noise(parameters(TOLD, 1), x, step, torch.full_like(step, label)) for label in range(4)]
    for first in range(4):
        for second in range(first):
            assert not torch.allclose(seen[first], seen[second])


def test_the_step_is_told_too() -> None:
    x, step, label = inputs(1)
    own = parameters(TOLD, 1)
    outputs = [TOLD.outputs(own, x, torch.full_like(step, t), label) for t in (1, 100, 1_000)]
    assert not torch.allclose(outputs[0], outputs[1]) and not torch.allclose(outputs[1], outputs[2])


def test_where_only_noise_is_left_it_is_what_is_seen() -> None:
    x, step, label = inputs(1)
    found = TOLD.noise(parameters(TOLD, 1), x, torch.full_like(step, 200), label)
    assert_allclose(found, x, atol=1e-2)


def test_a_seed_alone_gives_what_it_gives_in_a_batch() -> None:
    own, (x, step, label) = parameters(TOLD, 3), inputs(3)
    alone = TOLD.noise({name: value[1:2] for name, value in own.items()}, x[1:2], step[1:2], label[1:2])
    torch.testing.assert_close(alone[0], TOLD.noise(own, x, step, label)[1], rtol=0, atol=0)


@pytest.mark.parametrize(("classes", "embedded"), [(0, None), (3, 4)])
def test_only_a_network_that_is_told_classes_has_an_embedding_of_them(classes: int, embedded: int | None) -> None:
    shapes = NoiseUNet.model_validate({**SMALL, "classes": classes}).shapes(SHAPE)
    assert shapes.get("label_emb.weight", (None,))[0] == embedded


@pytest.mark.long
def test_training_learns_to_use_the_class() -> None:
    """Images of one grey each, which noise hides at the late steps, so that only the class tells it."""
    objective = Denoising(kind="denoising", label_dropout=0.0)
    initial = TOLD.initial(SHAPE, torch.Generator().manual_seed(0))
    state = State({name: value[None] for name, value in initial.items()}, Training(steps=60, learning_rate=3e-3), "cpu")
    rng = np.random.default_rng(0)

    def loss(told: bool) -> Tensor:
        numbers = objective.noise(TOLD, rng, 1, 24, SHAPE)
        draw = {name: torch.from_numpy(value) for name, value in numbers.items()}
        label = torch.arange(24)[None] % 3
        draw["label"] = label if told else (label + 1) % 3
        x = (label - 1.0)[..., None, None, None].expand(1, 24, *SHAPE)
        return objective.costs(TOLD, state.parameters, x, draw).mean(dim=1)

    for _ in range(60):
        state.step(state.gradients(loss(told=True)), 3e-3)
    with torch.no_grad():
        right, wrong = (np.mean([float(loss(told)) for _ in range(5)]) for told in (True, False))
    assert right < 0.5 * wrong
