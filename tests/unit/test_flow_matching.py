"""The flow matching objective: its loss by hand, its coupling against POT."""

from __future__ import annotations

import numpy as np
import ot
import pytest
import torch
from training_setup import MODEL, OBJECTIVE, points

from recurate.training.objectives.flow_matching import FlowMatching, transport_plan


@pytest.mark.parametrize("shape", [(2,), (3, 3, 1)])
def test_the_flow_matching_loss_is_the_mean_squared_error_of_its_velocity(shape: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(0)
    numbers = OBJECTIVE.noise(MODEL, np.random.default_rng(0), 1, 6, shape)
    draw = {name: torch.from_numpy(value[0]) for name, value in numbers.items()}
    seeds = 2
    parameters = {
        name: torch.stack([value + 0.1 * seed for seed in range(seeds)])
        for name, value in MODEL.initial(shape, generator).items()
    }
    x = torch.randn(seeds, 6, *shape)
    batch = {name: torch.stack([value, 0.5 * value]) for name, value in draw.items()}
    found = OBJECTIVE.costs(MODEL, parameters, x, batch).mean(dim=1)
    for seed in range(seeds):
        errors = []
        for i in range(6):
            z, t = batch["noise"][seed, i], float(batch["time"][seed, i])
            one = {name: value[seed : seed + 1] for name, value in parameters.items()}
            velocity = MODEL.velocity(one, (z * (1 - t) + x[seed, i] * t)[None, None], torch.tensor([[t]]))[0, 0]
            wanted = x[seed, i] - z
            errors += [(float(v) - float(w)) ** 2 for v, w in zip(velocity.ravel(), wanted.ravel(), strict=True)]
        assert float(found[seed]) == pytest.approx(np.mean(errors), rel=1e-5)


def test_the_objective_draws_normal_noise_and_uniform_times() -> None:
    draw = OBJECTIVE.noise(MODEL, np.random.default_rng(0), 20, 100, (2,))
    assert draw["noise"].shape == (20, 100, 2)
    assert draw["time"].shape == (20, 100)
    assert float(draw["noise"].std()) == pytest.approx(1, abs=0.05)
    assert float(draw["time"].mean()) == pytest.approx(0.5, abs=0.03)
    assert 0 <= float(draw["time"].min()) < float(draw["time"].max()) < 1


@pytest.mark.parametrize("shape", [(2,), (4, 4, 1)])
@pytest.mark.parametrize("batch", [1, 7, 64])
def test_the_optimal_coupling_costs_what_pot_s_plan_costs(batch: int, shape: tuple[int, ...]) -> None:
    z, x = torch.from_numpy(points(batch, *shape)), torch.from_numpy(points(batch, *shape, seed=1))
    paired = transport_plan(z, x)
    cost = ot.dist(x.reshape(batch, -1).double().numpy(), z.reshape(batch, -1).double().numpy())
    optimum = float(ot.emd2([], [], cost))
    found = float(((paired - x).double() ** 2).sum() / batch)
    assert found == pytest.approx(optimum, rel=1e-5)
    assert found <= float(((z - x).double() ** 2).sum() / batch) + 1e-6
    assert sorted(paired.reshape(batch, -1).tolist()) == sorted(z.reshape(batch, -1).tolist())


def test_the_optimal_coupling_pairs_as_pot_s_plan_does() -> None:
    z, x = torch.from_numpy(points(30, 2)), torch.from_numpy(points(30, 2, seed=1))
    plan = ot.emd([], [], ot.dist(x.double().numpy(), z.double().numpy()))
    assert torch.equal(transport_plan(z, x), z[torch.from_numpy(plan.argmax(axis=1))])


def test_the_objective_couples_each_seed_s_own_batch() -> None:
    objective = FlowMatching(kind="flow_matching", coupling="optimal_transport")
    x, z = torch.from_numpy(points(2, 9, 2)), torch.from_numpy(points(2, 9, 2, seed=1))
    time = torch.rand(2, 9)
    initial = MODEL.initial((2,), torch.Generator().manual_seed(0))
    parameters = {name: torch.stack([value, value]) for name, value in initial.items()}
    paired = torch.stack([transport_plan(z[seed], x[seed]) for seed in range(2)])
    found = objective.costs(MODEL, parameters, x, {"noise": z, "time": time}).mean(dim=1)
    assert torch.equal(found, OBJECTIVE.costs(MODEL, parameters, x, {"noise": paired, "time": time}).mean(dim=1))
    assert not torch.equal(found, OBJECTIVE.costs(MODEL, parameters, x, {"noise": z, "time": time}).mean(dim=1))
