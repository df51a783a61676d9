"""What a generation takes over from the model it starts from: in files, in training, in a study's settings."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from script import call
from study_setup import changed, complaint, read
from torch import Tensor
from training_setup import SPEC, make_trainer, mixed_set, points

import sample
import train
from recurate.files.arrays import read_arrays, read_metadata, read_parameters, write_arrays
from recurate.foundation.errors import RecurateError
from recurate.training.settings import Training
from recurate.training.state import State
from recurate.training.trainer import CHUNK, Trainer
from recurate.training.training_set import TrainingSet

KEPT = ("exp_avg", "exp_avg_sq", "parameter", "raw", "step")
AVERAGED = {"steps": CHUNK + 5, "batch_size": 32, "ema_half_life": 500.0, "keep_state": True}
SEEDS = [0, 4]


# Training


@dataclass
class Later(Trainer):
    """Sees the random numbers that another run would see `offset` chunks later."""

    offset: int = 0

    def _rows(self, chunk: int, steps: int, data: TrainingSet) -> Tensor:
        return super()._rows(chunk + self.offset, steps, data)

    def _noise(self, chunk: int, steps: int) -> dict[str, Tensor]:
        return super()._noise(chunk + self.offset, steps)


def halves(folder: Path, carry_over: list[str]) -> tuple[State, State]:
    """One run of four chunks, and two of two chunks that hand over through a file."""
    chosen = {"batch_size": 32, "schedule": "constant", "ema_half_life": 1_000.0, "keep_state": True}
    whole, half = (Training.model_validate({"steps": steps * CHUNK, **chosen}) for steps in (4, 2))
    trainer = make_trainer(folder, SEEDS, settings=whole)
    expected, _ = trainer.train(trainer.start(), mixed_set(SEEDS))
    trainer = make_trainer(folder, SEEDS, settings=half)
    first, _ = trainer.train(trainer.start(), mixed_set(SEEDS))
    write_arrays(folder / "model", first.arrays(complete=True), {})
    later = Later(**{**vars(trainer), "offset": 2})
    return expected, later.train(later.start(folder / "model", carry_over), mixed_set(SEEDS))[0]


def test_two_halves_that_carry_everything_over_equal_one_run_bit_for_bit(tmp_path: Path) -> None:
    expected, found = halves(tmp_path, ["optimizer", "ema"])
    arrays = found.arrays(complete=True)
    for name, value in expected.arrays(complete=True).items():
        assert value.tobytes() == arrays[name].tobytes(), name


@pytest.mark.parametrize("carry_over", [[], ["optimizer"], ["ema"]])
def test_two_halves_that_forget_something_end_elsewhere(tmp_path: Path, carry_over: list[str]) -> None:
    expected, found = halves(tmp_path, carry_over)
    assert not torch.allclose(expected.sampled()["weight_1"], found.sampled()["weight_1"], atol=1e-4)


@pytest.mark.parametrize("averaged", [True, False])
def test_training_starts_from_what_was_sampled_or_with_the_average_from_the_raw_parameters(
    tmp_path: Path, averaged: bool
) -> None:
    trainer = make_trainer(tmp_path, SEEDS, settings=Training.model_validate(AVERAGED))
    model, _ = trainer.train(trainer.start(), mixed_set(SEEDS))
    write_arrays(tmp_path / "model", model.arrays(complete=True), {})
    next_settings = Training(steps=1, ema_half_life=500.0 if averaged else None)
    next_trainer = make_trainer(tmp_path, SEEDS, settings=next_settings)
    afresh = next_trainer.start(tmp_path / "model")
    for name, value in model.sampled().items():
        assert torch.equal(afresh.parameters[name], value)
        assert torch.equal(afresh.sampled()[name], value)
        if averaged:
            going_on = next_trainer.start(tmp_path / "model", ["ema"])
            assert torch.equal(going_on.parameters[name], model.parameters[name])
            assert torch.equal(going_on.sampled()[name], value)
            assert not torch.equal(going_on.parameters[name], going_on.sampled()[name])


@pytest.mark.parametrize(("carried", "missing"), [("optimizer", "step/bias_0"), ("ema", "raw/bias_0")])
def test_a_model_without_the_state_to_carry_over_is_an_error_with_its_path(
    tmp_path: Path, carried: str, missing: str
) -> None:
    trainer = make_trainer(tmp_path, SEEDS, settings=Training.model_validate(AVERAGED))
    write_arrays(tmp_path / "model", trainer.start().arrays(complete=False), {})
    with pytest.raises(RecurateError, match=f"model: no array named '{missing}' in it"):
        trainer.start(tmp_path / "model", [carried])


# The job


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., Path]:
    """Trains a generation on real data; gives the model's path."""
    write_arrays(tmp_path / "real", {"train_x": points(60, 2)}, {})

    def run(name: str, start: Path | None = None, generation: int = 0, **training: Any) -> Path:
        spec = {**SPEC, "mixing": {"real_fraction": 1.0}, "training": {**AVERAGED, **training}}
        model = tmp_path / name / "model.safetensors"
        call(
            train.main,
            real=str(tmp_path / "real"),
            model=str(model),
            spec=spec,
            code="c",
            seeds=SEEDS,
            device="cpu",
            threads=1,
            generation=generation,
            start=str(start) if start else None,
        )
        return model

    return run


