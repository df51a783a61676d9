"""Real data against their definitions, scikit-learn, scipy and the published formats."""

from __future__ import annotations

import hashlib
import json
import math
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from scipy.spatial import cKDTree
from scipy.stats import chisquare, kstest
from script import call
from sklearn.datasets import load_digits, make_moons

import prepare_real
from recurate.data import Data, PublishedData, RealData, cifar10, fashion_mnist
from recurate.data.digits import Digits
from recurate.data.eight_gaussians import EightGaussians
from recurate.data.parts.sources import deliver
from recurate.data.two_moons import TwoMoons
from recurate.files.arrays import read_arrays
from recurate.foundation.components import component_class, kinds, load
from recurate.foundation.errors import RecurateError
from recurate.foundation.torchvision_compat import import_torchvision
from recurate.models.parts.units import Encoding

PUBLISHED = [kind for kind in kinds(Data) if component_class(Data, kind).shared]
TEXT = {"corpus": "brown", "tokenizer": {"kind": "bpe", "vocabulary": 256}}  # has tests of its own
OF_FILES = ["array_folder", "image_folder", "table"]  # so have these
COMPUTED = [kind for kind in kinds(Data) if kind not in (*PUBLISHED, *OF_FILES, "text")]


def drawn(source: Data, seed: int = 0) -> RealData:
    return source.load(np.random.default_rng(seed))


@pytest.fixture(scope="module")
def gaussians() -> RealData:
    return drawn(EightGaussians(kind="eight_gaussians", train=30_000, test=10_000))


@pytest.fixture(scope="module")
def digits() -> RealData:
    return drawn(Digits(kind="digits"))


@pytest.mark.parametrize("kind", COMPUTED)
def test_every_kind_gives_what_it_describes(kind: str) -> None:
    source = load(Data, {"kind": kind, "test": 60})
    real = drawn(source)
    for part in ("train", "test"):
        x, y = getattr(real, f"{part}_x"), getattr(real, f"{part}_y")
        assert x.shape == (len(y), *source.description.shape)
        assert x.dtype in (np.float32, np.uint8)
        assert y.dtype == np.int64
        assert set(y) <= set(range(source.description.classes))
    assert len(real.test_x) == 60


@pytest.mark.parametrize("kind", COMPUTED)
def test_data_depend_on_the_generator_alone(kind: str) -> None:
    source = load(Data, {"kind": kind})
    one, again, other = (drawn(source, seed).arrays() for seed in (1, 1, 2))
    for name, array in one.items():
        assert_array_equal(array, again[name])
    assert not np.array_equal(one["train_x"], other["train_x"])


def test_the_kinds_that_all_studies_share_are_the_published_ones_and_have_no_settings() -> None:
    assert PUBLISHED == ["brown", "cifar10", "fashion_mnist", "mnist"]
    for kind in PUBLISHED:
        found = component_class(Data, kind)
        assert issubclass(found, PublishedData)
        assert set(found.model_fields) == {"kind"}


@pytest.mark.parametrize("kind", [kind for kind in kinds(Data) if kind not in OF_FILES])
def test_a_description_is_hashable_and_names_every_class_or_none(kind: str) -> None:
    settings = {"kind": kind, **(TEXT if kind == "text" else {})}
    description = load(Data, settings).description
    assert description == load(Data, settings).description
    assert len({description, load(Data, settings).description}) == 1
    assert len(description.class_names) in (0, description.classes)
    assert len(set(description.class_names)) == len(description.class_names)


def test_class_names_are_those_of_torchvision() -> None:
    # CIFAR-10's names are in its files; torchvision holds the others. Only the case of letters may differ.
    theirs = import_torchvision().datasets.FashionMNIST.classes
    assert [name.lower() for name in fashion_mnist.CLASS_NAMES] == [name.lower() for name in theirs]


@pytest.mark.parametrize("kind", COMPUTED)
def test_a_card_says_what_the_file_holds_and_where_it_came_from(tmp_path: Path, kind: str) -> None:
    real, card = tmp_path / "real.safetensors", tmp_path / "real.json"
    spec = {"data": {"kind": kind, "test": 60}}
    call(prepare_real.main, str(real), str(card), spec, "code")
    said, arrays = json.loads(card.read_text()), read_arrays(real)
    assert said["arrays"] == {name: list(array.shape) for name, array in arrays.items()}
    assert said["array_sha256"] == {name: hashlib.sha256(a.tobytes()).hexdigest() for name, a in arrays.items()}
    assert said["sha256"] == hashlib.sha256(real.read_bytes()).hexdigest()
    assert (said["train"], said["test"]) == (len(arrays["train_x"]), 60)
    assert (said["shape"], said["classes"]) == (list(arrays["train_x"].shape[1:]), len(set(arrays["train_y"])))
    assert said["data"] == load(Data, spec["data"]).model_dump()
    assert said["source"].startswith("scikit-learn 1." if kind == "digits" else f"computed by the data kind {kind}")
    assert said["licence"]


