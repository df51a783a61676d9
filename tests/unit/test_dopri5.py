"""The adaptive sampler against fine fixed steps and a closed solution; evaluations counted for every sampler."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from numpy.testing import assert_allclose
from script import call
from torch import Tensor

import sample
from recurate.files.arrays import read_metadata, write_arrays
from recurate.foundation.components import load
from recurate.foundation.errors import RecurateError
from recurate.foundation.randomness import INITIAL_PARAMETERS, torch_generator
from recurate.models.mlp import MLP
from recurate.models.parts.units import Encoding
from recurate.sampling import Sampler
from recurate.sampling.ode import TABLEAUS
from recurate.sampling.parts.flow import Counted

torch.set_num_threads(1)

MEAN, STD = 1.5, 0.3
STAGES = {"euler": 1, "midpoint": 2, "heun": 2, "rk4": 4}


class Velocity:
    """A model whose velocity is a given function of points and times."""

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        self.function = function

    def velocity(self, parameters: dict[str, Tensor], x: Tensor, time: Tensor) -> Tensor:
        return self.function(x, time[..., None])


def gaussian(x: Tensor, t: Tensor) -> Tensor:
    """Velocity of straight paths from N(0, 1) to N(MEAN, STD^2); its flow takes z to MEAN + STD z."""
    variance = (1 - t) ** 2 + (t * STD) ** 2
    return MEAN + (t * STD**2 - (1 - t)) / variance * (x - t * MEAN)


def swirl(x: Tensor, t: Tensor) -> Tensor:
    return torch.stack([torch.sin(3 * x[..., 1]) + t[..., 0] ** 2, torch.cos(x[..., 0]) - x[..., 1]], dim=-1)


def latents(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


def drawn(function: Callable[[Tensor, Tensor], Tensor], start: Tensor, **keys: Any) -> tuple[Tensor, float]:
    """Samples, and evaluations per sample."""
    model = Counted(Velocity(function))
    x = load(Sampler, {"kind": "dopri5", **keys}).generate(model, {}, start)
    return x, model.evaluations / (start.shape[0] * start.shape[1])


def stacked_mlp(seeds: list[int], factor: float = 1.0) -> tuple[MLP, dict[str, Tensor]]:
    network = MLP(kind="mlp", width=8, depth=2)
    alone = [network.initial((2,), torch_generator(seed, 0, INITIAL_PARAMETERS)) for seed in seeds]
    for seed, parameters in zip(seeds, alone, strict=True):
        parameters["weight_2"] = factor * torch.randn(8, 2, generator=torch_generator(seed, 9, INITIAL_PARAMETERS))
    return network, {name: torch.stack([parameters[name] for parameters in alone]) for name in alone[0]}


# Solutions


def test_the_flow_of_a_gaussian_is_the_closed_one() -> None:
    start = latents(2, 200, 2)
    assert_allclose(drawn(gaussian, start)[0], MEAN + STD * start, atol=5e-3)
    start = latents(2, 200, 2, dtype=torch.float64)
    keys = {"relative_tolerance": 1e-8, "absolute_tolerance": 1e-8}
    assert_allclose(drawn(gaussian, start, **keys)[0], MEAN + STD * start, atol=1e-6)


@pytest.mark.parametrize(("tolerance", "error"), [(1e-5, 1e-3), (1e-7, 1e-5), (1e-9, 1e-6)])
def test_solutions_agree_with_fine_fixed_steps_within_the_tolerance(tolerance: float, error: float) -> None:
    start = latents(2, 30, 2, dtype=torch.float64)
    fine = load(Sampler, {"kind": "ode", "method": "rk4", "steps": 512})
    found, _ = drawn(swirl, start, relative_tolerance=tolerance, absolute_tolerance=tolerance)
    assert_allclose(found, fine.generate(Velocity(swirl), {}, start), atol=error)


@pytest.mark.parametrize("key", ["relative_tolerance", "absolute_tolerance"])
def test_a_smaller_tolerance_takes_more_evaluations(key: str) -> None:
    keys = {"relative_tolerance": 1e-9, "absolute_tolerance": 1e-9}
    start = latents(1, 50, 2, dtype=torch.float64)
    counts = [drawn(gaussian, start, **{**keys, key: tolerance})[1] for tolerance in (1e-2, 1e-5, 1e-9)]
    assert counts == sorted(set(counts))


def test_the_network_is_never_asked_beyond_the_data() -> None:
    times: list[float] = []

    def watched(x: Tensor, t: Tensor) -> Tensor:
        times.extend(t.unique().tolist())
        return gaussian(x, t)

    drawn(watched, latents(1, 20, 2))
    assert min(times) == 0
    assert 1 - 1e-6 < max(times) <= 1


# Seeds and chunks


def test_a_seed_alone_equals_the_same_seed_in_a_batch_bit_for_bit() -> None:
    seeds, start = [0, 4, 9], latents(3, 40, 2)
    sampler = load(Sampler, {"kind": "dopri5", "chunk": 15})
    network, parameters = stacked_mlp(seeds, factor=3.0)
    together = sampler.generate(network, parameters, start)
    for row, seed in enumerate(seeds):
        alone = sampler.generate(network, stacked_mlp([seed], factor=3.0)[1], start[row : row + 1])
        assert torch.equal(alone[0], together[row])
    assert not together.requires_grad


@pytest.mark.parametrize("chunk", [1, 7, 1_000])
def test_chunks_bound_memory_and_keep_the_tolerance(chunk: int) -> None:
    sizes: list[int] = []

    def watched(x: Tensor, t: Tensor) -> Tensor:
        sizes.append(x.shape[0] * x.shape[1])
        return gaussian(x, t)

    start = latents(2, 20, 2)
    found, _ = drawn(watched, start, chunk=chunk)
    assert_allclose(found, MEAN + STD * start, atol=5e-3)
    assert max(sizes) == min(chunk, 20)


# Evaluations


@pytest.mark.parametrize("method", TABLEAUS)
@pytest.mark.parametrize("chunk", [7, 100])
def test_the_evaluations_of_a_fixed_method_are_its_stages_times_its_steps(method: str, chunk: int) -> None:
    model = Counted(Velocity(swirl))
    sampler = load(Sampler, {"kind": "ode", "method": method, "steps": 6, "chunk": chunk})
    sampler.generate(model, {}, latents(3, 20, 2))
    assert model.evaluations == 3 * 20 * 6 * STAGES[method]


def test_the_evaluations_of_the_adaptive_method_are_two_to_begin_and_six_a_step() -> None:
    # First same as last: only the first slope and the guess of the first step come on top of six new stages.
    calls = 0

    def watched(x: Tensor, t: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return gaussian(x, t)

    _, evaluations = drawn(watched, latents(1, 20, 2))
    assert evaluations == calls
    assert (calls - 2) % 6 == 0


# The job


def run(folder: Path, sampler: dict[str, Any], factor: float = 1.0) -> dict[str, str]:
    """Samples two seeds of a random network; gives the metadata of the samples."""
    parameters = stacked_mlp([0, 1], factor)[1]
    arrays = {f"parameter/{name}": value.numpy() for name, value in parameters.items()}
    metadata = {"encoding": Encoding((2,), "float32", 0.0, 1.0).to_json()}
    write_arrays(folder / "model", arrays, metadata)
    call(
        sample.main,
        model=str(folder / "model"),
        samples=str(folder / "samples"),
        spec={"model": {"kind": "mlp", "width": 8, "depth": 2}, "sampler": sampler, "samples": 50},
        code="c",
        seeds=[0, 1],
        device="cpu",
        threads=1,
    )
    return read_metadata(folder / "samples")


def test_the_samples_say_how_often_the_network_was_evaluated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metadata = run(tmp_path, {"kind": "ode", "method": "heun", "steps": 9, "chunk": 20})
    assert metadata["function_evaluations"] == "18"
    assert "evaluations of the network per sample: 18\n" in capsys.readouterr().out
    adaptive = float(run(tmp_path, {"kind": "dopri5"}, factor=3.0)["function_evaluations"])
    assert 14 <= adaptive < 1_000


def test_a_network_that_explodes_ends_in_a_sentence_and_no_samples(tmp_path: Path) -> None:
    with pytest.raises(RecurateError, match=r"dopri5 found no step that is small enough .*; raise the sampler's"):
        run(tmp_path, {"kind": "dopri5"}, factor=1e30)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_memory_that_does_not_suffice_names_the_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MLP, "velocity", lambda *_: torch.empty(2**60))
    expected = r"sampling generation 0 ran out of memory \(.+\); lower sampler.chunk \(now 30\)"
    with pytest.raises(RecurateError, match=expected):
        run(tmp_path, {"kind": "ode", "chunk": 30})
