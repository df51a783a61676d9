"""The scripts that extract features and measure with them, one after another as the rules run them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from script import call

import extract
import measure
import nearness
from recurate.curation.judges import FittedJudge, Judge
from recurate.files.arrays import read_arrays, read_seed, write_arrays
from recurate.foundation.components import load
from recurate.foundation.errors import RecurateError
from recurate.foundation.randomness import METRIC, numpy_generator
from recurate.measuring.metrics import DATA
from recurate.measuring.metrics.parts.frechet_distance import factor, frechet_distance, moments
from recurate.measuring.metrics.parts.neighbours import manifolds
from reference import main as extract_reference

SEEDS, SAMPLES = [3, 4], 40
JUDGE = {"kind": "small_cnn", "channels": 4, "features": 6}
# A kind of the user's, quick to extract.
MEANS = '''
import numpy as np

from recurate.measuring.features import Features


class Means(Features):
    """Means of rows and columns of an image."""

    def extract(self, x, judge, device):
        parts = [x.mean(axis=1)[..., 0], x.mean(axis=2)[..., 0]]
        return np.concatenate(parts, axis=1).astype("float32")
'''


class Files:
    """A generation of two seeds, its curated set and real data, as files."""

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(0)
        self.folder = folder
        self.real = {
            "train_x": rng.integers(0, 256, (60, 8, 8, 1), dtype=np.uint8),
            "train_y": np.zeros(60, np.int64),
            "test_x": rng.integers(0, 200, (50, 8, 8, 1), dtype=np.uint8),
            "test_y": np.zeros(50, np.int64),
        }
        self.x = rng.integers(20, 240, (2, SAMPLES, 8, 8, 1), dtype=np.uint8)
        self.confidence = rng.uniform(size=(2, SAMPLES)).astype(np.float32)
        write_arrays(self["real"], self.real, {})
        write_arrays(self["samples"], {"x": self.x}, {})
        self.curate(confidence=self.confidence)
        self.means = str(folder / "means.py")
        Path(self.means).write_text(MEANS)

    def __getitem__(self, name: str) -> str:
        return str(self.folder / f"{name}.safetensors")

    def curate(self, **more: np.ndarray) -> None:
        curated = {"reward": -np.ones((2, SAMPLES), np.float32), "index": np.zeros((2, 5), np.int64), **more}
        write_arrays(self["curated"], curated, {})

    def extract(self, *blocks: dict[str, Any], judge: dict[str, Any] | None = None, **reference: Any) -> None:
        spec = {"features": list(blocks), "judge": judge}
        asked = {**spec, "reference": {"split": "test", "samples": None, **reference}}
        more: dict[str, Any] = {"code": "c", "device": "cpu", "threads": 1, "judge": self["judge"] if judge else None}
        call(extract.main, self["samples"], self["features"], spec, seeds=SEEDS, **more)
        call(extract_reference, self["real"], self["reference"], asked, **more)
        near = {**asked, "data_themselves": True}
        call(nearness.main, self["real"], self["reference"], self["nearness"], near, **more)

    def measure(
        self, *metrics: dict[str, Any], with_features: bool = True, split: str = "test"
    ) -> list[dict[str, float]]:
        """Values by metric, for each seed."""
        spec = {
            "metrics": list(metrics),
            "classes": 0,
            "supremum": 0.0,
            "components": [],
            "reference": {"split": split, "samples": None},
        }
        table = self.folder / "metrics.csv"
        files = {name: self[name] for name in ("features", "reference", "nearness") if with_features}
        names = (self[name] for name in ("real", "samples", "curated"))
        call(measure.main, *names, str(table), spec, "study", "arm", SEEDS, 7, 1, **files)
        with table.open() as file:
            rows = list(csv.DictReader(file))
        assert {(row["study"], row["arm"], row["generation"]) for row in rows} == {("study", "arm", "7")}
        return [{r["metric"]: float(r["value"]) for r in rows if r["seed"] == str(seed)} for seed in SEEDS]

    @staticmethod
    def features_of(x: np.ndarray) -> np.ndarray:
        return np.concatenate([x.mean(axis=1)[..., 0], x.mean(axis=2)[..., 0]], axis=1).astype(np.float32)


def flat(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_features_of_samples_and_of_real_data_are_those_of_each_array(files: Files) -> None:
    files.extract({"kind": files.means})
    found = read_arrays(files["features"])
    assert found.keys() == {"means"}
    np.testing.assert_array_equal(found["means"], np.stack([files.features_of(x) for x in files.x]))
    real = read_arrays(files["reference"])
    assert set(real) == {f"means/{part}" for part in ("train", "test", "mean", "factor")}
    test = files.features_of(files.real["test_x"])
    np.testing.assert_array_equal(real["means/train"], files.features_of(files.real["train_x"]))
    np.testing.assert_array_equal(real["means/test"], test)
    np.testing.assert_allclose(real["means/mean"], test.mean(axis=0, dtype=np.float64))
    covariance = np.cov(test.T, dtype=np.float64)
    np.testing.assert_allclose(real["means/factor"] @ real["means/factor"].T, covariance, atol=1e-9 * covariance.max())


def test_statistics_are_of_the_part_and_of_the_images_that_were_asked_for(files: Files) -> None:
    files.extract({"kind": files.means}, split="train", samples=55)
    real = read_arrays(files["reference"])
    assert (real["means/train"].shape, real["means/test"].shape) == ((55, 16), (50, 16))
    np.testing.assert_allclose(real["means/mean"], real["means/train"].mean(axis=0, dtype=np.float64))
    everything = files.features_of(files.real["train_x"]).tolist()
    rows = [everything.index(row) for row in real["means/train"].tolist()]
    assert len(set(rows)) == 55 and rows != sorted(rows)
    files.extract({"kind": files.means}, split="train", samples=55)
    np.testing.assert_array_equal(read_arrays(files["reference"])["means/train"], real["means/train"])


def test_the_judge_s_features_come_from_its_file(files: Files) -> None:
    rng = np.random.default_rng(1)
    sizes = {
        "convolution_1": (4, 1, 3, 3), "convolution_2": (8, 4, 3, 3), "convolution_3": (8, 8, 3, 3),
        "hidden": (6, 128), "output": (2, 6),
    }  # fmt: skip
    parameters = {f"{name}.weight": rng.normal(0, 0.3, size).astype(np.float32) for name, size in sizes.items()}
    parameters |= {f"{name}.bias": np.zeros(size[0], np.float32) for name, size in sizes.items()}
    write_arrays(files["judge"], parameters, {})
    files.extract({"kind": "judge"}, judge=JUDGE)
    judge = FittedJudge.read(load(Judge, JUDGE), files["judge"])
    np.testing.assert_array_equal(read_arrays(files["features"])["judge"][1], judge.features(files.x[1]))
    found = files.measure({"kind": "frechet", "features": "judge"})
    mean, covariance = moments(judge.features(files.real["test_x"]))
    for row, values in enumerate(found):
        expected = frechet_distance(*moments(judge.features(files.x[row])), mean, factor(covariance))
        assert values["frechet_judge"] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("split", ["test", "train"])
def test_every_seed_is_measured_on_its_own_samples_in_every_space(files: Files, split: str) -> None:
    files.extract({"kind": files.means}, split=split)
    manifold = {"kind": "precision_recall", "neighbours": 2}
    found = files.measure(*({"kind": "frechet", "features": name} for name in ("means", DATA)), manifold, split=split)
    real = files.real[f"{split}_x"]
    rows = numpy_generator(0, 0, METRIC, 2).choice(len(real), SAMPLES, replace=False)
    for x, values in zip(files.x, found, strict=True):
        for name, features in (("means", files.features_of), (DATA, flat)):
            mean, covariance = moments(features(real))
            expected = frechet_distance(*moments(features(x)), mean, factor(covariance))
            assert values[f"frechet_{name}"] == pytest.approx(expected, rel=1e-9)
        four = manifolds(flat(x), flat(real)[rows], 2)
        assert (values["precision_data"], values["density_data"]) == (four.precision, four.density)
        assert values["warning_few_samples_frechet_data"] == SAMPLES
        assert "warning_few_samples_frechet_means" not in values


@pytest.mark.parametrize("split", ["test", "train"])
@pytest.mark.parametrize("limit", [None, 20])
def test_copies_of_any_training_data_are_memorised_however_few_real_data_are_compared_with(
    files: Files, split: str, limit: int | None
) -> None:
    """Images whose originals are in `space/rest`, too; without a feature space, and in one."""
    files.x[:] = np.stack([files.real["train_x"][:SAMPLES], files.real["train_x"][-SAMPLES:]])
    write_arrays(files["samples"], {"x": files.x}, {})
    files.extract({"kind": files.means}, split=split, samples=limit)
    metrics = ({"kind": "memorisation"}, {"kind": "memorisation", "features": "means"})
    for values in files.measure(*metrics, split=split):
        assert (values["memorisation_data"], values["memorisation_means"]) == (1, 1)
        assert values["training_samples_data"] == values["training_samples_means"] == 60


def test_nearness_of_held_out_data_is_that_of_a_full_table_of_distances(files: Files) -> None:
    files.extract({"kind": files.means}, samples=20)
    found = read_arrays(files["reference"]) | read_arrays(files["nearness"])
    training, test = (files.features_of(files.real[f"{part}_x"]) for part in ("train", "test"))
    every = np.concatenate([found["means/train"], found["means/rest"]])
    assert sorted(map(tuple, every)) == sorted(map(tuple, training))
    rows = [test.tolist().index(row) for row in found["means/test"].tolist()]
    expected = cdist(test[rows].astype(float), training.astype(float)).min(axis=1) ** 2
    np.testing.assert_allclose(found["means/held_out_nearest"], expected)
    images = [flat(files.real[f"{part}_x"]).astype(float) for part in ("test", "train")]
    np.testing.assert_allclose(found["data/held_out_nearest"], cdist(*images).min(axis=1)[rows] ** 2)


def test_the_mean_confidence_is_a_row_where_curation_knows_it(files: Files) -> None:
    found = files.measure(with_features=False)
    assert [values["confidence_mean"] for values in found] == pytest.approx(files.confidence.mean(axis=1).tolist())
    files.curate()
    assert "confidence_mean" not in files.measure(with_features=False)[0]


def test_features_that_are_missing_or_of_another_size_are_one_sentence(files: Files) -> None:
    asked = {"kind": "frechet", "features": "means"}
    with pytest.raises(RecurateError, match="there are no features 'means'; extracted are data"):
        files.measure(asked, with_features=False)
    files.extract({"kind": files.means})
    reference = read_arrays(files["reference"])
    write_arrays(files["features"], {"means": np.zeros((2, SAMPLES, 5), np.float32)}, {})
    with pytest.raises(RecurateError, match="features means: samples have 5 dimensions, real data 16; delete"):
        files.measure(asked)
    write_arrays(files["features"], {"other": np.zeros((2, SAMPLES, 16), np.float32)}, {})
    with pytest.raises(RecurateError, match=r"features.safetensors: no array named 'means' in it \(it holds other\)"):
        files.measure(asked)
    write_arrays(files["reference"], {"means/train": reference["means/train"]}, {})
    with pytest.raises(RecurateError, match=r"reference.safetensors: no array named 'means/test' in it"):
        files.measure(asked)


def test_one_seed_is_read_without_the_others(files: Files) -> None:
    found = read_seed(files["samples"], 1, ["x"])
    np.testing.assert_array_equal(found["x"], files.x[1])
    with pytest.raises(RecurateError, match="no array named 'y' in it"):
        read_seed(files["samples"], 0, ["y"])


SOMETIMES = """
from recurate.measuring.metrics import Metric


class Sometimes(Metric):
    '''Has nothing to say of bright samples.'''

    def __call__(self, evidence):
        return {"always": 1.0, **({"sometimes": 1.0} if evidence.x[0, 0, 0, 0] < 100 else {})}
"""


def test_a_metric_that_one_seed_lacks_is_a_sentence_and_no_table(files: Files) -> None:
    (files.folder / "sometimes.py").write_text(SOMETIMES)
    asked = {"kind": str(files.folder / "sometimes.py")}
    files.x[:, 0, 0, 0, 0] = 50
    write_arrays(files["samples"], {"x": files.x}, {})
    assert all({"always", "sometimes"} <= values.keys() for values in files.measure(asked, with_features=False))
    files.x[1, 0, 0, 0, 0] = 200
    write_arrays(files["samples"], {"x": files.x}, {})
    (files.folder / "metrics.csv").unlink()
    said = (
        "metrics: sometimes of arm arm in generation 7 was measured for one of the seeds 3 and 4 alone; let the metric"
    )
    with pytest.raises(RecurateError, match=said):
        files.measure(asked, with_features=False)
    assert not (files.folder / "metrics.csv").exists()
