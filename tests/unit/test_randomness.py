"""Generators differ wherever one of their coordinates differs, and depend on nothing else."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from recurate.foundation import randomness
from recurate.foundation.randomness import STAGES, numpy_generator, seed_sequence, torch_generator

PARTS = [(), (0,), (1,), (2,), (0, 0), (0, 1), (1, 0), (1, 1), (2, 1)]
COORDINATES = list(itertools.product(range(4), range(4), STAGES, PARTS))

streams = st.tuples(
    st.integers(0, 2**40),
    st.integers(0, 999),
    st.sampled_from(sorted(STAGES)),
    st.lists(st.integers(0, 10_000), max_size=2).map(tuple),
)


def numpy_numbers(seed: int, generation: int, stage: str, *part: int) -> tuple[float, ...]:
    return tuple(numpy_generator(seed, generation, stage, *part).random(4))


def torch_numbers(seed: int, generation: int, stage: str, *part: int) -> tuple[float, ...]:
    return tuple(torch.rand(4, generator=torch_generator(seed, generation, stage, *part)).tolist())


@pytest.mark.parametrize("numbers", [numpy_numbers, torch_numbers])
def test_streams_of_a_grid_of_coordinates_are_all_different(numbers: Callable[..., Any]) -> None:
    seen = {numbers(seed, generation, stage, *part) for seed, generation, stage, part in COORDINATES}
    assert len(seen) == len(COORDINATES)


@given(streams, streams)
def test_any_two_coordinates_have_different_states(one: Any, other: Any) -> None:
    state, second = (tuple(seed_sequence(*c[:3], *c[3]).generate_state(8)) for c in (one, other))
    assert (state == second) == (one == other)


@pytest.mark.parametrize("numbers", [numpy_numbers, torch_numbers])
def test_a_stream_does_not_depend_on_what_was_drawn_before(numbers: Callable[..., Any]) -> None:
    forward = [numbers(*c[:3], *c[3]) for c in COORDINATES[:50]]
    np.random.random(7)
    torch.rand(7)
    backward = [numbers(*c[:3], *c[3]) for c in reversed(COORDINATES[:50])]
    assert forward == backward[::-1]


def test_drawing_leaves_the_global_generators_alone() -> None:
    before = np.random.get_state()[1].copy(), torch.get_rng_state().clone()  # type: ignore[index]
    numpy_generator(1, 2, "sample").normal(size=100)
    torch.randn(100, generator=torch_generator(1, 2, "sample"))
    np.testing.assert_array_equal(before[0], np.random.get_state()[1])  # type: ignore[index]
    assert torch.equal(before[1], torch.get_rng_state())


def test_a_stream_is_the_same_in_another_process() -> None:
    line = (
        "from recurate.foundation.randomness import numpy_generator as g\n"
        "print(repr(float(g(3, 2, 'curate', 1).random())))"
    )
    scripts = Path(randomness.__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", line], cwd=scripts, capture_output=True, text=True, check=True)
    assert float(run.stdout) == numpy_generator(3, 2, "curate", 1).random()


def test_neighbouring_streams_are_uncorrelated() -> None:
    stacked = np.array([numpy_generator(seed, 0, "data").standard_normal(4_000) for seed in range(12)])
    correlation = np.corrcoef(stacked)[np.triu_indices(12, 1)]
    assert np.abs(correlation).max() < 4.5 / np.sqrt(4_000)


def test_first_numbers_of_consecutive_chunks_are_uniform() -> None:
    first = [torch_numbers(0, 1, "train", 2, chunk)[0] for chunk in range(500)]
    assert kstest(first, "uniform").pvalue > 1e-3


def test_an_unknown_stage_is_refused() -> None:
    with pytest.raises(KeyError):
        numpy_generator(0, 0, "figures")
