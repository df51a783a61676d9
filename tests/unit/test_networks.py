"""Networks treat stacked seeds as independent networks, fit any sample shape, and use every parameter."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from recurate.foundation.components import load
from recurate.foundation.randomness import INITIAL_PARAMETERS, LATENTS, torch_generator
from recurate.models import Model
from recurate.sampling import Sampler

SPECS: list[dict[str, Any]] = [
    {"kind": "mlp", "width": 24, "depth": 3},
    {"kind": "residual_mlp", "width": 24, "blocks": 2},
]
SHAPES = [(2,), (8, 8, 1)]
SEEDS = [3, 0, 7]

pytestmark = [pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec["kind"])]


def stacked(model: Model, shape: tuple[int, ...], seeds: list[int]) -> dict[str, torch.Tensor]:
    """Parameters with noise added, since layers that start at zero would hide what is behind them."""
    alone = []
    for seed in seeds:
        generator = torch_generator(seed, 0, INITIAL_PARAMETERS)
        parameters = model.initial(shape, generator)
        alone.append({k: v + 0.3 * torch.randn(v.shape, generator=generator) for k, v in parameters.items()})
    return {name: torch.stack([parameters[name] for parameters in alone]) for name in alone[0]}


def points(shape: tuple[int, ...], seeds: list[int], count: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    generators = [torch_generator(seed, 0, LATENTS) for seed in seeds]
    x = torch.stack([torch.randn(count, *shape, generator=generator) for generator in generators])
    return x, torch.stack([torch.rand(count, generator=generator) for generator in generators])


@pytest.mark.parametrize("shape", SHAPES)
def test_a_seed_alone_equals_the_same_seed_in_a_batch(spec: dict[str, Any], shape: tuple[int, ...]) -> None:
    model = load(Model, spec)
    together = model.velocity(stacked(model, shape, SEEDS), *points(shape, SEEDS))
    for place, seed in enumerate(SEEDS):
        alone = model.velocity(stacked(model, shape, [seed]), *points(shape, [seed]))
        torch.testing.assert_close(together[place], alone[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_point_alone_equals_the_same_point_in_a_batch(spec: dict[str, Any], shape: tuple[int, ...]) -> None:
    model = load(Model, spec)
    parameters = stacked(model, shape, SEEDS)
    x, time = points(shape, SEEDS)
    batch = model.velocity(parameters, x, time)
    torch.testing.assert_close(batch[:, 2:3], model.velocity(parameters, x[:, 2:3], time[:, 2:3]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_velocities_have_the_shape_of_the_points_and_samples_that_of_latents(
    spec: dict[str, Any], shape: tuple[int, ...]
) -> None:
    model = load(Model, spec)
    parameters = stacked(model, shape, SEEDS)
    x, time = points(shape, SEEDS)
    assert model.velocity(parameters, x, time).shape == (len(SEEDS), 5, *shape)
    samples = load(Sampler, {"kind": "ode", "steps": 2, "chunk": 2}).generate(model, parameters, x)
    assert samples.shape == x.shape and samples.isfinite().all()


@pytest.mark.parametrize("shape", SHAPES)
def test_the_gradient_reaches_every_parameter_of_every_seed_and_of_that_seed_only(
    spec: dict[str, Any], shape: tuple[int, ...]
) -> None:
    model = load(Model, spec)
    parameters = {name: value.requires_grad_() for name, value in stacked(model, shape, SEEDS).items()}
    model.velocity(parameters, *points(shape, SEEDS))[1].square().sum().backward()
    for name, value in parameters.items():
        assert value.grad is not None, name
        touched = [bool(value.grad[place].any()) for place in range(len(SEEDS))]
        assert touched == [False, True, False], name
        # Single units may be idle by chance; a whole row or column of idle ones would be a wiring mistake.
        assert (value.grad[1] != 0).float().mean() > 0.9, name


def test_velocity_depends_on_time(spec: dict[str, Any]) -> None:
    model = load(Model, spec)
    parameters = stacked(model, (2,), SEEDS)
    x, _ = points((2,), SEEDS)
    early, late = (model.velocity(parameters, x, torch.full(x.shape[:2], t)) for t in (0.1, 0.2))
    assert not torch.allclose(early, late, atol=1e-3)


def test_networks_learn_the_exact_velocity_of_a_gaussian(spec: dict[str, Any]) -> None:
    """For data N(0, s^2) the velocity is known: x (t s^2 - (1 - t)) / (t^2 s^2 + (1 - t)^2)."""
    model = load(Model, spec)
    generator = torch_generator(1, 0, INITIAL_PARAMETERS)
    parameters = {k: v[None].requires_grad_() for k, v in model.initial((2,), generator).items()}
    optimizer = torch.optim.Adam(list(parameters.values()), lr=4e-3)
    spread = 0.4

    def batch(size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        noise, data = torch.randn(2, 1, size, 2, generator=generator)
        time = torch.rand(1, size, generator=generator)
        t = time[..., None]
        return (1 - t) * noise + t * spread * data, time, spread * data - noise, t

    for step in range(600):
        optimizer.param_groups[0]["lr"] = 4e-3 * (1 + math.cos(math.pi * step / 600)) / 2
        x, time, target, _ = batch(512)
        optimizer.zero_grad()
        (model.velocity(parameters, x, time) - target).square().mean().backward()
        optimizer.step()
    x, time, _, t = batch(20_000)
    exact = x * (t * spread**2 - (1 - t)) / ((t * spread) ** 2 + (1 - t) ** 2)
    error = (model.velocity(parameters, x, time) - exact).square().mean() / exact.square().mean()
    assert error < 0.02
