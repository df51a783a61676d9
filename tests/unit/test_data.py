"""Real data against their definitions, scikit-learn and scipy."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial import cKDTree
from scipy.stats import chisquare, kstest
from sklearn.datasets import load_digits, make_moons

from recurate.components import kinds, load
from recurate.data import Data, RealData
from recurate.data.digits import Digits
from recurate.data.eight_gaussians import EightGaussians
from recurate.data.two_moons import TwoMoons
from recurate.encoding import Encoding


def drawn(source: Data, seed: int = 0) -> RealData:
    return source.load(np.random.default_rng(seed))


@pytest.fixture(scope="module")
def gaussians() -> RealData:
    return drawn(EightGaussians(kind="eight_gaussians", train=30_000, test=10_000))


@pytest.fixture(scope="module")
def digits() -> RealData:
    return drawn(Digits(kind="digits"))


@pytest.mark.parametrize("kind", kinds("data"))
def test_every_kind_gives_what_it_describes(kind: str) -> None:
    source = load(Data, "data", {"kind": kind, "test": 60})
    real = drawn(source)
    for part in ("train", "test"):
        x, y = getattr(real, f"{part}_x"), getattr(real, f"{part}_y")
        assert x.shape == (len(y), *source.description.shape)
        assert x.dtype in (np.float32, np.uint8)
        assert y.dtype == np.int64
        assert set(y) <= set(range(source.description.classes))
    assert len(real.test_x) == 60


@pytest.mark.parametrize("kind", kinds("data"))
def test_data_depend_on_the_generator_alone(kind: str) -> None:
    source = load(Data, "data", {"kind": kind})
    one, again, other = (asdict(drawn(source, seed)) for seed in (1, 1, 2))
    for name, array in one.items():
        assert_array_equal(array, again[name])
    assert not np.array_equal(one["train_x"], other["train_x"])


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


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_an_encoding_survives_the_metadata_of_a_file(dtype: type) -> None:
    encoding = Encoding.of(np.random.default_rng(0).uniform(0, 9, (5, 4, 4, 1)).astype(dtype))
    assert Encoding.from_json(encoding.to_json()) == encoding