def photographs(seed: int = 0) -> RealData:
    """As many photographs to a batch as CIFAR-10 has thousands: ten."""
    generator = np.random.default_rng(seed)
    x = generator.integers(0, 256, (60, 32, 32, 3), dtype=np.uint8)
    y = generator.integers(0, 10, 60)
    return RealData(x[:50], y[:50], x[50:], y[50:])


def parts(real: RealData) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Images and labels of each file of CIFAR-10."""
    train = {f"data_batch_{i + 1}": slice(10 * i, 10 * i + 10) for i in range(5)}
    return {name: (real.train_x[part], real.train_y[part]) for name, part in train.items()} | {
        "test_batch": (real.test_x, real.test_y)
    }


def write_pictures(folder: Path, real: RealData) -> Path:
    folder.mkdir()
    for name, (x, _) in parts(real).items():
        picture = Image.new("RGB", (1024, len(x)))
        for row, image in enumerate(x):  # pixel by pixel: column 32 r + c is row r, column c of the photograph
            for column in range(1024):
                picture.putpixel((column, row), tuple(int(v) for v in image[column // 32, column % 32]))
        picture.save(folder / f"{name}.png")
    (folder / "train_lables.json").write_text(json.dumps(real.train_y.tolist()))
    (folder / "test_lables.json").write_text(json.dumps(real.test_y.tolist()))
    return folder


def write_batches(folder: Path, real: RealData, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The original's format (a row is the red, green and blue plane), with its MD5 as the one that is expected."""
    folder.mkdir()
    md5 = {}
    contents: dict[str, object] = {
        name: {"data": x.transpose(0, 3, 1, 2).reshape(len(x), 3072), "labels": y.tolist()}
        for name, (x, y) in parts(real).items()
    }
    for name, content in (contents | {"batches.meta": {"label_names": list(cifar10.CLASS_NAMES)}}).items():
        (folder / name).write_bytes(pickle.dumps(content, protocol=2))
        md5[name] = hashlib.md5((folder / name).read_bytes()).hexdigest()
    original = import_torchvision().datasets.CIFAR10
    monkeypatch.setattr(original, "train_list", [[name, md5[name]] for name in cifar10.BATCHES])
    monkeypatch.setattr(original, "test_list", [["test_batch", md5["test_batch"]]])
    monkeypatch.setattr(original, "meta", original.meta | {"md5": md5["batches.meta"]})
    return folder


@pytest.fixture
def known_photographs(monkeypatch: pytest.MonkeyPatch) -> RealData:
    """Made-up photographs that stand for CIFAR-10, which no network gives."""
    real = photographs()
    known = replace(cifar10.DISTRIBUTION, sources=(), checksums=real.checksums())
    monkeypatch.setattr(cifar10, "DISTRIBUTION", known)
    return real


def assert_same(found: RealData, real: RealData) -> None:
    for name, array in real.arrays().items():
        assert_array_equal(getattr(found, name), array)
        assert getattr(found, name).dtype == array.dtype


def test_both_forms_of_cifar_give_the_same_images_in_the_same_order(
    tmp_path: Path, known_photographs: RealData, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = write_pictures(tmp_path / "package", known_photographs)
    batches = write_batches(tmp_path / "cifar-10-batches-py", known_photographs, monkeypatch)
    for folder in (pictures, batches):
        found, source = deliver(cifar10.DISTRIBUTION, str(folder))
        assert_same(found, known_photographs)
        assert source == f"folder {folder}"


def test_published_data_reach_their_file_and_card_from_the_folder_the_user_names(
    tmp_path: Path, known_photographs: RealData
) -> None:
    folder = write_pictures(tmp_path / "mine", known_photographs)
    real, card = tmp_path / "cifar10.safetensors", tmp_path / "cifar10.json"
    call(prepare_real.main, str(real), str(card), {"data": {"kind": "cifar10"}}, "code", {"cifar10": str(folder)})
    assert_same(RealData(**read_arrays(real)), known_photographs)
    said = json.loads(card.read_text())
    assert said["source"] == f"folder {folder}"
    assert said["array_sha256"] == known_photographs.checksums()
    assert (said["train"], said["test"], said["shape"], said["classes"]) == (50, 10, [32, 32, 3], 10)
    assert said["class_names"][0] == "airplane" and said["class_names"][9] == "truck"
    assert "never redistributed" in said["licence"]


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(bytes(content))


def drop_a_row(path: Path) -> None:
    with Image.open(path) as image:
        smaller = image.crop((0, 0, 1024, 9))
    smaller.save(path)


PICTURE_DAMAGE: dict[str, Callable[[Path], object]] = {
    "flipped bit": flip_a_bit,
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-5_000]),
    "one photograph too few": drop_a_row,
    "grey": lambda path: Image.open(path).convert("L").save(path),
    "another format": lambda path: path.write_bytes(b"not a picture"),
}