@pytest.mark.parametrize(
    ("keep_state", "half_life", "expected"),
    [
        (False, None, ("parameter",)),
        (False, 500.0, ("parameter",)),
        (True, None, ("exp_avg", "exp_avg_sq", "parameter", "step")),
        (True, 500.0, KEPT),
    ],
)
def test_a_model_file_holds_what_is_asked_for(
    job: Callable[..., Path], keep_state: bool, half_life: float | None, expected: tuple[str, ...]
) -> None:
    arrays = read_arrays(job("origin", keep_state=keep_state, ema_half_life=half_life))
    assert tuple(sorted({name.split("/")[0] for name in arrays} - {"loss"})) == expected


def test_keeping_the_state_changes_neither_the_network_nor_its_samples(
    job: Callable[..., Path], tmp_path: Path
) -> None:
    spec = {"model": SPEC["model"], "sampler": {"kind": "ode", "steps": 3}, "samples": 40}
    drawn, parameters = [], []
    for keep_state in (False, True):
        model = job(f"kept-{keep_state}", keep_state=keep_state)
        path = tmp_path / "samples"
        call(
            sample.main, model=str(model), samples=str(path), spec=spec, code="c", seeds=SEEDS, device="cpu", threads=1
        )
        drawn.append(path.read_bytes())
        parameters.append(read_parameters(model))
    assert drawn[0] == drawn[1]
    assert parameters[0].keys() == parameters[1].keys()
    assert all(value.tobytes() == parameters[1][name].tobytes() for name, value in parameters[0].items())


@pytest.mark.parametrize(("carry_over", "steps"), [([], CHUNK + 5), (["ema"], CHUNK + 5), (["optimizer"], CHUNK + 12)])
def test_adam_goes_on_counting_if_it_is_carried_over(
    job: Callable[..., Path], carry_over: list[str], steps: int
) -> None:
    first = job("first", steps=7)
    second = job("second", start=first, generation=1, carry_over=carry_over)
    assert float(read_arrays(second)["step/weight_0"]) == steps


def test_a_model_file_says_how_it_was_trained(job: Callable[..., Path]) -> None:
    first = job("first", warm_up=9)
    second = job("second", start=first, generation=1, carry_over=["optimizer"], learning_rate=0.5e-3)
    said = [json.loads(read_metadata(path)["training"]) for path in (first, second)]
    settings = [
        Training.model_validate({**AVERAGED, **changes}).model_dump()
        for changes in ({"warm_up": 9}, {"learning_rate": 0.5e-3})
    ]
    assert said[0] == {**settings[0], "carry_over": [], "start": "scratch"}
    assert said[1] == {**settings[1], "carry_over": ["optimizer"], "start": "generation 0"}


# The study


