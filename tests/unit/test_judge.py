"""The judge reads digits it has not seen, and reads them the same however they are served."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recurate.components import load
from recurate.data import Data, Description, RealData
from recurate.judges import FittedJudge, Judge
from recurate.judges.small_cnn import _shifted
from recurate.randomness import numpy_generator, torch_generator


@pytest.fixture(scope="module")
def real() -> RealData:
    return load(Data, "data", {"kind": "digits"}).load(numpy_generator(11, 0, "data"))


@pytest.fixture(scope="module")
def fitted(real: RealData) -> FittedJudge:
    judge = load(Judge, "judges", {"kind": "small_cnn"})
    return FittedJudge(judge, judge.fit(real, 10, torch_generator(11, 0, "judge")))


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


def test_shifts_cover_nine_positions_and_bring_in_black_only() -> None:
    image = torch.arange(1, 17, dtype=torch.uint8).reshape(1, 4, 4, 1).expand(500, -1, -1, -1)
    seen = {tuple(x.flatten().tolist()) for x in _shifted(image, torch_generator(0, 0, "judge"))}
    framed = np.pad(np.arange(1, 17).reshape(4, 4), 1)
    expected = {tuple(framed[i : i + 4, j : j + 4].ravel().tolist()) for i in range(3) for j in range(3)}
    assert seen == expected


def test_data_without_classes_cannot_train_a_judge() -> None:
    judge = load(Judge, "judges", {"kind": "small_cnn"})
    with pytest.raises(ValueError, match="needs images"):
        judge.check(Description(shape=(2,), classes=0))
