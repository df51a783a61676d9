"""Data in files of a user's own: pictures, arrays, tables; each fault is one sentence with the path and a remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from safetensors.numpy import save_file
from script import call

import prepare_real
from recurate.data import Data
from recurate.data.parts.held_to_description import held_to_description
from recurate.files.arrays import read_arrays
from recurate.foundation.components import load
from recurate.foundation.errors import RecurateError

NUMBERS = np.random.default_rng(0)
Rows = dict[tuple[int, ...], int]


def loaded(**spec: Any) -> Any:
    """The data of a kind, held to its own description."""
    data = load(Data, {key: value for key, value in spec.items() if value is not None})
    return held_to_description(data.load(np.random.default_rng(1)), data)


def picture(path: Path, size: tuple[int, int] = (6, 4), mode: str = "RGB", **options: Any) -> None:
    """A picture of random pixels, `size` being width and height."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(NUMBERS.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)).convert(mode)
    image.save(path, **options)


def pictures(folder: Path, classes: tuple[str, ...] = ("cat", "dog"), number: int = 5, **options: Any) -> None:
    for name in classes:
        for row in range(number):
            picture(folder / name / f"{row}.png", **options)


def test_pictures_in_folders_of_classes_are_read_pixel_by_pixel(tmp_path: Path) -> None:
    pictures(tmp_path / "pets")
    real = loaded(kind="image_folder", folder=str(tmp_path / "pets"), held_out=0.2)
    assert real.train_x.shape == (8, 4, 6, 3)
    assert len(real.test_x) == 2
    known = {np.asarray(Image.open(path)).tobytes(): path.parent.name for path in (tmp_path / "pets").rglob("*.png")}
    for x, y in ((real.train_x, real.train_y), (real.test_x, real.test_y)):
        assert [known[row.tobytes()] for row in x] == [("cat", "dog")[label] for label in y]


def test_pictures_without_folders_of_classes_have_none(tmp_path: Path) -> None:
    pictures(tmp_path, classes=(".",), mode="L")
    description = load(Data, {"kind": "image_folder", "folder": str(tmp_path)}).description
    assert (description.shape, description.classes) == ((4, 6, 1), 0)
    assert loaded(kind="image_folder", folder=str(tmp_path)).train_x.shape == (4, 4, 6, 1)


def test_pictures_of_any_size_and_sort_are_brought_to_what_is_asked_for(tmp_path: Path) -> None:
    picture(tmp_path / "a/wide.png", (12, 4))
    picture(tmp_path / "a/grey.jpg", (5, 9), "L")
    picture(tmp_path / "b/palette.png", (8, 8), "P")
    picture(tmp_path / "b/clear.png", (8, 8), "RGBA")
    spec = {"kind": "image_folder", "folder": str(tmp_path), "resize": [4, 4]}
    assert loaded(**spec, channels="grey").train_x.shape == (3, 4, 4, 1)
    assert loaded(**spec, channels="colour").train_x.shape == (3, 4, 4, 3)


def test_a_resized_picture_is_its_middle(tmp_path: Path) -> None:
    wide = np.zeros((4, 12, 3), dtype=np.uint8)
    wide[:, 4:8] = np.arange(200, 204)[:, None, None]
    for name in "ab":
        Image.fromarray(wide).save(tmp_path / f"{name}.png")
    assert (loaded(kind="image_folder", folder=str(tmp_path), resize=[4, 4]).train_x >= 200).all()


def test_pictures_are_turned_as_their_camera_says(tmp_path: Path) -> None:
    quarter = Image.Exif()
    quarter[0x0112] = 6
    for name in "ab":
        picture(tmp_path / f"{name}.jpg", (6, 4), exif=quarter)
    data = load(Data, {"kind": "image_folder", "folder": str(tmp_path)})
    assert data.description.shape == (6, 4, 3)
    assert loaded(kind="image_folder", folder=str(tmp_path)).train_x.shape == (1, 6, 4, 3)


def broken(path: Path) -> None:
    picture(path)
    path.write_bytes(path.read_bytes()[:60])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def sixteen_bits(path: Path) -> None:
    Image.fromarray(NUMBERS.integers(0, 2**16, (4, 6)).astype(np.uint16)).save(path)


