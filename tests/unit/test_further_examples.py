"""The further examples of docs/extending: rows of numbers as data, and a curation that keeps the top share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_code import EXAMPLES
from script import call

import curate
import prepare_real
from recurate.curation import Curation
from recurate.curation.parts.choice_check import check_operator
from recurate.files.arrays import read_arrays, write_arrays
from recurate.foundation.components import load
from recurate.foundation.errors import RecurateError
from recurate.mixing.trained import Mixing
from recurate.theory.forecast import forecast

POINTS = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)


def prepared(folder: Path, example: str, /, **settings: Any) -> dict[str, np.ndarray]:
    """Arrays of the file that the job writes."""
    real = folder / "real.safetensors"
    spec = {"data": {"kind": str(EXAMPLES / f"{example}.py"), **settings}}
    call(prepare_real.main, real=str(real), card=str(folder / "real.json"), spec=spec)
    return read_arrays(real)


def refusal(folder: Path, example: str, /, **settings: Any) -> str:
    """The sentence that the job ends with; it writes nothing."""
    with pytest.raises(RecurateError) as caught:
        prepared(folder, example, **settings)
    assert not list(folder.glob("real.*"))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def csv(folder: Path, *lines: str) -> str:
    path = folder / "points.csv"
    path.write_text("\n".join([*lines, *(f"{a},{b}" for a, b in POINTS)]) + "\n")
    return str(path)


def test_points_come_from_rows_of_numbers_below_a_header_or_without(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    without = prepared(tmp_path, "data", table=csv(tmp_path))
    below = prepared(tmp_path, "data", table=csv(tmp_path / "other", "x,y"), header=1)
    for name, array in without.items():
        np.testing.assert_array_equal(array, below[name])
    assert without["train_x"].shape == (16, 2) and without["test_x"].shape == (4, 2)
    together = np.concatenate([without["train_x"], without["test_x"]])
    np.testing.assert_array_equal(np.sort(together, axis=0), np.sort(POINTS, axis=0))


@pytest.mark.parametrize("header", ["x,y", "length (cm),width (cm)", '"x","y"', "# x;y\nx,y"])
def test_a_header_that_nobody_told_of_is_a_sentence_with_the_key(tmp_path: Path, header: str) -> None:
    line = refusal(tmp_path, "data", table=csv(tmp_path, header))
    assert re.search(r"points\.csv: could not convert string .* to float32.*say header: 1$", line), line


# A curation that keeps the top share


def top(kept: int) -> Curation:
    return load(Curation, {"kind": str(EXAMPLES / "curation_top_share.py"), "kept": kept})


def test_the_best_are_kept_as_many_as_the_settings_say(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(2, 60, 2)).astype(np.float32)
    write_arrays(tmp_path / "samples", {"x": x}, {})
    spec = {"data": {"kind": "two_moons"}, "judge": None, "model": None}
    spec |= {"reward": {"kind": str(EXAMPLES / "reward.py")}, "curation": top(15).model_dump()}
    written = str(tmp_path / "curated")
    call(curate.main, str(tmp_path / "samples"), written, spec, code="c", seeds=[0, 1], generation=0, threads=1)
    curated = read_arrays(written)
    assert curated["index"].shape == (2, 15)
    for reward, index in zip(curated["reward"], curated["index"], strict=True):
        assert len(set(index)) == 15
        assert np.sort(reward[index]).tolist() == np.sort(reward)[-15:].tolist()


def test_its_forecast_is_the_top_share_of_what_was_there(tmp_path: Path) -> None:
    rewards = np.array([0.0, -1.0, -2.0, -3.0, -1.0])
    operator = top(2).operator(rewards)  # two fifths: the best, and half of both that come next
    assert operator is not None
    _, after, last = forecast(operator, 5, Mixing(real_fraction=0.0), 2)
    np.testing.assert_allclose(after, [0.5, 0.25, 0, 0, 0.25])
    np.testing.assert_allclose(last, [1, 0, 0, 0, 0])


def test_it_does_what_its_operator_says_and_is_refused_more_than_there_are() -> None:
    rewards = np.random.default_rng(1).normal(size=40)
    for values in (rewards, np.round(rewards)):
        check_operator(top(10), values, None, 0)
    with pytest.raises(ValueError, match="kept: 41 is more than the 40 samples there are"):
        top(41).check(40)