GAUSSIANS = "origins.gaussians.training"
CURATED = "arms.curated.retraining"


def test_carrying_over_from_the_previous_generation_keeps_the_state_of_every_generation(tmp_path: Path) -> None:
    study = read(changed((f"{GAUSSIANS}.keep_state", True), (f"{CURATED}.carry_over", ["optimizer"])), tmp_path)
    assert study.arms["curated"].retraining.keep_state
    again = read(study.model_dump(mode="json"), tmp_path)
    assert again == study


def test_carrying_over_from_the_origin_keeps_no_state_of_the_later_generations(tmp_path: Path) -> None:
    carried = ((f"{CURATED}.carry_over", ["optimizer"]), (f"{CURATED}.start", "origin"))
    study = read(changed((f"{GAUSSIANS}.keep_state", True), *carried), tmp_path)
    assert not study.arms["curated"].retraining.keep_state


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({f"{CURATED}.start": "scratch"}, f"{CURATED}: carry_over: a start from scratch carries nothing over"),
        ({f"{CURATED}.ema_half_life": None}, f"{CURATED}: carry_over: ema needs an average that goes on"),
        ({f"{GAUSSIANS}.keep_state": False}, f"set {GAUSSIANS}.keep_state: true"),
        ({f"{GAUSSIANS}.ema_half_life": None}, f"give {GAUSSIANS}.ema_half_life"),
        ({f"{CURATED}.carry_over": ["adam"]}, f"{CURATED}.carry_over.0: Input should be 'optimizer' or 'ema'"),
        ({f"{CURATED}.ema_half_life": 0}, f"{CURATED}.ema_half_life: Input should be greater than 0"),
        ({f"{CURATED}.warm_up": -1}, f"{CURATED}.warm_up: Input should be greater than or equal to 0"),
        ({f"{CURATED}.gradient_clip": 0}, f"{CURATED}.gradient_clip: Input should be greater than 0"),
        ({f"{CURATED}.horizontal_flip": True}, f"{CURATED}: horizontal_flip: needs images"),
        ({f"{GAUSSIANS}.horizontal_flip": True}, "origins.gaussians: training: horizontal_flip: needs images"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key_to_change(
    tmp_path: Path, changes: dict[str, Any], expected: str
) -> None:
    sound = {
        f"{GAUSSIANS}.keep_state": True,
        f"{GAUSSIANS}.ema_half_life": 100,
        f"{CURATED}.ema_half_life": 100,
        f"{CURATED}.carry_over": ["ema"],
    }
    read(changed(*sound.items()), tmp_path)
    (line,) = complaint(changed(*(sound | changes).items()), tmp_path)
    assert expected in line


CHECKPOINT = {"path": "weights.pt", "entry": "ema_model", "raw": "net_model", "optimizer": "optim"}


def taken_as_it_is(without: tuple[str, ...] = (), **more: object) -> dict[str, Any]:
    checkpoint = {key: value for key, value in CHECKPOINT.items() if key not in without}
    settings = {f"{CURATED}.ema_half_life": 100, f"{CURATED}.carry_over": ["optimizer", "ema"], GAUSSIANS: None}
    return changed(("origins.gaussians.checkpoint", checkpoint), *{**settings, **more}.items())


def test_all_state_of_a_checkpoint_goes_on_where_it_is_named(tmp_path: Path) -> None:
    study = read(taken_as_it_is(), tmp_path)
    assert study.arms["curated"].retraining.carry_over == ["optimizer", "ema"]
    for lacking, said in (("raw", "the raw parameters are"), ("optimizer", "Adam's state is")):
        (line,) = complaint(taken_as_it_is((lacking,)), tmp_path)
        assert f"{CURATED}: carry_over: {said} to be named; give origins.gaussians.checkpoint.{lacking}" in line
    read(taken_as_it_is(("raw",), **{f"{CURATED}.carry_over": ["optimizer"]}), tmp_path)
    (line,) = complaint(taken_as_it_is(**{GAUSSIANS: {"steps": 3}}), tmp_path)
    assert "training starts from `entry` alone; leave out raw and optimizer" in line