@pytest.mark.parametrize(
    ("name", "made", "said"),
    [
        ("cat/9.png", broken, r"cat/9\.png: cannot be read as a picture"),
        ("cat/0.png", broken, r"cat/0\.png: cannot be read as a picture"),
        ("cat/9.png", empty, r"cat/9\.png: cannot be read as a picture"),
        ("cat/9.jpg", lambda path: path.write_text("no picture"), r"cat/9\.jpg: cannot be read as a picture"),
        ("dog/9.png", lambda path: picture(path, (7, 4)), r"dog/9\.png: is 4 x 7 pixels .* say resize: \[4, 6\]"),
        ("dog/9.png", lambda path: picture(path, mode="L"), r"dog/9\.png: is in grey and .*/0\.png is not; say chan"),
        ("dog/9.png", lambda path: picture(path, mode="RGBA"), r"dog/9\.png: has transparent parts; save it without"),
        ("dog/9.png", sixteen_bits, r"dog/9\.png: has pixels of the mode I;16; save it with 8 bits"),
        ("9.png", picture, r"/9\.png lies beside folders of classes; move it into one"),
    ],
)  # fmt: skip
def test_a_picture_that_does_not_fit_is_named(
    tmp_path: Path, name: str, made: Callable[[Path], None], said: str
) -> None:
    pictures(tmp_path)
    made(tmp_path / name)
    with pytest.raises(RecurateError, match=said):
        loaded(kind="image_folder", folder=str(tmp_path))


@pytest.mark.parametrize("kind", ["image_folder", "array_folder"])
def test_a_folder_that_is_not_there_or_holds_nothing_is_named(tmp_path: Path, kind: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    for name, said in (("nowhere", "there is no folder"), ("file", "there is no folder"), ("empty", "folder: ")):
        with pytest.raises(RecurateError, match=said):
            _ = load(Data, {"kind": kind, "folder": str(tmp_path / name)}).description


IMAGES = NUMBERS.integers(0, 256, (10, 4, 4, 3), dtype=np.uint8)
POINTS = NUMBERS.normal(size=(10, 2))
LABELS = np.arange(10) % 3


def arrays(folder: Path, in_one: bool, **named: np.ndarray) -> str:
    folder.mkdir(exist_ok=True)
    if in_one:
        save_file({name: np.ascontiguousarray(value) for name, value in named.items()}, folder / "data.safetensors")
    else:
        for name, value in named.items():
            np.save(folder / f"{name}.npy", value)
    return str(folder)


@pytest.mark.parametrize("in_one", [True, False])
def test_arrays_are_taken_as_they_are(tmp_path: Path, in_one: bool) -> None:
    parts = {"train_x": IMAGES, "train_y": LABELS, "test_x": IMAGES[:2], "test_y": LABELS[:2]}
    real = loaded(kind="array_folder", folder=arrays(tmp_path, in_one, **parts), class_names=["a", "b", "c"])
    for name, value in parts.items():
        np.testing.assert_array_equal(real.arrays()[name], value)
    whole = loaded(kind="array_folder", folder=arrays(tmp_path / "whole", in_one, train_x=POINTS), held_out=0.3)
    assert (whole.train_x.shape, whole.test_x.shape) == ((7, 2), (3, 2))
    assert {tuple(row) for row in [*whole.train_x, *whole.test_x]} == set(map(tuple, POINTS))


def test_grey_images_may_come_without_an_axis_of_channels(tmp_path: Path) -> None:
    folder = arrays(tmp_path, False, train_x=IMAGES[..., 0])
    assert loaded(kind="array_folder", folder=folder).train_x.shape == (9, 4, 4, 1)


@pytest.mark.parametrize("in_one", [True, False])
@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"train_y": LABELS}, "has no train_x"),
        ({"train_x": IMAGES / 255}, r"train_x are images of float64; wanted is uint8"),
        ({"train_x": IMAGES.astype(np.int64)}, r"train_x are images of int64; wanted is uint8"),
        ({"train_x": IMAGES[:1]}, "there is one sample; wanted are two"),
        ({"train_x": POINTS, "test_y": LABELS}, "has test_y and no test_x"),
        ({"train_x": POINTS, "test_x": POINTS, "train_y": LABELS}, "has labels of one part alone"),
        ({"train_x": POINTS, "train_y": LABELS[:5]}, r"train_y has shape \(5,\); wanted is \(10,\)"),
        ({"train_x": POINTS, "train_y": LABELS[:, None]}, r"train_y has shape \(10, 1\)"),
        ({"train_x": POINTS, "train_y": LABELS - 1}, "train_y holds classes -1 to 1"),
        ({"train_x": POINTS, "train_y": LABELS / 2}, "train_y is float64"),
        ({"train_x": POINTS, "test_x": POINTS[:, :1]}, r"test_x is float64 of shape \(10, 1\)"),
        ({"train_x": np.full((10, 2), np.nan)}, "train_x holds NaN"),
        ({"train_x": np.zeros((10, 2))}, "all numbers of the training data are 0"),
    ],
)  # fmt: skip
def test_arrays_that_do_not_fit_are_named(
    tmp_path: Path, in_one: bool, parts: dict[str, np.ndarray], said: str
) -> None:
    with pytest.raises(RecurateError, match=said):
        loaded(kind="array_folder", folder=arrays(tmp_path, in_one, **parts))


