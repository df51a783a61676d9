"""What the benchmark's rows say; what they measure is for `make bench` alone."""

from __future__ import annotations

import pytest
import torch

from bench.measuring import Way, compared, threads


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
