"""Generators differ wherever one of their coordinates differs, and depend on nothing else."""

from __future__ import annotations

import itertools
import re
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
from recurate.foundation.randomness import (
    CURATION,
    LATENTS,
    OBJECTIVE_NOISE,
    REAL_DATA,
    SAMPLING,
    STREAMS,
    Stream,
    bootstrap_generator,
    numpy_generator,
    seed_sequence,
    torch_generator,
)

ANY = -1  # in a key, a place that any number may take
NUMBERS = [(), (0,), (1,), (0, 0), (0, 1), (1, 0)]
COORDINATES = [
    (seed, generation, stream, *numbers)
    for seed, generation, stream, numbers in itertools.product(range(4), range(4), STREAMS, NUMBERS)
    if len(numbers) == stream.numbers
]


def numbered(stream: Stream) -> st.SearchStrategy[tuple[Any, ...]]:
    """The stream with as many numbers as it has."""
    numbers = st.lists(st.integers(0, 10_000), min_size=stream.numbers, max_size=stream.numbers)
    return numbers.map(lambda found: (stream, *found))


coordinates = st.tuples(st.integers(0, 2**40), st.integers(0, 999), st.sampled_from(STREAMS).flatmap(numbered)).map(
    lambda parts: (parts[0], parts[1], *parts[2])
)


def numpy_numbers(seed: int, generation: int, stream: Stream, *numbers: int) -> tuple[float, ...]:
    return tuple(numpy_generator(seed, generation, stream, *numbers).random(4))


def torch_numbers(seed: int, generation: int, stream: Stream, *numbers: int) -> tuple[float, ...]:
    return tuple(torch.rand(4, generator=torch_generator(seed, generation, stream, *numbers)).tolist())


# The registry


def keys() -> dict[str, tuple[int, ...]]:
    """Keys of all streams by name, with ANY for what is free; those of samplers also within training."""
    named = {name: value for name, value in vars(randomness).items() if isinstance(value, Stream)}
    within = {f"{name} in training": value.in_training(ANY) for name, value in named.items() if value in SAMPLING}
    return {name: (*stream.key, *[ANY] * stream.numbers) for name, stream in {**named, **within}.items()}


def meet(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return len(one) == len(other) and all(ANY in pair or len(set(pair)) == 1 for pair in zip(one, other, strict=True))


def test_no_two_streams_of_the_registry_can_meet_whatever_their_numbers() -> None:
    pairs = itertools.combinations(keys().items(), 2)
    assert [(one, other) for (one, first), (other, second) in pairs if meet(first, second)] == []


def test_every_stream_with_a_name_is_in_the_registry() -> None:
    named = {value for value in vars(randomness).values() if isinstance(value, Stream)}
    assert named == set(STREAMS)


def test_two_streams_of_one_key_would_be_seen() -> None:
    assert meet((2, 1, ANY), (2, 1, ANY)) and meet((2, ANY), (2, 1)) and not meet((2, 1), (2, 1, ANY))


@pytest.mark.parametrize("numbers", [(), (1, 2)])
def test_a_stream_is_given_as_many_numbers_as_it_has(numbers: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"the stream \(2, 2\) has 1 numbers, it was given"):
        seed_sequence(0, 0, OBJECTIVE_NOISE, *numbers)


def test_generators_are_named_and_not_numbered_by_hand_anywhere_in_the_project() -> None:
    scripts = Path(randomness.__file__).parents[2]
    by_hand = re.compile(r"(?:_generator|seed_sequence|generators)\([^()]*(?:\"|\(\d)|default_rng|RandomState")
    texts = {path: path.read_text() for path in scripts.rglob("*.py") if "bench" not in path.parts}
    assert [str(path) for path, text in texts.items() if by_hand.search(text)] == []


def test_errors_by_resampling_are_drawn_from_a_stream_of_their_own() -> None:
    first = float(bootstrap_generator().random())
    assert first == float(bootstrap_generator().random())
    assert first not in {
        numpy_numbers(0, generation, stream, *[0] * stream.numbers)[0] for generation in range(3) for stream in STREAMS
    }


# The numbers


@pytest.mark.parametrize("numbers", [numpy_numbers, torch_numbers])
def test_streams_of_a_grid_of_coordinates_are_all_different(numbers: Callable[..., Any]) -> None:
    assert len({numbers(*coordinate) for coordinate in COORDINATES}) == len(COORDINATES)


@given(coordinates, coordinates)
def test_any_two_coordinates_have_different_states(one: Any, other: Any) -> None:
    state, second = (tuple(seed_sequence(*coordinate).generate_state(8)) for coordinate in (one, other))
    assert (state == second) == (one == other)


@pytest.mark.parametrize("numbers", [numpy_numbers, torch_numbers])
def test_a_stream_does_not_depend_on_what_was_drawn_before(numbers: Callable[..., Any]) -> None:
    forward = [numbers(*c) for c in COORDINATES[:50]]
    np.random.random(7)
    torch.rand(7)
    backward = [numbers(*c) for c in reversed(COORDINATES[:50])]
    assert forward == backward[::-1]


def test_drawing_leaves_the_global_generators_alone() -> None:
    before = np.random.get_state()[1].copy(), torch.get_rng_state().clone()  # type: ignore[index]
    numpy_generator(1, 2, LATENTS).normal(size=100)
    torch.randn(100, generator=torch_generator(1, 2, LATENTS))
    np.testing.assert_array_equal(before[0], np.random.get_state()[1])  # type: ignore[index]
    assert torch.equal(before[1], torch.get_rng_state())


def test_a_stream_is_the_same_in_another_process() -> None:
    line = (
        "from recurate.foundation.randomness import CURATION, numpy_generator as g\n"
        "print(repr(float(g(3, 2, CURATION).random())))"
    )
    scripts = Path(randomness.__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", line], cwd=scripts, capture_output=True, text=True, check=True)
    assert float(run.stdout) == numpy_generator(3, 2, CURATION).random()


def test_neighbouring_streams_are_uncorrelated() -> None:
    stacked = np.array([numpy_generator(seed, 0, REAL_DATA).standard_normal(4_000) for seed in range(12)])
    correlation = np.corrcoef(stacked)[np.triu_indices(12, 1)]
    assert np.abs(correlation).max() < 4.5 / np.sqrt(4_000)


def test_first_numbers_of_consecutive_chunks_are_uniform() -> None:
    first = [torch_numbers(0, 1, OBJECTIVE_NOISE, chunk)[0] for chunk in range(500)]
    assert kstest(first, "uniform").pvalue > 1e-3