@pytest.mark.parametrize("name", ["train_x.npy", "data.safetensors"])
@pytest.mark.parametrize("content", [b"", b"no numbers", b"\x93NUMPY\x01\x00", b"\x08" + bytes(20)])
def test_a_damaged_file_of_arrays_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RecurateError, match=rf"{name}: .*write it anew"):
        loaded(kind="array_folder", folder=str(tmp_path))


def test_pickled_arrays_are_never_opened(tmp_path: Path) -> None:
    np.save(tmp_path / "train_x.npy", np.array([object()] * 3), allow_pickle=True)
    with pytest.raises(RecurateError, match=r"train_x\.npy: train_x cannot be read"):
        loaded(kind="array_folder", folder=str(tmp_path))


TABLE = pd.DataFrame({"x": POINTS[:, 0], "y": POINTS[:, 1], "kind": list("abcabcabca")})


def written(path: Path, table: pd.DataFrame) -> str:
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path)
    return str(path)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_rows_of_a_table_are_points_with_their_classes(tmp_path: Path, suffix: str) -> None:
    file = written(tmp_path / f"points.{suffix}", TABLE)
    data = load(Data, {"kind": "table", "file": file, "label": "kind", "held_out": 0.2})
    assert data.description.class_names == ("a", "b", "c")
    real = loaded(kind="table", file=file, label="kind", held_out=0.2)
    known = {(np.float32(x), np.float32(y)): kind for x, y, kind in TABLE.itertuples(index=False)}
    assert [known[tuple(row)] for row in real.train_x] == [data.description.class_names[y] for y in real.train_y]
    assert (len(real.train_x), len(real.test_x)) == (8, 2)
    assert loaded(kind="table", file=file, columns=["y"]).train_x.shape == (9, 1)


@pytest.mark.parametrize(
    ("table", "keys", "said"),
    [
        (TABLE, {}, "column 'kind' holds no numbers, such as 'a'"),
        (TABLE, {"label": "none"}, "has no column 'none'; its columns are x, y, kind"),
        (TABLE, {"columns": ["z"]}, "has no column 'z'"),
        (TABLE[["kind"]], {"label": "kind"}, "has no column beside the label"),
        (TABLE.assign(x=[np.nan, *TABLE.x[1:]]), {"label": "kind"}, "column 'x' has gaps"),
        (TABLE.assign(x=np.inf), {"label": "kind"}, "column 'x' has gaps or infinite"),
        (TABLE.assign(kind=[None, *TABLE.kind[1:]]), {"label": "kind"}, "column 'kind' has gaps"),
        (TABLE[:1], {"label": "kind"}, "there is one sample"),
        (TABLE.assign(x=1.0, y=1.0), {"label": "kind"}, "all numbers of the training data are 1"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_that_does_not_fit_is_named(
    tmp_path: Path, suffix: str, table: pd.DataFrame, keys: dict[str, Any], said: str
) -> None:
    with pytest.raises(RecurateError, match=said):
        loaded(kind="table", file=written(tmp_path / f"points.{suffix}", table), **keys)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b""),
        ("a.csv", b"\xff\xfe\x00"),
        ("a.csv", b"x,y\n1,2,3\n1,2,3,4\n"),
        ("a.parquet", b"x"),
        ("a.tsv", b"x"),
    ],
)
def test_what_is_no_table_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RecurateError, match=name.replace(".", r"\.")):
        loaded(kind="table", file=str(tmp_path / name))


def test_the_card_names_source_and_classes(tmp_path: Path) -> None:
    pictures(tmp_path / "pets")
    real, card = tmp_path / "real.safetensors", tmp_path / "real.json"
    data = {"kind": "image_folder", "folder": str(tmp_path / "pets")}
    call(prepare_real.main, real=str(real), card=str(card), spec={"data": data})
    assert "10 pictures of the folder" in card.read_text()
    assert read_arrays(str(real))["train_x"].shape == (9, 4, 6, 3)
