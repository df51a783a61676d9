"""Real data of a user's own are what their kind describes, or a sentence in the job that prepares them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from script import call

import prepare_real
from recurate.files.arrays import read_arrays
from recurate.foundation.errors import RecurateError

CODE = """
import numpy as np
from recurate.data import Data, Description, RealData


class Own(Data):
    @property
    def description(self):
        return Description({described})

    def load(self, generator):
        x = {x}
        y = {y}
        test_x, test_y = x, y
        {last}
"""
POINTS = {"described": "(2,), 3", "x": "generator.normal(size=(9, 2)).astype(np.float32)", "y": "np.arange(9) % 3"}
IMAGES = {**POINTS, "described": "(4, 4, 3), 3", "x": "generator.integers(0, 256, (9, 4, 4, 3), dtype=np.uint8)"}
TOKENS = {**POINTS, "described": "(5,), 0, vocabulary=7", "x": "generator.integers(0, 7, (9, 5), dtype=np.int32)"}
LAST = "return RealData(x, y, test_x, test_y)"


def prepared(folder: Path, **parts: str) -> dict[str, np.ndarray]:
    """Arrays of the file that the job writes."""
    (folder / "own.py").write_text(CODE.format(**{"last": LAST, **parts}))
    real, card = str(folder / "real.safetensors"), str(folder / "real.json")
    call(prepare_real.main, real=real, card=card, spec={"data": {"kind": str(folder / "own.py")}})
    return read_arrays(real)


@pytest.mark.parametrize(
    ("data", "part", "value", "said"),
    [
        (POINTS, "y", "np.arange(8) % 3", r"train_y is int64 of shape \(8,\); wanted are whole numbers"),
        (POINTS, "y", "np.arange(10) % 3", r"train_y is int64 of shape \(10,\)"),
        (POINTS, "y", "(np.arange(9) % 3)[:, None]", r"train_y is int64 of shape \(9, 1\)"),
        (POINTS, "y", "np.full(9, 0.7)", "train_y is float64"),
        (POINTS, "y", "np.zeros(9)", "train_y is float64"),
        (POINTS, "y", "np.zeros(9, bool)", "train_y is bool"),
        (POINTS, "y", "np.array(list('abcabcabc'))", "train_y is <U1"),
        (POINTS, "y", "np.arange(9) % 3 - 1", "train_y holds classes -1 to 1; described are 0 to 2"),
        (POINTS, "y", "np.arange(9) % 4", "train_y holds classes 0 to 3; described are 0 to 2"),
        (POINTS, "y", "[0] * 9", "train_y is a list of 9"),
        (POINTS, "y", "None", "train_y is None"),
        (POINTS, "x", "generator.normal(size=(9, 2)) * 1j", "train_x is complex128"),
        (POINTS, "x", "generator.normal(size=(9, 2)) > 0", "train_x is bool"),
        (POINTS, "x", "generator.normal(size=(9, 2)).astype(np.float16)", "train_x is float16"),
        (POINTS, "x", "generator.integers(0, 9, (9, 2), dtype=np.int32)", "train_x is int32 .* float32 or float64"),
        (POINTS, "x", "generator.integers(0, 9, (9, 2))", "train_x is int64"),
        (POINTS, "x", "generator.integers(0, 9, (9, 2), dtype=np.uint8)", "train_x is uint8 .* float32 or float64"),
        (POINTS, "x", "generator.normal(size=(9, 3))", r"shape \(9, 3\); as described, .* of shape \(n, 2\)"),
        (POINTS, "x", "generator.normal(size=(2, 9))", r"shape \(2, 9\)"),
        (POINTS, "x", "generator.normal(size=9)", r"shape \(9,\)"),
        (POINTS, "x", "np.float32(3)", "train_x is"),
        (POINTS, "x", "[[0.0, 1.0]] * 9", "train_x is a list of 9"),
        (POINTS, "x", "__import__('torch').zeros(9, 2)", "train_x is a tensor"),
        (POINTS, "x", "np.ma.masked_array(generator.normal(size=(9, 2)), False)", "train_x is masked float64"),
        (POINTS, "x", "np.array([['a', 'b']] * 9)", "train_x is <U1"),
        (POINTS, "x", "np.full((9, 2), 'x', object)", "train_x is object"),
        (POINTS, "x", "np.zeros((0, 2))", "there are no training data"),
        (POINTS, "x", "np.zeros((9, 2))", "all numbers of the training data are 0, so that there is nothing to learn"),
        (POINTS, "x", "generator.normal(size=(9, 2)) / np.array([0.0, 1])", "holds NaN or infinite values"),
        (IMAGES, "x", "generator.random((9, 4, 4, 3)).astype(np.float32)", "train_x is float32 .* they are uint8"),
        (IMAGES, "x", "255 * generator.random((9, 4, 4, 3))", "train_x is float64 .* they are uint8"),
        (IMAGES, "x", "generator.integers(0, 4096, (9, 4, 4, 3), dtype=np.int16)", "train_x is int16"),
        (IMAGES, "x", "generator.integers(0, 9, (9, 3, 4, 4), dtype=np.uint8)", r"\(9, 3, 4, 4\); .*\(n, 4, 4, 3\)"),
        (IMAGES, "x", "generator.integers(0, 9, (9, 4, 4), dtype=np.uint8)", r"\(9, 4, 4\); .*\(n, 4, 4, 3\)"),
        (IMAGES, "described", "(4, 4, 1), 3", r"\(9, 4, 4, 3\); .*\(n, 4, 4, 1\)"),
        (TOKENS, "x", "generator.integers(0, 7, (9, 5))", "train_x is int64 .* they are int32"),
        (TOKENS, "x", "generator.random((9, 5), dtype=np.float32)", "train_x is float32 .* they are int32"),
        (TOKENS, "x", "generator.integers(-1, 8, (9, 5), dtype=np.int32)", "holds tokens .*; described are 0 to 6"),
        (POINTS, "last", "return None", "load gave None; wanted is a RealData"),
        (POINTS, "last", "return x, y, x, y", "load gave a tuple of 4"),
        (POINTS, "last", "return RealData(x, y, x[:0], y[:0])", "there are no held-out data, test_x has shape"),
        (POINTS, "last", "return RealData(x, y, x.astype(np.float16), y)", "test_x is float16"),
        (POINTS, "last", "return RealData(x, y, x, y[:3])", r"test_y is int64 of shape \(3,\)"),
        (POINTS, "last", "return RealData(x, y)", "load raised TypeError"),
        (POINTS, "last", "open('nowhere.csv')", r"load raised FileNotFoundError .*nowhere\.csv"),
    ],
)  # fmt: skip
def test_data_that_are_not_as_described_are_a_sentence_and_no_file(
    tmp_path: Path, data: dict[str, str], part: str, value: str, said: str
) -> None:
    with np.errstate(all="ignore"), pytest.raises(RecurateError, match=rf"^data: .*own\.py: .*{said}"):
        prepared(tmp_path, **{**data, part: value})
    assert not list(tmp_path.glob("real.*"))


@pytest.mark.parametrize("data", [POINTS, IMAGES, TOKENS])
def test_data_as_described_are_written_as_they_are(tmp_path: Path, data: dict[str, str]) -> None:
    found = prepared(tmp_path, **data)
    given: dict[str, Any] = {}
    exec(f"x = {data['x']}", {"np": np, "generator": np.random.default_rng(0)}, given)
    assert found["train_x"].dtype == given["x"].dtype and found["train_x"].shape == given["x"].shape
    assert found["train_y"].dtype == np.int64


@pytest.mark.parametrize("y", ["(np.arange(9) % 3).astype(np.uint8)", "(np.arange(9) % 3).astype('>i2')"])
def test_labels_of_other_whole_numbers_become_those_that_pytorch_indexes_by(tmp_path: Path, y: str) -> None:
    assert prepared(tmp_path, **{**POINTS, "y": y})["train_y"].tolist() == [0, 1, 2] * 3


def test_numbers_in_another_order_of_bytes_are_the_same_numbers(tmp_path: Path) -> None:
    swapped = prepared(tmp_path, **{**POINTS, "x": f"({POINTS['x']}).astype('>f4')"})["train_x"]
    (tmp_path / "again").mkdir()
    np.testing.assert_array_equal(swapped, prepared(tmp_path / "again", **POINTS)["train_x"])
