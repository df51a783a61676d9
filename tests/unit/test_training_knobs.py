"""Warm-up, averaging, clipping and mirroring against PyTorch's own parts; interruption with them; memory that ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from training_setup import (
    ALL_SEEDS,
    drawn,
    interrupt_after,
    make_trainer,
    mixed_set,
    plain_network,
    plain_velocity,
    points,
    trained,
)

from recurate.foundation.errors import RecurateError
from recurate.models.parts.units import Encoding
from recurate.training.objectives.flow_matching import FlowMatching
from recurate.training.settings import Training
from recurate.training.state import clip
from recurate.training.trainer import CHUNK, Trainer
from recurate.training.training_set import TrainingSet

STEPS = 2 * CHUNK + 7
ALL_KNOBS: dict[str, Any] = {
    "warm_up": 40,
    "ema_half_life": 500.0,
    "gradient_clip": 0.1,
    "horizontal_flip": True,
    "keep_state": True,
}


def settings(**changes: Any) -> Training:
    return Training.model_validate({"steps": STEPS, "batch_size": 32, "learning_rate": 2e-3, **changes})


def images(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(256, size=(*shape, 4, 4, 1), dtype=np.uint8))


def image_trainer(folder: Path, seeds: list[int], **changes: Any) -> Trainer:
    encoding = Encoding((4, 4, 1), "uint8", 127.5, 127.5)
    return make_trainer(folder, seeds, settings=settings(**changes), encoding=encoding)


def image_set(seeds: list[int]) -> TrainingSet:
    return TrainingSet(images(60), torch.stack([images(40, seed=seed + 1) for seed in seeds]), 0.5)


# The rate


def test_the_warm_up_and_the_schedule_after_it_are_pytorch_s() -> None:
    found = settings(steps=37, learning_rate=0.3, warm_up=12)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    ramp = LinearLR(optimizer, start_factor=1 / 12, total_iters=11)
    schedule = SequentialLR(optimizer, [ramp, CosineAnnealingLR(optimizer, T_max=25)], milestones=[12])
    for step in range(37):
        assert found.rate(step) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-12)
        optimizer.step()
        schedule.step()


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize("warm_up", [1, 10, 20, 200])
def test_the_rate_is_never_zero_and_rises_to_its_peak_and_no_further(warm_up: int, schedule: str) -> None:
    rates = [settings(steps=20, learning_rate=0.3, warm_up=warm_up, schedule=schedule).rate(step) for step in range(20)]
    assert min(rates) > 0
    assert max(rates) == pytest.approx(0.3 * min(1, 20 / warm_up))
    assert rates[:warm_up] == sorted(rates[:warm_up])


# Averaging and clipping


def test_the_past_loses_half_its_weight_in_the_half_life() -> None:
    assert settings(batch_size=50, ema_half_life=1_000).average_weight ** (1_000 / 50) == pytest.approx(0.5)
    # torchcfm's decay of 0.9999 a step at batches of 128.
    assert settings(batch_size=128, ema_half_life=887_184.0).average_weight == pytest.approx(0.9999, abs=1e-10)


def test_warm_up_clipping_and_averaging_equal_a_plain_loop_for_each_seed(tmp_path: Path) -> None:
    chosen = settings(warm_up=30, gradient_clip=1.1, ema_half_life=1_500, schedule="constant")
    trainer, training_set = make_trainer(tmp_path, ALL_SEEDS, settings=chosen), mixed_set(ALL_SEEDS)
    start = trainer.initial()
    state, _ = trainer.train(trainer.start(), training_set)
    chunks = [drawn(trainer, chunk, steps, training_set) for chunk, steps in enumerate((CHUNK, CHUNK, 7))]
    clipped = 0
    for row in range(len(ALL_SEEDS)):
        assert training_set.curated is not None
        data = (torch.cat([training_set.real, training_set.curated[row]]) - points(60, 2).mean()) / points(60, 2).std()
        network = plain_network(start, row)
        average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.5 ** (32 / 1_500)))
        average.update_parameters(network)  # the first call copies
        optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
        schedule = LinearLR(optimizer, start_factor=1 / 30, total_iters=29)
        for rows, draws in chunks:
            for step in range(rows.shape[1]):
                x, z, t = data[rows[row, step]], draws["noise"][row, step], draws["time"][row, step]
                velocity = plain_velocity(network, z + t[:, None] * (x - z), t)
                optimizer.zero_grad()
                torch.nn.functional.mse_loss(velocity, x - z).backward()
                clipped += int(torch.nn.utils.clip_grad_norm_(network.parameters(), 1.1) > 1.1)
                optimizer.step()
                schedule.step()
                average.update_parameters(network)
        for found, expected in ((state.parameters, network), (state.sampled(), average.module)):
            for one, other in zip(plain_network(found, row).parameters(), expected.parameters(), strict=True):
                assert_allclose(one.detach(), other.detach(), atol=1e-4)
    assert 0.1 < clipped / (STEPS * len(ALL_SEEDS)) < 0.9


def test_the_gradient_of_each_seed_is_clipped_by_its_own_norm() -> None:
    generator = torch.Generator().manual_seed(0)
    sizes = torch.tensor([0.0, 0.01, 1.0, 100.0])
    gradients = [
        sizes.reshape(-1, *[1] * len(shape)) * torch.randn(4, *shape, generator=generator)
        for shape in ((3, 5), (1, 5), (2, 3, 4))
    ]
    expected = []
    for seed in range(4):
        alone = [torch.zeros_like(gradient[seed]).requires_grad_() for gradient in gradients]
        for parameter, gradient in zip(alone, gradients, strict=True):
            parameter.grad = gradient[seed].clone()
        torch.nn.utils.clip_grad_norm_(alone, 2.0)
        expected.append([parameter.grad for parameter in alone])
    clip(gradients, 2.0)
    for seed, wanted in enumerate(expected):
        for gradient, one in zip(gradients, wanted, strict=True):
            assert_allclose(gradient[seed], one, rtol=1e-5)


def test_averaging_changes_what_is_sampled_and_not_the_training(tmp_path: Path) -> None:
    plain, plain_losses = trained(make_trainer(tmp_path, [0, 3], settings=settings()))
    averaged = make_trainer(tmp_path, [0, 3], settings=settings(ema_half_life=1_000.0))
    state, losses = averaged.train(averaged.start(), mixed_set([0, 3]))
    assert losses.tobytes() == plain_losses.tobytes()
    for name, value in plain.items():
        assert torch.equal(state.parameters[name], value)
        assert not torch.allclose(state.sampled()[name], value, atol=1e-3)
        assert not state.sampled()[name].requires_grad


@pytest.mark.parametrize("row", range(len(ALL_SEEDS)))
def test_a_seed_alone_equals_the_same_seed_in_a_batch_with_every_knob(tmp_path: Path, row: int) -> None:
    seed = [ALL_SEEDS[row]]
    trainers = [image_trainer(tmp_path, seeds, **ALL_KNOBS) for seeds in (ALL_SEEDS, seed)]
    together, alone = (trainer.train(trainer.start(), image_set(trainer.seeds))[0].sampled() for trainer in trainers)
    for name, value in alone.items():
        assert_allclose(value[0], together[name][row], atol=1e-4)


# Mirroring


def test_half_the_images_are_mirrored_and_no_other_number_changes(tmp_path: Path) -> None:
    seeds, training_set = [0, 7], image_set([0, 7])
    plain, flipping = (image_trainer(tmp_path, seeds, horizontal_flip=flip) for flip in (False, True))
    rows, draws = drawn(plain, 1, CHUNK, training_set)
    same_rows, same_draws = drawn(flipping, 1, CHUNK, training_set)
    assert torch.equal(rows, same_rows)
    assert all(torch.equal(value, same_draws[name]) for name, value in draws.items())
    as_they_are, found = plain._batches(1, rows, training_set), flipping._batches(1, rows, training_set)
    mirrored = (found == as_they_are.flip(-2)).flatten(3).all(dim=-1)
    unchanged = (found == as_they_are).flatten(3).all(dim=-1)
    assert (mirrored ^ unchanged).all()
    assert_allclose(mirrored.float().mean(dim=(1, 2)), 0.5, atol=0.05)
    assert not torch.equal(mirrored[0], mirrored[1])
    later = flipping._batches(2, rows, training_set)
    assert not torch.equal((later == as_they_are).flatten(3).all(dim=-1), unchanged)


def test_mirroring_leaves_the_training_set_alone(tmp_path: Path) -> None:
    training_set, trainer = image_set([0]), image_trainer(tmp_path, [0], horizontal_flip=True)
    before = training_set.real.clone()
    trainer._batches(0, drawn(trainer, 0, CHUNK, training_set)[0], training_set)
    assert torch.equal(training_set.real, before)


# Interruption


@pytest.mark.parametrize("knob", [*ALL_KNOBS, "all"])
def test_resumed_training_equals_undisturbed_training_bit_for_bit_with(
    knob: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    knobs = ALL_KNOBS if knob == "all" else {knob: ALL_KNOBS[knob]}
    training_set = image_set([0, 3])
    undisturbed = image_trainer(tmp_path / "undisturbed", [0, 3], **knobs)
    expected, expected_losses = undisturbed.train(undisturbed.start(), training_set)
    trainer = image_trainer(tmp_path, [0, 3], **knobs)
    trainer.save_every = -1.0
    interrupt_after(monkeypatch, 2 * CHUNK + 3)
    with pytest.raises(KeyboardInterrupt):
        trainer.train(trainer.start(), training_set)
    found, losses = trainer.train(trainer.start(), training_set)
    assert f"resuming at step {2 * CHUNK}" in capsys.readouterr().err
    assert losses.tobytes() == expected_losses.tobytes()
    arrays = found.arrays(complete=True)
    assert {key: value.tobytes() for key, value in arrays.items()} == {
        key: value.tobytes() for key, value in expected.arrays(complete=True).items()
    }


# Memory


def allocate_for_real() -> None:
    torch.empty(2**60)


def on_the_gpu() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nSee documentation")


def in_numpy() -> None:
    np.empty(2**60, np.uint8)


@pytest.mark.parametrize("fail", [allocate_for_real, on_the_gpu, in_numpy])
def test_memory_that_does_not_suffice_names_the_batch_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fail: Any
) -> None:
    monkeypatch.setattr(FlowMatching, "costs", lambda *_: fail())
    expected = r"training generation 2 ran out of memory \(.+\); lower training.batch_size \(now 32\) or seeds_per_job"
    with pytest.raises(RecurateError, match=expected) as caught:
        trained(make_trainer(tmp_path, [0]))
    assert "\n" not in str(caught.value)


def test_another_error_in_training_stays_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FlowMatching, "costs", lambda *_: torch.zeros(2) @ torch.zeros(3))
    with pytest.raises(RuntimeError, match="size"):
        trained(make_trainer(tmp_path, [0]))
