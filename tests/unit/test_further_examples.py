"""The further examples of docs/extending: own data from usual files, and a curation that keeps the top share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_code import EXAMPLES
from PIL import Image
from pydantic import ValidationError
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


def table(folder: Path, kinds: list[str], head: str = "x,y,species") -> str:
    path = folder / "table.csv"
    rows = (f"{a},{b},{kinds[number % len(kinds)]}" for number, (a, b) in enumerate(POINTS))
    path.write_text("\n".join([head, *rows]) + "\n")
    return str(path)


NAMED = {"columns": ["y", "x"], "label": "species", "classes": ["cat", "dog"]}


def test_columns_are_taken_by_the_names_in_the_header_and_classes_by_what_the_settings_say(tmp_path: Path) -> None:
    found = prepared(tmp_path, "data_table", table=table(tmp_path, ["dog", "cat", "cat"]), **NAMED)
    x = np.concatenate([found["test_x"], found["train_x"]])
    y = np.concatenate([found["test_y"], found["train_y"]])
    for point, kind in zip(x, y, strict=True):
        (place,) = np.flatnonzero((point[::-1] == POINTS).all(axis=1))
        assert kind == (1 if place % 3 == 0 else 0)


@pytest.mark.parametrize(
    ("kinds", "head", "said"),
    [
        (["cat", "bird"], "x,y,species", "species holds 'bird'; name it in classes, or take it out"),
        (["cat", ""], "x,y,species", "species holds ''; name it in classes"),
        (["cat", "dog"], "x,z,species", r"there is no column 'y'; the first line names \['x', 'z', 'species'\]"),
        (["cat", "dog"], "x,y,kind", "there is no column 'species'; the first line names"),
    ],
)
def test_a_table_that_is_not_as_the_settings_say_is_a_sentence(
    tmp_path: Path, kinds: list[str], head: str, said: str
) -> None:
    assert re.search(
        rf"table\.csv: {said}", refusal(tmp_path, "data_table", table=table(tmp_path, kinds, head), **NAMED)
    )


def images(folder: Path, *sizes: tuple[int, int], mode: str = "RGB") -> dict[str, Any]:
    """Five images of two classes, of these sizes in turn."""
    for number in range(10):
        path = folder / "photographs" / ("cat", "dog")[number % 2] / f"{number} λ.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        width, height = sizes[number // 2 % len(sizes)]
        pixels = np.full((height, width, 3), 25 * number, np.uint8)
        Image.fromarray(pixels).convert(mode).save(path)
    return {"folder": str(folder / "photographs"), "width": 6, "height": 4}


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_images_come_from_a_folder_of_folders_whatever_their_colours_are_stored_as(tmp_path: Path, mode: str) -> None:
    found = prepared(tmp_path, "data_images", **images(tmp_path, (6, 4), mode=mode))
    assert found["train_x"].shape == (8, 4, 6, 3) and found["test_x"].shape == (2, 4, 6, 3)
    for image, kind in zip(found["train_x"], found["train_y"], strict=True):
        assert image.min() == image.max() and kind == image.max() // 25 % 2


def test_images_of_several_sizes_are_a_sentence_that_names_one_and_says_how_to_mend_it(tmp_path: Path) -> None:
    line = refusal(tmp_path, "data_images", **images(tmp_path, (6, 4), (6, 5)))
    assert re.search(r"photographs/(cat|dog)/\d λ\.png: 6 x 5 pixels, wanted are 6 x 4; make all of one size", line)


def test_an_empty_folder_of_images_is_a_sentence_when_settings_are_read(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="there are no PNG files in the folders of classes in it"):
        prepared(tmp_path, "data_images", folder=str(tmp_path), width=6, height=4)
    assert not list(tmp_path.glob("real.*"))


def arrays(folder: Path, x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", y)
    return {"samples": str(folder / "x.npy"), "labels": str(folder / "y.npy"), "classes": 2}


@pytest.mark.parametrize("x", [POINTS, np.arange(20 * 12, dtype=np.uint8).reshape(20, 2, 2, 3)])
def test_samples_and_classes_come_from_files_of_numpy(tmp_path: Path, x: np.ndarray) -> None:
    found = prepared(tmp_path, "data_arrays", **arrays(tmp_path, x, np.arange(20) % 2))
    for sample, kind in zip(found["train_x"], found["train_y"], strict=True):
        (place,) = np.flatnonzero((sample == x).reshape(20, -1).all(axis=1))
        assert kind == place % 2


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (POINTS.astype(np.float16), np.arange(20) % 2, "train_x is float16 .* they are float32 or float64"),
        (np.zeros((20, 2, 2, 3), np.float32), np.arange(20) % 2, "train_x is float32 .* they are uint8"),
        (POINTS, np.arange(20) % 3, "train_y holds classes 0 to 2; described are 0 to 1"),
        (POINTS, np.arange(20) / 20, "train_y is float64"),
        (POINTS, np.array([["a", 1]] * 10, object).ravel(), "Object arrays cannot be loaded"),
    ],
)
def test_arrays_that_are_no_samples_and_classes_are_a_sentence(
    tmp_path: Path, x: np.ndarray, y: np.ndarray, said: str
) -> None:
    assert re.search(said, refusal(tmp_path, "data_arrays", **arrays(tmp_path, x, y)))


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
