"""Denoising diffusion: schedule and steps against diffusers, samples against Gaussians whose noise is known."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from numpy.testing import assert_allclose
from torch import Generator, Tensor

from recurate.models import NoiseModel
from recurate.models.parts.noise_schedule import noised, signal_shares, step_back, visited_steps
from recurate.sampling import Request, SampleSet
from recurate.sampling.ancestral import Ancestral
from recurate.sampling.ddim import DDIM
from recurate.training.objectives.denoising import Denoising

torch.set_num_threads(1)

THEIRS: dict[str, Any] = {"beta_schedule": "squaredcos_cap_v2", "prediction_type": "epsilon"}
KINDS = {"ancestral": Ancestral, "ddim": DDIM}


class KnownNoise(NoiseModel):
    """E[noise | x] where data of class c are N(means[c], variance); the last of the means is that without a class."""

    means: list[float]
    variances: list[float]

    def initial(self, shape: tuple[int, ...], generator: Generator) -> dict[str, Tensor]:
        return {}

    def noise(self, parameters: dict[str, Tensor], x: Tensor, step: Tensor, label: Tensor | None) -> Tensor:
        share = torch.tensor(signal_shares(self.noise_steps), dtype=torch.float64).to(x)[step][..., None]
        known = torch.zeros_like(step) if label is None else label
        mean, variance = (
            torch.tensor(values, dtype=x.dtype)[known][..., None] for values in (self.means, self.variances)
        )
        return (1 - share).sqrt() * (x - share.sqrt() * mean) / (share * variance + 1 - share)


def known(means: list[float], variances: list[float], steps: int = 1_000) -> KnownNoise:
    return KnownNoise(kind="known", noise_steps=steps, classes=len(means) - 1, means=means, variances=variances)


def drawn(sampler: str, model: NoiseModel, seeds: list[int], samples: int = 4_000, **settings: Any) -> SampleSet:
    shares = np.full((len(seeds), model.classes), 1 / model.classes) if model.classes else None
    labels = {"labels": "trained"} if model.classes else {}
    built = KINDS[sampler](kind=sampler, **{"steps": model.noise_steps, **labels, **settings})
    return built.sample(model, {}, Request(seeds, 1, samples, (1,), label_shares=shares))


@pytest.mark.parametrize("steps", [1, 2, 50, 1_000])
def test_shares_of_signal_are_diffusers_cosine_schedule(steps: int) -> None:
    theirs = DDPMScheduler(num_train_timesteps=steps, **THEIRS).alphas_cumprod.double().numpy()
    ours = np.array(signal_shares(steps))
    assert ours[0] == 1
    assert_allclose(ours[1:], theirs, rtol=2e-4, atol=1e-9)  # theirs are products in single precision


@pytest.mark.parametrize(("steps", "taken"), [(1_000, 1_000), (1_000, 20), (400, 7), (10, 9), (3, 1)])
def test_a_sampler_visits_distinct_steps_from_the_last_to_the_data(steps: int, taken: int) -> None:
    visited = visited_steps(steps, taken)
    assert (visited[0], visited[-1], len(visited)) == (steps, 0, taken + 1)
    gaps = [a - b for a, b in itertools.pairwise(visited)]
    assert min(gaps) >= 1 and max(gaps) - min(gaps) <= 1


@pytest.mark.parametrize("limit", [None, 1.0])
@pytest.mark.parametrize("t", [2, 30, 99])
def test_an_ancestral_step_is_that_of_diffusers(t: int, limit: float | None) -> None:
    theirs = DDPMScheduler(num_train_timesteps=100, clip_sample=limit is not None, **THEIRS)
    x, noise = torch.randn(2, 2, 8, 3, generator=Generator().manual_seed(0)).double()
    added = torch.randn(x.shape, generator=Generator().manual_seed(1), dtype=torch.float64)
    expected = theirs.step(noise, t, x, generator=Generator().manual_seed(1)).prev_sample
    share, following = theirs.alphas_cumprod[t].item(), theirs.alphas_cumprod[t - 1].item()
    assert_allclose(step_back(x, noise, share, following, added, limit), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("limit", [None, 1.0])
@pytest.mark.parametrize("t", [10, 50, 90])
def test_a_deterministic_step_is_that_of_diffusers(t: int, limit: float | None) -> None:
    theirs = DDIMScheduler(num_train_timesteps=100, clip_sample=limit is not None, **THEIRS)
    theirs.set_timesteps(10)
    x, noise = torch.randn(2, 2, 8, 3, generator=Generator().manual_seed(0)).double()
    expected = theirs.step(noise, t, x, use_clipped_model_output=True).prev_sample
    share, following = theirs.alphas_cumprod[t].item(), theirs.alphas_cumprod[t - 10].item()
    assert_allclose(step_back(x, noise, share, following, None, limit), expected, rtol=1e-5, atol=1e-6)


def test_noised_data_have_the_share_of_signal_that_the_schedule_says() -> None:
    x, noise = torch.randn(2, 1, 50_000, 1, generator=Generator().manual_seed(0))
    share = torch.full((1, 50_000), 0.3)
    y = noised(x, noise, share)
    assert float((y * x).mean()) == pytest.approx(math.sqrt(0.3), abs=0.02)
    assert float(y.var()) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("sampler", KINDS)
def test_samples_have_mean_and_variance_of_gaussian_data(sampler: str) -> None:
    x = drawn(sampler, known([0.7], [0.25], steps=400), [0, 1]).x.numpy()
    assert_allclose(x.mean(axis=1), 0.7, atol=4 * 0.5 / math.sqrt(4_000))
    assert_allclose(x.var(axis=1), 0.25, rtol=4 * math.sqrt(2 / 4_000) + 0.01)


@pytest.mark.parametrize("sampler", KINDS)
def test_guidance_moves_gaussians_of_one_width_to_the_tilted_one(sampler: str) -> None:
    """p(x|c)^(1 + w) / p(x)^w of N(m, v) and N(0, v) is N((1 + w) m, v), at every share of signal alike."""
    x = drawn(sampler, known([0.6, 0.0], [0.2, 0.2], steps=400), [0], guidance=1.5).x.numpy()
    assert x.mean() == pytest.approx(2.5 * 0.6, abs=0.03)
    assert x.var() == pytest.approx(0.2, rel=0.1)


@pytest.mark.parametrize("guidance", [0.25, 0.5, 1.0])
def test_guidance_narrows_gaussians_as_the_guided_flow_does(guidance: float) -> None:
    """The guided probability flow takes N(0, v) beside N(0, V) to the variance v (v/V)^w, in closed form.

    With noise of variance u, dx/d(u/2) = x ((1 + w)/(v + u) - w/(V + u)), so that x is proportional to
    (v + u)^((1 + w)/2) / (V + u)^(w/2).
    """
    narrow, wide = 0.2, 0.8
    x = drawn("ddim", known([0.0, 0.0], [narrow, wide]), [0], guidance=guidance).x.numpy()
    assert x.var() == pytest.approx(narrow * (narrow / wide) ** guidance, rel=4 * math.sqrt(2 / 4_000) + 0.02)


@pytest.mark.parametrize("sampler", KINDS)
def test_a_seed_alone_draws_what_it_draws_in_a_batch(sampler: str) -> None:
    model = known([0.5, -0.5, 0.0], [0.3, 0.1, 0.5], steps=30)
    settings = {"samples": 50, "chunk": 20, "guidance": 0.5, "steps": 10}
    together, alone = drawn(sampler, model, [0, 3, 4], **settings), drawn(sampler, model, [3], **settings)
    assert torch.equal(together.x[1:2], alone.x)
    assert np.array_equal(together.others["drawn_class"][1:2], alone.others["drawn_class"])
    assert not torch.equal(together.x[0], together.x[1])


def test_deterministic_samples_do_not_depend_on_how_many_are_drawn_at_once() -> None:
    model = known([0.5], [0.3], steps=30)
    whole, parts = (drawn("ddim", model, [0], samples=50, chunk=chunk).x for chunk in (50, 7))
    assert_allclose(whole, parts, atol=1e-6)


def test_no_two_steps_chunks_or_generations_add_the_same_noise() -> None:
    sampler = Ancestral(kind="ancestral", steps=3)
    requests = [Request([0], generation, 9, (2,)) for generation in (1, 2)]
    added = [sampler.added(r, chunk, step, 4) for r in requests for chunk in (0, 1) for step in (0, 1)]
    latents = [r.latents(2)[:, :4] for r in requests]
    assert len({tuple(x.ravel().tolist()) for x in (*added, *latents)}) == 10


@pytest.mark.parametrize(("guidance", "evaluations"), [(0.0, 10), (0.5, 20)])
def test_the_network_is_asked_once_a_step_and_twice_with_guidance(guidance: float, evaluations: int) -> None:
    found = drawn("ddim", known([0.0, 0.0], [1.0, 1.0]), [0], samples=5, steps=10, guidance=guidance)
    assert found.evaluations == evaluations


def test_classes_are_drawn_as_often_as_in_the_training_set() -> None:
    model = known([0.0, 0.0, 0.0, 0.0], [1.0] * 4, steps=2)
    sampler = DDIM(kind="ddim", steps=1, labels="trained")
    shares = np.array([[0.1, 0.2, 0.7], [1.0, 0.0, 0.0]])
    labels = sampler.sample(model, {}, Request([0, 1], 0, 20_000, (1,), label_shares=shares)).others["drawn_class"]
    assert labels.dtype == np.int64
    assert_allclose([np.bincount(row, minlength=3) / 20_000 for row in labels], shares, atol=0.015)


def test_classes_come_in_equal_shares_where_that_is_asked_for() -> None:
    model = known([0.0] * 4, [1.0] * 4, steps=2)
    labels = drawn("ddim", model, [0, 1], samples=9, labels="equal").others["drawn_class"]
    assert np.bincount(labels[0]).tolist() == np.bincount(labels[1]).tolist() == [3, 3, 3]


def draws(objective: Denoising, model: NoiseModel, steps: int, size: int) -> dict[str, np.ndarray]:
    return objective.noise(model, np.random.default_rng(0), steps, size, (1,))


def test_the_objective_draws_every_step_equally_often_and_withholds_the_share_of_classes_asked_for() -> None:
    model = known([0.0, 0.0], [1.0, 1.0], steps=5)
    numbers = draws(Denoising(kind="denoising", label_dropout=0.2), model, 40, 500)
    assert_allclose(np.bincount(numbers["step"].ravel())[1:] / 20_000, 0.2, atol=0.015)
    assert numbers["step"].min() == 1 and numbers["step"].max() == 5
    assert numbers["withheld"].mean() == pytest.approx(0.2, abs=0.015)
    assert float(numbers["noise"].std()) == pytest.approx(1, abs=0.02)


def test_the_loss_is_the_mean_squared_error_of_the_predicted_noise() -> None:
    model, objective = known([0.4, -0.2, 0.1], [0.5, 0.3, 0.9], steps=8), Denoising(kind="denoising", label_dropout=0.4)
    draw = {name: torch.from_numpy(value) for name, value in draws(objective, model, 2, 6).items()}
    draw["label"] = torch.tensor([[0, 1, 0, 1, 0, 1]] * 2)
    x = torch.randn(2, 6, 1, generator=Generator().manual_seed(0))
    found = objective.costs(model, {}, x, draw).mean(dim=1)
    shares = np.array(signal_shares(8))
    for seed in range(2):
        errors = []
        for i in range(6):
            s, e = shares[draw["step"][seed, i]], float(draw["noise"][seed, i])
            c = 2 if draw["withheld"][seed, i] else int(draw["label"][seed, i])
            y = math.sqrt(s) * float(x[seed, i]) + math.sqrt(1 - s) * e
            seen = math.sqrt(1 - s) * (y - math.sqrt(s) * model.means[c]) / (s * model.variances[c] + 1 - s)
            errors.append((seen - e) ** 2)
        assert float(found[seed]) == pytest.approx(np.mean(errors), rel=1e-4)


def test_the_known_noise_has_the_smallest_loss() -> None:
    """The mean of the noise given what is seen minimises the objective, so it is what a network learns."""
    objective = Denoising(kind="denoising")
    x = 0.4 + math.sqrt(0.5) * torch.randn(1, 20_000, 1, generator=Generator().manual_seed(0))
    best = known([0.4], [0.5], steps=10)
    draw = {name: torch.from_numpy(value) for name, value in draws(objective, best, 1, 20_000).items()}

    def loss(model: NoiseModel) -> float:
        return float(objective.costs(model, {}, x, draw).mean(dim=1))

    assert loss(best) < min(loss(known([0.6], [0.5], steps=10)), loss(known([0.4], [0.7], steps=10)))
