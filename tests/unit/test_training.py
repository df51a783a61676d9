"""Training against plain PyTorch, alone against in a batch, interrupted against undisturbed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from script import call
from torch import Tensor
from training_setup import (
    ALL_SEEDS,
    MODEL,
    SPEC,
    drawn,
    interrupt_after,
    make_trainer,
    mixed_set,
    plain_network,
    plain_velocity,
    points,
    trained,
)

import train
from recurate.files import manifests
from recurate.files.arrays import read_arrays, read_parameters, write_arrays
from recurate.foundation.errors import RecurateError
from recurate.models.parts.units import Encoding
from recurate.training import trainer as training
from recurate.training.objectives.flow_matching import FlowMatching
from recurate.training.settings import Training
from recurate.training.state import State
from recurate.training.trainer import CHUNK
from recurate.training.training_set import TrainingSet, kept_samples

# The loop against plain PyTorch


def test_stacked_training_equals_a_plain_loop_for_each_seed(tmp_path: Path) -> None:
    total = 2 * CHUNK + 7
    trainer = make_trainer(tmp_path, ALL_SEEDS, steps=total)
    training_set, start = mixed_set(ALL_SEEDS), trainer.initial()
    state, losses = trainer.train(trainer.start(), training_set)
    found = state.sampled()
    for row in range(len(ALL_SEEDS)):
        assert training_set.curated is not None
        data = torch.cat([training_set.real, training_set.curated[row]])
        data = (data - points(60, 2).mean()) / points(60, 2).std()
        network = plain_network(start, row)
        optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=total)
        history = []
        for chunk, steps in enumerate((CHUNK, CHUNK, 7)):
            rows, draws = drawn(trainer, chunk, steps, training_set)
            for step in range(steps):
                x, z, t = data[rows[row, step]], draws["noise"][row, step], draws["time"][row, step]
                between = z + t[:, None] * (x - z)
                loss = torch.nn.functional.mse_loss(plain_velocity(network, between, t), x - z)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                history.append(loss.item())
        means = [part.mean() for part in np.split(np.array(history), [CHUNK, 2 * CHUNK])]
        assert_allclose(losses[row], means, rtol=1e-4)
        expected = plain_network(found, row)
        for one, other in zip(network.parameters(), expected.parameters(), strict=True):
            assert_allclose(one.detach(), other.detach(), atol=1e-4)


def test_the_cosine_schedule_is_pytorch_s() -> None:
    settings = Training(steps=37, learning_rate=0.3)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=37)
    for step in range(37):
        assert settings.rate(step) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-12)
        optimizer.step()
        schedule.step()
    assert Training(steps=5, learning_rate=0.3, schedule="constant").rate(4) == 0.3


def test_training_on_one_point_learns_to_flow_to_it(tmp_path: Path) -> None:
    # The only velocity with zero loss on data at a single point c is (c - x) / (1 - t).
    training_set = TrainingSet(torch.full((5, 2), 0.5), None, 1.0)
    settings = Training(steps=600, batch_size=64, learning_rate=1e-2)
    trainer = make_trainer(tmp_path, [0], settings=settings, encoding=Encoding((2,), "float32", 0.0, 1.0))
    state, losses = trainer.train(trainer.start(), training_set)
    assert losses[0, -1] < 0.15 * losses[0, 0]
    noise, time = torch.randn(1, 200, 2, generator=torch.Generator().manual_seed(0)), torch.full((1, 200), 0.3)
    x = 0.7 * noise + 0.3 * 0.5
    assert float((MODEL.velocity(state.sampled(), x, time) - (0.5 - x) / 0.7).square().mean()) < 0.05


# What a seed sees


@pytest.mark.parametrize("row", range(len(ALL_SEEDS)))
def test_a_seed_trained_alone_equals_the_same_seed_in_a_batch(tmp_path: Path, row: int) -> None:
    together, batch_losses = trained(make_trainer(tmp_path, ALL_SEEDS))
    alone, losses = trained(make_trainer(tmp_path, [ALL_SEEDS[row]]))
    for name, value in alone.items():
        assert_allclose(value[0], together[name][row], atol=1e-4)
    assert_allclose(losses[0], batch_losses[row], atol=1e-4)


def test_seeds_and_generations_start_and_train_differently(tmp_path: Path) -> None:
    start = make_trainer(tmp_path, ALL_SEEDS).initial()["weight_0"]
    other = make_trainer(tmp_path, ALL_SEEDS, generation=3).initial()["weight_0"]
    assert len({tuple(w.ravel().tolist()) for w in (*start, *other)}) == 2 * len(ALL_SEEDS)


def test_training_twice_gives_the_same_bits_and_leaves_the_start_alone(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, ALL_SEEDS)
    start = trainer.initial()
    before = {name: value.clone() for name, value in start.items()}
    one, two = (
        trainer.train(State(start, trainer.settings, "cpu"), mixed_set(ALL_SEEDS))[0].sampled() for _ in range(2)
    )
    for name, value in one.items():
        assert torch.equal(value, two[name])
        assert torch.equal(start[name], before[name])
        assert not value.requires_grad


@pytest.mark.parametrize("shape", [(2,), (4, 4, 1)])
def test_the_pool_takes_rows_of_real_and_of_each_seed_s_own_curated_data(shape: tuple[int, ...]) -> None:
    real, curated = torch.from_numpy(points(7, *shape)), torch.from_numpy(points(3, 5, *shape, seed=1))
    rows = torch.from_numpy(np.random.default_rng(0).integers(12, size=(3, 50)))
    found = TrainingSet(real, curated, 0.5).take(rows)
    for seed, place in itertools.product(range(3), range(50)):
        assert torch.equal(found[seed, place], torch.cat([real, curated[seed]])[rows[seed, place]])


def test_an_origin_takes_real_rows_only() -> None:
    training_set = TrainingSet(torch.arange(5.0)[:, None], None, 1.0)
    rows = training_set.rows(np.random.default_rng(0), (2, 300))
    assert set(training_set.take(rows).ravel().tolist()) == {0.0, 1.0, 2.0, 3.0, 4.0}


def test_a_pool_that_should_mix_but_has_nothing_curated_is_an_error() -> None:
    with pytest.raises(RecurateError, match="needs curated samples"):
        TrainingSet(torch.zeros(5, 2), None, 0.9).rows(np.random.default_rng(0), (4,))


# Interruption


def test_resumed_training_equals_undisturbed_training_bit_for_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    expected, expected_losses = trained(make_trainer(tmp_path / "undisturbed", ALL_SEEDS))
    trainer = make_trainer(tmp_path, ALL_SEEDS, save_every=-1.0)
    interrupt_after(monkeypatch, 2 * CHUNK + 9)
    with pytest.raises(KeyboardInterrupt):
        trained(trainer)
    assert trainer.progress.is_file()
    found, losses = trained(trainer)
    assert f"resuming at step {2 * CHUNK}" in capsys.readouterr().err
    assert losses.tobytes() == expected_losses.tobytes()
    for name, value in expected.items():
        assert value.numpy().tobytes() == found[name].numpy().tobytes()
    trainer.finish()
    assert not trainer.progress.exists()


def test_training_interrupted_again_and_again_equals_undisturbed_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, _ = trained(make_trainer(tmp_path / "undisturbed", [5]))
    trainer = make_trainer(tmp_path, [5], save_every=-1.0)
    for _ in range(3):
        interrupt_after(monkeypatch, CHUNK + 1)
        with pytest.raises(KeyboardInterrupt):
            trained(trainer)
        monkeypatch.undo()
    found, _ = trained(trainer)
    assert all(torch.equal(value, found[name]) for name, value in expected.items())


@pytest.mark.parametrize("damage", [lambda content: content[:500], lambda content: content[:-100] + b"X" * 100])
def test_a_damaged_checkpoint_is_not_used(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[bytes], bytes],
) -> None:
    expected, _ = trained(make_trainer(tmp_path / "whole", [0]))
    trainer = make_trainer(tmp_path, [0], save_every=-1.0)
    interrupt_after(monkeypatch, CHUNK + 1)
    with pytest.raises(KeyboardInterrupt):
        trained(trainer)
    monkeypatch.undo()
    trainer.progress.write_bytes(damage(trainer.progress.read_bytes()))
    found, _ = trained(trainer)
    assert f"starting over instead of resuming: {trainer.progress}: " in capsys.readouterr().err
    assert all(torch.equal(value, found[name]) for name, value in expected.items())


def test_finishing_without_a_checkpoint_is_no_error(tmp_path: Path) -> None:
    make_trainer(tmp_path, [0]).finish()


def test_finishing_deletes_what_killed_jobs_left(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, [0])
    trainer.progress.parent.mkdir(parents=True, exist_ok=True)
    for name in ("other.safetensors", ".tmp-half.safetensors", ".tmpAbCdEf"):
        trainer.progress.with_name(name).touch()
    trainer.finish()
    assert list(trainer.progress.parent.iterdir()) == []


# Divergence


def test_a_loss_that_is_not_finite_names_seed_generation_step_and_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, calls = FlowMatching.costs, itertools.count()

    def costs(self: FlowMatching, *arguments: Any) -> Tensor:
        value = original(self, *arguments)
        return value * torch.tensor([[1.0], [math.nan if next(calls) == CHUNK + 3 else 1.0]])

    monkeypatch.setattr(FlowMatching, "costs", costs)
    expected = rf"seed 7 is not finite in generation 2 after step {CHUNK}; lower training.learning_rate \(now 0.002\)"
    with pytest.raises(RecurateError, match=expected):
        trained(make_trainer(tmp_path, [4, 7], save_every=-1.0))


def test_a_rate_that_is_far_too_large_ends_in_the_sentence(tmp_path: Path) -> None:
    settings = Training(steps=200, batch_size=8, learning_rate=1e30)
    with pytest.raises(RecurateError, match="training diverged"):
        trained(make_trainer(tmp_path, [0], settings=settings))


# The job


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., Path]:
    """Runs the training job of an arm on files in its own folder; gives the model's path."""
    real, samples, curated = points(60, 2), points(2, 50, 2, seed=1), np.arange(50, dtype=np.int64) % 20
    write_arrays(tmp_path / "real.safetensors", {"train_x": real}, {})
    write_arrays(tmp_path / "samples.safetensors", {"x": samples}, {})
    write_arrays(tmp_path / "curated.safetensors", {"index": np.stack([curated, curated + 20])}, {})

    def run(folder: str = "gen-001", **changes: Any) -> Path:
        model = tmp_path / folder / "model.safetensors"
        settings: dict[str, Any] = {
            "real": str(tmp_path / "real.safetensors"),
            "samples": str(tmp_path / "samples.safetensors"),
            "curated": str(tmp_path / "curated.safetensors"),
            "seeds": [0, 1],
            "generation": 1,
            "device": "cpu",
            "threads": 1,
            "spec": SPEC,
            "code": "c",
        }
        call(train.main, model=str(model), **{**settings, **changes})
        return model

    return run