@pytest.mark.parametrize("damage", PICTURE_DAMAGE)
def test_damaged_pictures_of_cifar_are_refused(tmp_path: Path, known_photographs: RealData, damage: str) -> None:
    folder = write_pictures(tmp_path / "package", known_photographs)
    PICTURE_DAMAGE[damage](folder / "data_batch_3.png")
    with pytest.raises(RecurateError, match="CIFAR-10 could not be had"):
        deliver(cifar10.DISTRIBUTION, str(folder))


def test_a_pickle_that_is_not_the_original_is_never_opened(
    tmp_path: Path, known_photographs: RealData, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
            return Path.touch, (tmp_path / "opened",)  # type: ignore[return-value]

    folder = write_batches(tmp_path / "cifar-10-batches-py", known_photographs, monkeypatch)
    (folder / "data_batch_1").write_bytes(pickle.dumps(Hostile()))
    with pytest.raises(RecurateError, match="corrupted"):
        deliver(cifar10.DISTRIBUTION, str(folder))
    assert not (tmp_path / "opened").exists()
    pickle.loads((folder / "data_batch_1").read_bytes())
    assert (tmp_path / "opened").exists()  # it would have acted


def test_gaussian_modes_have_their_means_and_variances(gaussians: RealData) -> None:
    x, y = gaussians.train_x.astype(np.float64), gaussians.train_y
    assert chisquare(np.bincount(y, minlength=8)).pvalue > 1e-3
    for mode in range(8):
        part = x[y == mode]
        mean = 4 * np.array([math.cos(mode * math.pi / 4), math.sin(mode * math.pi / 4)])
        error = 0.3 / math.sqrt(len(part))
        assert_allclose(part.mean(axis=0), mean, atol=4.5 * error)
        assert_allclose(np.cov(part.T), 0.09 * np.eye(2), atol=4.5 * math.sqrt(2) * 0.3 * error)


def test_the_mixture_has_the_variance_of_its_circle_plus_that_of_a_mode(gaussians: RealData) -> None:
    # E x x^T = (radius^2 / 2 + std^2) I for means evenly spaced on a circle.
    second = gaussians.train_x.T.astype(np.float64) @ gaussians.train_x / len(gaussians.train_x)
    assert_allclose(second, (8 + 0.09) * np.eye(2), atol=0.15)


def test_gaussian_noise_is_gaussian(gaussians: RealData) -> None:
    centres = EightGaussians(kind="eight_gaussians").centres()
    noise = (gaussians.train_x - centres[gaussians.train_y]).ravel() / 0.3
    assert kstest(noise, "norm").pvalue > 1e-3


def test_the_nearest_mean_is_the_most_probable_mode(gaussians: RealData) -> None:
    source = EightGaussians(kind="eight_gaussians")
    x = np.random.default_rng(0).uniform(-6, 6, (2_000, 2))
    density = np.exp(-((x[:, None] - source.centres()) ** 2).sum(-1) / 2)
    assert_array_equal(source.classify(x), density.argmax(axis=1))
    assert_array_equal(source.classify(gaussians.test_x), gaussians.test_y)


def test_the_favoured_mode_of_the_study_lies_on_the_first_axis() -> None:
    assert_allclose(EightGaussians(kind="eight_gaussians").centres()[0], [4, 0])


def test_moons_lie_on_the_curves_of_scikit_learn() -> None:
    real = drawn(TwoMoons(kind="two_moons", noise=1e-6))
    curve, label = make_moons(20_000, shuffle=False, noise=None)
    for moon in range(2):
        distance, _ = cKDTree(curve[label == moon]).query(real.train_x[real.train_y == moon])
        assert distance.max() < 3e-4  # the curve has a point every pi / 10,000
        there, _ = cKDTree(real.train_x[real.train_y == moon]).query(curve[label == moon])
        assert there.max() < 0.02


def test_moons_have_the_noise_asked_for() -> None:
    clean, noisy = (drawn(TwoMoons(kind="two_moons", noise=noise)).train_x for noise in (1e-9, 0.2))
    noise = (noisy - clean).ravel()
    assert kstest(noise / 0.2, "norm").pvalue > 1e-3


def test_moons_classified_by_geometry_agree_with_their_labels_at_low_noise() -> None:
    source = TwoMoons(kind="two_moons", noise=0.03)
    real = drawn(source)
    assert_array_equal(source.classify(real.test_x), real.test_y)


def test_a_point_belongs_to_the_moon_with_the_nearest_point_on_its_curve() -> None:
    x = np.random.default_rng(0).uniform([-2, -1.5], [3, 2], (3_000, 2))
    curve, label = make_moons(20_000, shuffle=False, noise=None)
    upper, lower = (cKDTree(curve[label == moon]).query(x)[0] for moon in range(2))
    clear = np.abs(upper - lower) > 1e-3
    found = TwoMoons(kind="two_moons").classify(x)
    assert_array_equal(found[clear], (lower < upper)[clear])


def test_digits_are_those_of_scikit_learn_each_once(digits: RealData) -> None:
    bunch = load_digits()
    x = np.concatenate([digits.train_x, digits.test_x])[..., 0].astype(np.float64) * 16 / 255
    y = np.concatenate([digits.train_y, digits.test_y])
    mine = sorted((label, tuple(image.round().ravel())) for label, image in zip(y, x, strict=True))
    theirs = sorted((label, tuple(image.ravel())) for label, image in zip(bunch.target, bunch.images, strict=True))
    assert mine == theirs
    assert np.abs(x - x.round()).max() < 16 / 255  # grey levels move by less than one of 255


def test_digits_use_the_whole_range_of_grey(digits: RealData) -> None:
    assert (digits.train_x.min(), digits.train_x.max()) == (0, 255)
    assert len(np.unique(digits.train_x)) == 17


def test_held_out_digits_have_all_classes(digits: RealData) -> None:
    assert (np.bincount(digits.test_y, minlength=10) > 20).all()


@given(st.integers(0, 2**32))
def test_encoding_images_and_decoding_them_changes_no_pixel(seed: int) -> None:
    x = np.random.default_rng(seed).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    encoding = Encoding.of(x)
    assert_array_equal(encoding.decode(encoding.encode(torch.from_numpy(x))), x)


def test_every_grey_level_survives_and_black_and_white_are_the_ends() -> None:
    x = torch.arange(256, dtype=torch.uint8).reshape(256, 1)
    encoding = Encoding.of(x.numpy())
    encoded = encoding.encode(x)
    assert (encoded.min(), encoded.max(), encoded.dtype) == (-1, 1, torch.float32)
    assert_array_equal(encoding.decode(encoded), x.numpy())


def test_decoded_images_are_clipped_and_rounded_not_wrapped() -> None:
    encoding = Encoding.of(np.zeros((1, 5), dtype=np.uint8))
    x = torch.tensor([[-7.0, -1.001, 0.105, 1.001, 7.0]])
    assert_array_equal(encoding.decode(x), [[0, 0, 141, 255, 255]])


def test_encoded_points_have_mean_zero_and_unit_scale(gaussians: RealData) -> None:
    encoding = Encoding.of(gaussians.train_x)
    x = torch.from_numpy(gaussians.train_x)
    encoded = encoding.encode(x)
    assert float(encoded.mean()) == pytest.approx(0, abs=1e-5)
    assert float(encoded.std()) == pytest.approx(1, abs=1e-4)
    assert_allclose(encoding.decode(encoded), gaussians.train_x, atol=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.3, 1e-30])
def test_points_that_do_not_vary_have_no_scale_and_are_refused(value: float) -> None:
    with pytest.raises(RecurateError, match="do not vary so that single precision sees it"):
        Encoding.of(np.full((64, 2), value, np.float32))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_an_encoding_survives_the_metadata_of_a_file(dtype: type) -> None:
    encoding = Encoding.of(np.random.default_rng(0).uniform(0, 9, (5, 4, 4, 1)).astype(dtype))
    assert Encoding.from_json(encoding.to_json()) == encoding
