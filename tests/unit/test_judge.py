"""The judge reads digits it has not seen, and reads them the same however they are served."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from script import call
from torch import Tensor

import curate
import train_judge
from recurate.curation.judges import FittedJudge, Judge
from recurate.curation.judges.parts.augmentation import mirrored, shifted
from recurate.data import Data, Description, RealData
from recurate.files.arrays import read_arrays, write_arrays
from recurate.files.fingerprints import file_digest
from recurate.files.writing import read_json
from recurate.foundation.components import load
from recurate.foundation.errors import RecurateError
from recurate.foundation.randomness import JUDGE, REAL_DATA, numpy_generator, torch_generator

torch.set_num_threads(1)
TINY = {"kind": "small_cnn", "channels": 2, "features": 8, "epochs": 1}


@pytest.fixture(scope="module")
def real() -> RealData:
    return load(Data, {"kind": "digits"}).load(numpy_generator(11, 0, REAL_DATA))


@pytest.fixture(scope="module")
def fitted(real: RealData) -> FittedJudge:
    judge = load(Judge, {"kind": "small_cnn"})
    return FittedJudge(judge, judge.fit(real, 10, torch_generator(11, 0, JUDGE)))


def test_held_out_digits_are_read_with_an_accuracy_of_97_percent(real: RealData, fitted: FittedJudge) -> None:
    assert (fitted.classify(real.test_x) == real.test_y).mean() >= 0.97


def test_a_linear_classifier_reads_fewer_held_out_digits(real: RealData, fitted: FittedJudge) -> None:
    from sklearn.linear_model import LogisticRegression

    def flat(x: np.ndarray) -> np.ndarray:
        return x.reshape(len(x), -1) / 255

    linear = LogisticRegression(max_iter=2_000).fit(flat(real.train_x), real.train_y)
    accuracy = (fitted.classify(real.test_x) == real.test_y).mean()
    assert accuracy > linear.score(flat(real.test_x), real.test_y)


def test_probabilities_are_distributions_and_their_maximum_is_the_class(real: RealData, fitted: FittedJudge) -> None:
    probabilities = fitted.probabilities(real.test_x)
    assert probabilities.shape == (500, 10) and probabilities.min() >= 0
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), fitted.classify(real.test_x))


def test_an_image_is_judged_alike_alone_and_among_others(real: RealData, fitted: FittedJudge) -> None:
    np.testing.assert_allclose(fitted.features(real.test_x[7:8])[0], fitted.features(real.test_x)[7], atol=1e-3)


@pytest.mark.parametrize("most", [0, 1, 2])
def test_shifts_cover_every_position_and_bring_in_black_only(most: int) -> None:
    image = torch.arange(1, 17, dtype=torch.uint8).reshape(1, 4, 4, 1).expand(500, -1, -1, -1)
    seen = {tuple(x.flatten().tolist()) for x in shifted(image, torch_generator(0, 0, JUDGE), most)}
    framed, positions = np.pad(np.arange(1, 17).reshape(4, 4), most), range(2 * most + 1)
    assert seen == {tuple(framed[i : i + 4, j : j + 4].ravel().tolist()) for i in positions for j in positions}


def test_half_of_the_images_are_mirrored_left_to_right() -> None:
    image = torch.arange(12, dtype=torch.uint8).reshape(1, 2, 2, 3).expand(1000, -1, -1, -1)
    found = mirrored(image, torch_generator(0, 0, JUDGE)).numpy()
    turned = (found == image.numpy()[:, :, ::-1]).all(axis=(1, 2, 3))
    assert 0.4 < turned.mean() < 0.6
    np.testing.assert_array_equal(found[~turned], image.numpy()[~turned])


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (32, 32, 3)])
@pytest.mark.parametrize("poolings", [1, 2, 3])
def test_every_image_size_is_judged_after_every_number_of_poolings(shape: tuple[int, ...], poolings: int) -> None:
    judge = load(Judge, {**TINY, "poolings": poolings, "horizontal_flip": True, "shift": 2})
    judge.check(Description(shape=shape, classes=3))
    x = np.random.default_rng(0).integers(0, 256, (12, *shape), dtype=np.uint8)
    y = np.arange(12) % 3
    parameters = judge.fit(RealData(x, y, x, y), 3, torch_generator(0, 0, JUDGE))
    assert {name: value.shape for name, value in parameters.items()} == judge.shapes(shape, 3)
    assert parameters["hidden.weight"].shape == (8, 4 * (shape[0] >> poolings) ** 2)
    fitted = FittedJudge(judge, parameters)
    assert fitted.log_probabilities(x).shape == (12, 3) and fitted.features(x).shape == (12, 8)


def test_a_judge_is_the_same_to_the_byte_on_every_run(real: RealData) -> None:
    judge = load(Judge, TINY)
    one, two = (judge.fit(real, 10, torch_generator(2, 0, JUDGE)) for _ in range(2))
    assert all(one[name].tobytes() == two[name].tobytes() for name in one)


@pytest.mark.parametrize(
    ("settings", "shape", "classes", "expected"),
    [
        ({}, (2,), 0, r"needs images \(height, width, channels\) with classes, the data have shape \(2,\)"),
        ({}, (8, 8, 1), 0, "needs images with classes, the data have no labels"),
        ({"poolings": 3}, (4, 8, 1), 10, r"poolings: 3 leave nothing of images of shape \(4, 8, 1\)"),
    ],
)
def test_data_that_a_judge_cannot_be_trained_on_are_refused(
    settings: dict[str, int], shape: tuple[int, ...], classes: int, expected: str
) -> None:
    with pytest.raises(ValueError, match=expected):
        load(Judge, {**TINY, **settings}).check(Description(shape=shape, classes=classes))


class Watched:
    """A judge whose logits are the samples, and which cannot hold more than five of them."""

    chunk = 5

    def evaluate(self, parameters: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        if len(x) > 5:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")
        return x, x[:, :1]


def test_samples_are_judged_in_chunks_and_in_their_order() -> None:
    judge: Any = Watched()
    logits = np.random.default_rng(0).normal(size=(23, 4)).astype(np.float32)
    fitted = FittedJudge(judge, {})
    np.testing.assert_array_equal(fitted.classify(logits), logits.argmax(axis=1))
    np.testing.assert_array_equal(fitted.features(logits), logits[:, :1])
    judge.chunk = 6
    for look in (fitted.classify, fitted.features, fitted.probabilities):
        with pytest.raises(RecurateError, match=r"lower judge\.chunk \(now 6\)"):
            look(logits)


def test_log_probabilities_are_finite_and_exact_for_any_logits() -> None:
    judge: Any = Watched()
    logits = np.array([[500, -500, 0], [-500, -500, -500], [1e-3, 0, 500], [3, 2, 1]], dtype=np.float32)
    found = FittedJudge(judge, {}).log_probabilities(logits)
    assert found.dtype == np.float64 and np.isfinite(found).all() and (found <= 0).all()
    np.testing.assert_allclose(found, log_softmax(logits.astype(np.float64), axis=1), rtol=1e-12)


# The jobs


def job(folder: Path, real: RealData, **settings: Any) -> dict[str, Any]:
    """Run the script that trains a judge; returns its card."""
    write_arrays(folder / "real.safetensors", real.arrays(), {})
    paths = [str(folder / name) for name in ("real.safetensors", "judge.safetensors", "judge.json")]
    call(train_judge.main, *paths, spec={"judge": settings, "classes": 10}, code="c", device="cpu", threads=1)
    return read_json(folder / "judge.json")


def test_a_card_holds_the_accuracy_on_all_held_out_samples_and_on_every_class(real: RealData, tmp_path: Path) -> None:
    card = job(tmp_path, real, **TINY)
    found = FittedJudge.read(load(Judge, TINY), tmp_path / "judge.safetensors").classify(real.test_x)
    assert card["test_samples"] == 500 and card["weights"] is None and card["judge"] == load(Judge, TINY).model_dump()
    assert card["test_accuracy"] == pytest.approx((found == real.test_y).mean())
    counts = np.bincount(real.test_y)
    by_class = [card["test_accuracy_by_class"][str(number)] for number in range(10)]
    assert counts @ by_class == pytest.approx(500 * card["test_accuracy"])


@pytest.fixture
def weights(fitted: FittedJudge, tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "elsewhere.safetensors"
    write_arrays(path, fitted.parameters, {})
    return {"path": str(path)}


def test_parameters_trained_elsewhere_are_taken_measured_and_named(
    real: RealData, fitted: FittedJudge, weights: dict[str, str], tmp_path: Path
) -> None:
    card = job(tmp_path, real, kind="small_cnn", weights=weights, minimum_accuracy=0.97)
    taken = read_arrays(tmp_path / "judge.safetensors")
    assert all(np.array_equal(taken[name], value) for name, value in fitted.parameters.items())
    assert card["weights"] == {**weights, "sha256": file_digest(weights["path"])}
    assert card["test_accuracy"] == pytest.approx((fitted.classify(real.test_x) == real.test_y).mean())


@pytest.mark.parametrize(
    ("settings", "change", "expected"),
    [
        ({"channels": 8}, None, r"elsewhere\.safetensors: .*'convolution_1\.weight' has shape \(32, 1, 3, 3\)"),
        ({}, lambda x: np.pad(x, ((0, 0), (4, 4), (4, 4), (0, 0))), r"elsewhere\.safetensors: .*'hidden\.weight'"),
        ({}, lambda x: np.repeat(x, 3, axis=3), r"elsewhere\.safetensors: .*'convolution_1\.weight'.*\(32, 3, 3, 3\)"),
        (
            {"minimum_accuracy": 0.5},
            lambda x: 255 - x,
            r"below minimum_accuracy 0\.5; .*elsewhere\.safetensors is another",
        ),
    ],
)
def test_parameters_of_another_judge_are_refused(
    real: RealData,
    weights: dict[str, str],
    tmp_path: Path,
    settings: dict[str, Any],
    change: Callable[[np.ndarray], np.ndarray] | None,
    expected: str,
) -> None:
    seen = RealData(*(change(a) if change and a.ndim == 4 else a for a in real.arrays().values()))
    with pytest.raises(RecurateError, match=expected):
        job(tmp_path, seen, kind="small_cnn", weights=weights, **settings)
    assert not (tmp_path / "judge.safetensors").exists() and not (tmp_path / "judge.json").exists()


def test_training_that_diverges_names_the_learning_rate(real: RealData, tmp_path: Path) -> None:
    with pytest.raises(RecurateError, match=r"lower judge\.learning_rate"):
        job(tmp_path, real, **TINY, learning_rate=1e30)


def test_a_curated_set_holds_the_judge_s_labels_and_its_confidence_in_them(
    real: RealData, fitted: FittedJudge, tmp_path: Path
) -> None:
    write_arrays(judge := tmp_path / "judge.safetensors", fitted.parameters, {})
    x = np.stack([real.test_x[:40], real.test_x[40:80]])
    write_arrays(samples := tmp_path / "samples.safetensors", {"x": x}, {})
    spec = {
        "data": {"kind": "digits"},
        "judge": {"kind": "small_cnn"},
        "reward": {"kind": "confidence", "gamma": 2.0},
        "curation": {"kind": "bradley_terry", "choices": 2, "kept": 10},
    }
    path = tmp_path / "curated.safetensors"
    call(curate.main, str(samples), str(path), spec, code="c", seeds=[0, 1], generation=0, threads=1, judge=str(judge))
    found = read_arrays(path)
    parameters = {name: torch.from_numpy(value) for name, value in fitted.parameters.items()}
    logits = np.stack([fitted.judge.evaluate(parameters, torch.from_numpy(each))[0] for each in x]).astype(np.float64)
    np.testing.assert_array_equal(found["judged_class"], logits.argmax(axis=-1))
    np.testing.assert_allclose(found["confidence"], softmax(logits, axis=-1).max(axis=-1), rtol=1e-6)
    np.testing.assert_allclose(found["reward"], 2 * found["confidence"], rtol=1e-6)
    assert found["confidence"].dtype == np.float32 and found["confidence"].shape == (2, 40)


ELEVEN = """
import torch
from recurate.curation.judges import Judge


class Eleven(Judge):
    '''Tells one class too many apart.'''

    def shapes(self, shape, classes):
        return {"bias": (11,)}

    def fit(self, real, classes, generator, device="cpu"):
        return {"bias": torch.zeros(11).numpy()}

    def evaluate(self, parameters, x):
        logits = parameters["bias"].expand(len(x), 11)
        return logits, logits
"""


def test_a_judge_of_ones_own_with_a_class_too_many_is_a_sentence_and_no_file(real: RealData, tmp_path: Path) -> None:
    own = tmp_path / "eleven.py"
    own.write_text(ELEVEN)
    with pytest.raises(RecurateError, match=r"judge: .*eleven\.py tells 11 classes apart, but the data list 10; mend"):
        job(tmp_path, real, kind=str(own))
    assert not (tmp_path / "judge.safetensors").exists() and not (tmp_path / "judge.json").exists()