@pytest.fixture
def saves_every_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a minute pass at every look on the clock."""
    monkeypatch.setattr(training, "time", SimpleNamespace(monotonic=itertools.count(0, 60).__next__))


def interrupted(monkeypatch: pytest.MonkeyPatch, job: Callable[..., Path], **changes: Any) -> None:
    interrupt_after(monkeypatch, 2 * CHUNK + 1)
    with pytest.raises(KeyboardInterrupt):
        job(**changes)


def test_a_job_run_twice_writes_the_same_bytes(job: Callable[..., Path]) -> None:
    assert job("one").read_bytes() == job("two").read_bytes()


@pytest.mark.usefixtures("saves_every_chunk")
def test_a_killed_job_leaves_its_checkpoint_and_no_model_and_then_resumes_to_the_same_bytes(
    job: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    undisturbed = job("undisturbed").read_bytes()
    interrupted(monkeypatch, job)
    left = [path.relative_to(tmp_path).as_posix() for path in (tmp_path / "gen-001").rglob("*") if path.is_file()]
    assert len(left) == 1
    assert left[0].startswith("gen-001/.progress/")
    assert job().read_bytes() == undisturbed
    assert "resuming at step 100" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "gen-001").rglob("*") if path.is_file()] == ["model.safetensors"]


@pytest.mark.usefixtures("saves_every_chunk")
@pytest.mark.parametrize("change", ["settings", "code", "inputs"])
def test_a_job_with_other_settings_code_or_inputs_does_not_resume(
    job: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: str,
) -> None:
    interrupted(monkeypatch, job)
    changes: dict[str, Any] = {}
    if change == "settings":
        changes["spec"] = {**SPEC, "mixing": {"real_fraction": 0.25}}
    elif change == "code":
        changes["code"] = "d"
    else:
        write_arrays(tmp_path / "samples.safetensors", {"x": points(2, 50, 2, seed=5)}, {})
    changed = job(**changes).read_bytes()
    assert "resuming" not in capsys.readouterr().err
    assert changed == job("fresh", **changes).read_bytes()


def test_a_later_generation_can_start_from_an_earlier_model(job: Callable[..., Path]) -> None:
    first = job("first")
    tiny = {**SPEC, "training": {"steps": 1, "batch_size": 32, "learning_rate": 1e-9}}
    assert_allclose(
        read_parameters(job("next", start=str(first), spec=tiny))["weight_1"],
        read_parameters(first)["weight_1"],
        atol=1e-6,
    )
    scratch = read_parameters(job("scratch", spec=tiny))["weight_1"]
    assert np.abs(scratch - read_parameters(first)["weight_1"]).max() > 1e-2


def test_a_generation_without_real_data_sees_its_own_curated_samples_only(job: Callable[..., Path]) -> None:
    seen: list[Tensor] = []
    original = TrainingSet.take

    def take(self: TrainingSet, rows: Tensor) -> Tensor:
        seen.append(original(self, rows))
        return seen[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingSet, "take", take)
        job(spec={**SPEC, "mixing": {"real_fraction": 0.0}})
    samples = points(2, 50, 2, seed=1)
    for seed in range(2):
        kept = {tuple(x) for x in samples[seed][np.arange(20) + 20 * seed].tolist()}
        assert {tuple(x) for x in torch.cat(seen, dim=1)[seed].tolist()} == kept


def test_accumulated_generations_are_trained_on_together(job: Callable[..., Path], tmp_path: Path) -> None:
    write_arrays(tmp_path / "later.safetensors", {"x": points(2, 30, 2, seed=2)}, {})
    kept = np.arange(50, dtype=np.int64) % 30
    write_arrays(tmp_path / "later-curated.safetensors", {"index": np.stack([kept, kept])}, {})
    files = [
        (str(tmp_path / f"{samples}.safetensors"), str(tmp_path / f"{curated}.safetensors"))
        for samples, curated in (("samples", "curated"), ("later", "later-curated"))
    ]
    kept_of_all = [(samples, read_arrays(curated, ["index"])["index"]) for samples, curated in files]
    training_set = kept_samples("x", kept_of_all, "cpu")
    assert training_set is not None
    assert training_set.shape == (2, 100, 2)
    np.testing.assert_array_equal(training_set[0, :20].numpy(), points(2, 50, 2, seed=1)[0, :20])
    np.testing.assert_array_equal(training_set[1, 50:80].numpy(), points(2, 30, 2, seed=2)[1])
    spec = {**SPEC, "mixing": {"regime": "accumulate", "real_fraction": 0.5}}
    sets: list[TrainingSet] = []

    def read(*given: Any) -> TrainingSet:
        sets.append(original(*given))
        return sets[-1]

    original = TrainingSet.read
    earlier = tmp_path / "gen-001" / manifests.NAME
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingSet, "read", read)
        job(trained_on=str(earlier), spec=spec)
        samples, curated = files[1]
        last = {"samples": samples, "curated": curated, "generation": 2, "spec": spec}
        trained_on = str(tmp_path / "gen-002" / manifests.NAME)
        job(folder="gen-002", earlier=str(earlier), trained_on=trained_on, **last)
    assert sets[1].curated is not None
    assert torch.equal(sets[1].curated, training_set)
    assert manifests.kept_before(trained_on) == files
