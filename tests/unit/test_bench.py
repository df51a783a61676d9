"""What the benchmark's rows say; what they measure is for `make bench` alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from bench import alone
from bench.measuring import Way, compared, run_alone, threads


def gain(unit: str, usual: list[float], ours: list[float]) -> list[float]:
    """What `compared` makes of these values, the first of each unmeasured."""
    first, second = iter(usual), iter(ours)
    rows = compared("work", unit, Way("usual", lambda: next(first)), Way("ours", lambda: next(second)), 2.0, 2)
    assert [row.what for row in rows] == ["work: usual", "work: ours", "work: gain"]
    assert list(rows[0].values) == usual[1:]
    assert list(rows[1].values) == ours[1:]
    return list(rows[2].values)


def test_half_the_seconds_and_twice_the_images_a_second_are_a_gain_of_two() -> None:
    assert gain("s", [100.0, 6.0, 4.0], [100.0, 3.0, 1.0]) == [2.0, 4.0]
    assert gain("images/s", [100.0, 3.0, 1.0], [100.0, 6.0, 4.0]) == [2.0, 4.0]


def test_the_number_of_threads_is_given_back_also_after_an_error() -> None:
    before = torch.get_num_threads()
    other = 2 if before == 1 else 1

    def fail() -> None:
        with threads(other) as words:
            assert torch.get_num_threads() == other
            raise RuntimeError(words)

    with pytest.raises(RuntimeError, match=f"^{other} thread"):
        fail()
    assert torch.get_num_threads() == before


def test_what_is_measured_in_a_process_of_its_own_runs(tmp_path: Path) -> None:
    assert json.loads(run_alone(alone.forecast, samples=50, choices=3, generations=2).output) > 0
    assert all(ratio > 0 for ratio in alone.frechet(samples=60, features=5, runs=2))
    (_, expected), (_, found) = alone.prdc(60, 5, 3), alone.manifolds(60, 5, 3)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    alone.write_generation(tmp_path, 50, 6)
    metrics = [{"kind": "frechet", "features": "inception"}, {"kind": "memorisation", "features": "inception"}]
    assert alone.measured(str(tmp_path), metrics) > 0
    assert ",fid," in (tmp_path / "metrics.csv").read_text()
