"""Sampling against torchdiffeq, Butcher's conditions and closed solutions; latents of seeds and generations."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.stats import kstest
from script import call
from torch import Tensor
from torchdiffeq import odeint

import sample
from recurate.files.arrays import read_arrays, read_parameters, write_arrays
from recurate.foundation.errors import RecurateError
from recurate.foundation.randomness import INITIAL_PARAMETERS, LATENTS, numpy_generator, torch_generator
from recurate.models.mlp import MLP
from recurate.models.parts.units import Encoding
from recurate.sampling.ode import ODE, TABLEAUS

torch.set_num_threads(1)

Method = Literal["euler", "midpoint", "heun", "rk4"]
Field = Callable[[Tensor, Tensor], Tensor]
SPEC: dict[str, Any] = {
    "model": {"kind": "mlp", "width": 8, "depth": 2},
    "sampler": {"kind": "ode", "steps": 6},
    "samples": 50,
}
ORDERS = {"euler": 1, "midpoint": 2, "heun": 2, "rk4": 4}


class Velocity:
    """A model whose velocity is a given function of points and times."""

    def __init__(self, function: Field) -> None:
        self.function = function

    def velocity(self, parameters: dict[str, Tensor], x: Tensor, time: Tensor) -> Tensor:
        return self.function(x, time[..., None])


def integrate(function: Field, start: Tensor, method: str, steps: int, chunk: int = 5_000) -> Tensor:
    sampler = ODE(kind="ode", method=cast(Method, method), steps=steps, chunk=chunk)
    return sampler.generate(cast(Any, Velocity(function)), {}, start)


def swirl(x: Tensor, time: Tensor) -> Tensor:
    return torch.stack([torch.sin(3 * x[..., 1]) + time[..., 0] ** 2, torch.cos(x[..., 0]) - x[..., 1]], dim=-1)


@pytest.mark.parametrize(("method", "theirs"), [("euler", "euler"), ("midpoint", "midpoint"), ("heun", "heun2")])
@pytest.mark.parametrize("steps", [1, 7])
def test_integration_equals_torchdiffeq_on_the_same_grid(method: str, theirs: str, steps: int) -> None:
    start = torch.randn(2, 30, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    grid = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    expected = odeint(lambda t, x: swirl(x, t.expand(2, 30, 1)), start, grid, method=theirs)[-1]
    # Times reach the network in single precision.
    assert_allclose(integrate(swirl, start, method, steps), expected, atol=1e-6)


@pytest.mark.parametrize("method", TABLEAUS)
def test_the_tableau_meets_butcher_s_conditions_up_to_its_order(method: str) -> None:
    stages, weights = TABLEAUS[method]
    a = np.array([[*row, *[0.0] * (len(stages) - len(row))] for _, row in stages])
    b, c, one = np.array(weights), np.array([time for time, _ in stages]), np.ones(len(stages))
    assert_allclose(a @ one, c)
    conditions = [
        (1, b @ one, 1), (2, b @ c, 1 / 2), (3, b @ c**2, 1 / 3), (3, b @ a @ c, 1 / 6), (4, b @ c**3, 1 / 4),
        (4, (b * c) @ a @ c, 1 / 8), (4, b @ a @ c**2, 1 / 12), (4, b @ a @ a @ c, 1 / 24),
    ]  # fmt: skip
    for order, found, expected in conditions:
        if order <= ORDERS[method]:
            assert found == pytest.approx(expected)
    assert any(
        found != pytest.approx(expected) for order, found, expected in conditions if order == ORDERS[method] + 1
    ) or ORDERS[method] == 4  # fmt: skip


@pytest.mark.parametrize("method", TABLEAUS)
def test_one_step_of_exponential_growth_is_the_taylor_polynomial_of_the_method_s_order(method: str) -> None:
    start = torch.ones(1, 1, 1, dtype=torch.float64)
    expected = sum(0.7**power / math.factorial(power) for power in range(ORDERS[method] + 1))
    assert float(integrate(lambda x, _: 0.7 * x, start, method, 1)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("method", TABLEAUS)
def test_halving_the_step_divides_the_error_by_two_to_the_order(method: str) -> None:
    start = torch.full((1, 1, 1), 0.3, dtype=torch.float64)
    exact = 0.3 * math.exp(1.0 + 0.5)
    # Steps of a power of two give times that single precision holds exactly.
    errors = [abs(float(integrate(lambda x, t: x * (1 + t), start, method, steps)) - exact) for steps in (16, 32)]
    assert errors[0] / errors[1] == pytest.approx(2 ** ORDERS[method], rel=0.15)


def test_a_straight_flow_is_exact_in_one_step() -> None:
    start = torch.randn(1, 20, 2, dtype=torch.float64)
    target = torch.tensor([2.0, -1.0], dtype=torch.float64)
    flow = integrate(lambda x, t: (target - x) / (1 - t), start, "euler", 1)
    assert_allclose(flow, target.expand(1, 20, 2), atol=1e-12)


@pytest.mark.parametrize("method", TABLEAUS)
def test_every_time_asked_for_lies_between_zero_and_one(method: str) -> None:
    times: list[float] = []

    def watched(x: Tensor, time: Tensor) -> Tensor:
        times.extend(time.unique().tolist())
        return x

    integrate(watched, torch.zeros(1, 2, 1), method, 5)
    assert min(times) == 0
    assert max(times) <= 1 + 1e-6
    assert len(times) == 5 * len(TABLEAUS[method][0])


@pytest.mark.parametrize("chunk", [1, 7, 30, 1_000])
def test_chunks_bound_memory_and_change_nothing(chunk: int) -> None:
    start = torch.randn(3, 30, 2, generator=torch.Generator().manual_seed(0))
    sizes: list[int] = []

    def watched(x: Tensor, time: Tensor) -> Tensor:
        sizes.append(x.shape[1])
        return swirl(x, time)

    found = integrate(watched, start, "rk4", 4, chunk)
    assert_allclose(found, integrate(swirl, start, "rk4", 4), atol=1e-6)
    assert max(sizes) <= chunk


def test_samples_carry_no_gradient() -> None:
    weight = torch.ones(1, requires_grad=True)
    assert not integrate(lambda x, _: weight * x, torch.ones(1, 2, 1), "heun", 2).requires_grad


# The job


@pytest.fixture
def model(tmp_path: Path) -> Callable[..., Path]:
    """Writes a model file of random networks for seeds and a shape."""

    def write(seeds: list[int], shape: tuple[int, ...] = (2,), dtype: str = "float32", factor: float = 1.0) -> Path:
        network = MLP(kind="mlp", width=8, depth=2)
        alone = [network.initial(shape, torch_generator(seed, 0, INITIAL_PARAMETERS)) for seed in seeds]
        for seed, parameters in zip(seeds, alone, strict=True):
            parameters["weight_2"] = torch.randn(
                8, math.prod(shape), generator=torch_generator(seed, 9, INITIAL_PARAMETERS)
            )
        arrays = {f"parameter/{name}": factor * torch.stack([p[name] for p in alone]).numpy() for name in alone[0]}
        encoding = Encoding(shape, dtype, 127.5 if dtype == "uint8" else 1.0, 127.5 if dtype == "uint8" else 2.0)
        path = tmp_path / f"model-{len(list(tmp_path.iterdir()))}.safetensors"
        write_arrays(path, arrays, {"encoding": encoding.to_json()})
        return path

    return write


def draw(model: Path, seeds: list[int], generation: int = 0, spec: dict[str, Any] = SPEC) -> np.ndarray:
    path = model.with_suffix(f".{generation}.samples")
    call(
        sample.main,
        model=str(model),
        samples=str(path),
        spec=spec,
        code="c",
        seeds=seeds,
        device="cpu",
        threads=1,
        generation=generation,
    )
    return read_arrays(path)["x"]


def test_every_seed_of_every_generation_has_latents_of_its_own(model: Callable[..., Path]) -> None:
    # A network of zeros moves nothing, so that samples are the latents in data units.
    path = model([0, 1, 2], factor=0.0)
    sets = [x for generation in range(3) for x in draw(path, [0, 1, 2], generation)]
    for one, other in itertools.combinations(sets, 2):
        assert not set(one.ravel()) & set(other.ravel())
    assert kstest((np.concatenate(sets).ravel() - 1) / 2, "norm").pvalue > 1e-3


def test_a_seed_sampled_alone_equals_the_same_seed_in_a_batch(model: Callable[..., Path]) -> None:
    together = draw(model([0, 4, 9]), [0, 4, 9])
    for row, seed in enumerate([0, 4, 9]):
        assert_allclose(draw(model([seed]), [seed])[0], together[row], atol=1e-4)


def test_more_samples_are_asked_for_and_given(model: Callable[..., Path]) -> None:
    x = draw(model([0, 1]), [0, 1], spec={**SPEC, "samples": 123})
    assert x.shape == (2, 123, 2)
    assert x.dtype == np.float32


def test_samples_of_images_are_images(model: Callable[..., Path]) -> None:
    x = draw(model([0, 1], shape=(4, 4, 1), dtype="uint8"), [0, 1])
    assert x.shape == (2, 50, 4, 4, 1)
    assert x.dtype == np.uint8
    assert len(np.unique(x)) > 50


def test_samples_are_in_data_units_and_equal_those_of_torchdiffeq(model: Callable[..., Path]) -> None:
    path = model([3])
    found = draw(path, [3], spec={**SPEC, "sampler": {"kind": "ode", "steps": 6, "method": "midpoint"}})
    parameters = {name: torch.from_numpy(value) for name, value in read_parameters(path).items()}
    latents = torch.from_numpy(numpy_generator(3, 0, LATENTS).standard_normal((1, 50, 2), dtype=np.float32))
    network = MLP(kind="mlp", width=8, depth=2)
    x = odeint(
        lambda t, x: network.velocity(parameters, x, t.expand(1, 50)),
        latents,
        torch.linspace(0, 1, 7),
        method="midpoint",
    )
    assert_allclose(found, x[-1] * 2 + 1, atol=1e-4)


def test_a_network_that_explodes_ends_in_a_sentence_and_no_file(model: Callable[..., Path], tmp_path: Path) -> None:
    path = model([0], factor=1e20)
    with pytest.raises(RecurateError, match=f"sampling gave NaN or infinite values; .* retrain {path}"):
        draw(path, [0])
    assert list(tmp_path.iterdir()) == [path]


def test_sampling_twice_writes_the_same_bytes(model: Callable[..., Path], tmp_path: Path) -> None:
    path, written = model([0, 1]), []
    for _ in range(2):
        draw(path, [0, 1])
        written.append(path.with_suffix(".0.samples").read_bytes())
    assert written[0] == written[1]
