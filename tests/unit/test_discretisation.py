"""What a sampler's steps do to a Gaussian that the network knows exactly, and which samplers count as biased for it."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from study_setup import ROOT
from torch import Generator, Tensor

from recurate.foundation.components import load
from recurate.models import NoiseModel, VelocityModel
from recurate.models.parts.noise_schedule import signal_shares
from recurate.sampling import Request, Sampler
from recurate.sampling.dpm_solver import DPMSolver
from recurate.workflow.project import Project
from recurate.workflow.studies import Wildcards

DDIM_8 = {"kind": "ddim", "steps": 8}
SOLVER_8 = {"kind": "dpm_solver", "steps": 8}
# By algebra, of N(0, tau^2) with tau = 0.1, 0.2, 0.3, 0.5, 0.8, 1, derived independently.
BY_ALGEBRA: list[tuple[dict[str, Any], int, list[float]]] = [
    (DDIM_8, 400, [0.18, 0.41, 0.55, 0.67, 0.73, 0.73]),
    (DDIM_8, 500, [0.18, 0.41, 0.55, 0.67, 0.73, 0.73]),
    ({"kind": "ddim", "steps": 100}, 1000, [0.86, 0.93, 0.95, 0.97, 0.98, 0.98]),
    ({"kind": "ancestral", "steps": 400}, 400, [0.92, 0.96, 0.97, 0.98, 0.99, 0.99]),
    ({"kind": "ode", "method": "midpoint", "steps": 4}, 1, [0.64, 0.95, 0.99, 0.99, 1.0, 1.0]),
    ({"kind": "ode", "method": "midpoint", "steps": 20}, 1, [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
]


class ExactNoise(NoiseModel):
    """The noise to be expected in x where data are N(0, `deviation`^2)."""

    deviation: float

    def initial(self, shape: tuple[int, ...], generator: Generator) -> dict[str, Tensor]:
        return {}

    def noise(self, parameters: dict[str, Tensor], x: Tensor, step: Tensor, label: Tensor | None) -> Tensor:
        share = torch.tensor(signal_shares(self.noise_steps), dtype=torch.float64)[step].to(x.dtype)[..., None]
        return (1 - share).sqrt() / (share * self.deviation**2 + 1 - share) * x


class ExactVelocity(VelocityModel):
    """The velocity to be expected at x, E[data - noise | x], where data are N(0, `deviation`^2)."""

    deviation: float

    def initial(self, shape: tuple[int, ...], generator: Generator) -> dict[str, Tensor]:
        return {}

    def velocity(self, parameters: dict[str, Tensor], x: Tensor, time: Tensor) -> Tensor:
        t = time[..., None]
        return (t * self.deviation**2 - (1 - t)) / ((1 - t) ** 2 + t**2 * self.deviation**2) * x


def network(sampler: Sampler, deviation: float, noise_steps: int) -> ExactNoise | ExactVelocity:
    if sampler.draws_from is NoiseModel:
        return ExactNoise(kind="exact", deviation=deviation, noise_steps=noise_steps)
    return ExactVelocity(kind="exact", deviation=deviation)


@pytest.mark.parametrize(("settings", "noise_steps", "expected"), BY_ALGEBRA)
def test_the_variance_that_is_kept_is_that_of_algebra(
    settings: dict[str, Any], noise_steps: int, expected: list[float]
) -> None:
    sampler = load(Sampler, settings)
    kept = [sampler.kept_variance(network(sampler, tau, noise_steps), tau) for tau in (0.1, 0.2, 0.3, 0.5, 0.8, 1.0)]
    assert kept == pytest.approx(expected, abs=0.006)


@pytest.mark.parametrize(
    "settings",
    [
        DDIM_8,
        SOLVER_8,
        {"kind": "dpm_solver", "steps": 5, "power": 1.0},
        {"kind": "ancestral", "steps": 20},
        *({"kind": "ode", "method": name, "steps": 5} for name in ("euler", "midpoint", "heun", "rk4")),
        {"kind": "dopri5", "relative_tolerance": 1e-3, "absolute_tolerance": 1e-3},
    ],
    ids=str,
)
@pytest.mark.parametrize("deviation", [0.2, 0.5])
def test_samples_of_a_network_without_error_have_that_variance(settings: dict[str, Any], deviation: float) -> None:
    sampler = load(Sampler, {**settings, "chunk": 10_000})
    model = network(sampler, deviation, 50)
    request = Request([0], 0, 10_000, (1,))
    x = sampler.sample(model, {}, request).x[0, :, 0].numpy().astype(np.float64)
    kept = sampler.kept_variance(model, deviation) * deviation**2
    if settings["kind"] == "ancestral":
        assert x.var() == pytest.approx(kept, rel=5 * (2 / len(x)) ** 0.5)
    else:  # every sample is a multiple of its latent; the largest has the least rounding
        latents = request.latents(1)[0, :, 0].numpy().astype(np.float64)
        assert (x[latents.argmax()] / latents.max()) ** 2 == pytest.approx(
            kept, rel=2e-2 * (settings["kind"] == "dopri5") + 1e-4
        )


@pytest.mark.parametrize(
    ("settings", "other"),
    [
        (DDIM_8, "the sampler keeps 0.67 of a Gaussian's variance"),
        (SOLVER_8, ""),
        ({"kind": "ddim", "steps": 100}, ""),
        ({"kind": "ddim", "steps": 100, "guidance": 0.5, "labels": "trained"}, "the sampler is biased by its settings"),
        ({"kind": "ode", "method": "euler", "steps": 8}, "the sampler keeps 0.69 of a Gaussian's variance"),
        ({"kind": "ode", "method": "midpoint", "steps": 4}, ""),
    ],
    ids=str,
)
def test_few_steps_are_another_law(settings: dict[str, Any], other: str) -> None:
    sampler = load(Sampler, settings)
    assert sampler.other_law(network(sampler, 0.5, 500)) == other


def test_the_report_names_every_sampler_and_the_settings_those_that_discretise() -> None:
    project = Project({"studies": ["alemohammad_diffusion"], "scale": "demo"}, str(ROOT / "config/studies"))
    lines = project.report.reads(Wildcards()).studies["alemohammad_diffusion"].samplers
    study = project.studies.trained["alemohammad_diffusion"]
    own = [f"arm {name}" for name, arm in study.arms.items() if arm.sampler]
    assert [line.place for line in lines] == [*(f"origin {name}" for name in study.origins), *own]
    biased = {line.place for line in lines if line.other_law}
    assert biased == {f"arm {name}" for name, arm in study.arms.items() if arm.sampler and arm.sampler.is_biased}
    assert biased and all(line.kept != 1 for line in lines)
    assert [note.partition(":")[0] for note in project.studies.notes(Wildcards(study="alemohammad_diffusion"))] == [
        line.place for line in lines
    ]


# DPM-Solver++(2M)


@pytest.mark.parametrize(("steps", "power"), [(1, 1.0), (8, 1.5), (50, 3.0), (50, 1.0)])
def test_the_solver_visits_no_step_twice(steps: int, power: float) -> None:
    visited = load(Sampler, {"kind": "dpm_solver", "steps": steps, "power": power}).visited(50)
    assert visited[0] == 50 and visited[-1] == 0 and len(visited) == steps + 1
    assert all(a > b for a, b in itertools.pairwise(visited))


def test_the_solver_is_that_of_diffusers() -> None:
    diffusers = pytest.importorskip("diffusers")
    sampler = load(Sampler, {"kind": "dpm_solver", "steps": 6, "power": 1.0})
    assert isinstance(sampler, DPMSolver)
    shares = np.array(signal_shares(60))
    scheduler = diffusers.DPMSolverMultistepScheduler(
        num_train_timesteps=60,
        trained_betas=1 - shares[1:] / shares[:-1],
        algorithm_type="dpmsolver++",
        solver_order=2,
        final_sigmas_type="zero",
    )
    scheduler.set_timesteps(timesteps=[step - 1 for step in sampler.visited(60)[:-1]])
    model = ExactNoise(kind="exact", deviation=0.3, noise_steps=60)
    request = Request([0], 0, 100, (1,))
    x = request.latents(1)
    for time in scheduler.timesteps:
        noise = model.noise({}, x, torch.full((1, 100), int(time) + 1), None)
        x = scheduler.step(noise, time, x).prev_sample
    torch.testing.assert_close(sampler.sample(model, {}, request).x, x, rtol=1e-4, atol=1e-5)


def test_a_limit_bounds_what_the_solver_takes_for_clean() -> None:
    sampler = load(Sampler, {"kind": "dpm_solver", "steps": 8, "limit": 0.2})
    assert sampler.sample(network(sampler, 0.5, 50), {}, Request([0], 0, 50, (1,))).x.abs().max() <= 0.2
