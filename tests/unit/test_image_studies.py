"""The image studies that are shipped, and the sentence for every mistake that images make possible."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from study_setup import ROOT, changed, complaint, read

from recurate.study.config import Config
from recurate.study.controls import controls
from recurate.study.reading import read_trained
from recurate.theory.bounds import is_stable
from recurate.workflow.project import Project

IMAGES = ("cifar10_class", "cifar10_confidence", "fashion_confidence", "mnist_class")
ORIGIN: list[tuple[str, Any]] = [
    ("origins.gaussians.data", {"kind": "mnist"}),
    ("origins.gaussians.judge", {"kind": "small_cnn"}),
    ("origins.gaussians.model", {"kind": "unet", "channel_multipliers": [1], "head_channels": 32}),
    ("arms.curated.reward", {"kind": "class_probability", "target_class": 3}),
]


def project(**config: Any) -> Project:
    settings = {"studies": ["mixture"], "scale": "demo", "results": "results", **config}
    return Project(settings, str(ROOT / "config/studies"))


def test_a_study_of_images_is_read(tmp_path: Path) -> None:
    assert read(changed(*deepcopy(ORIGIN)), tmp_path).origins["gaussians"].data.shared


@pytest.mark.parametrize("scale", ["demo", "paper"])
@pytest.mark.parametrize("name", IMAGES)
def test_every_image_study_has_the_arms_of_the_paper_and_one_inside_theorem_2_4(name: str, scale: str) -> None:
    study = read_trained(ROOT / f"config/studies/{name}.yaml", scale, {})
    assert len(study.seeds) >= 4
    arms = {key: (arm.mixing.synthetic_ratio, arm.curation.choices) for key, arm in study.arms.items()}
    assert arms["uncurated"] == (float("inf"), 1)
    assert arms["curated"] == (float("inf"), 4)
    assert arms["mixed_half"][0] == pytest.approx(0.5)
    assert {key for key, (_, choices) in arms.items() if choices == 4} - {"hidden_freeze", "carried_over"} <= controls(
        study
    ).keys()
    stable = {key for key, (ratio, choices) in arms.items() if choices > 1 and is_stable(choices, ratio)}
    assert stable == {"mixed_stable"}
    rewards = {arm.reward.kind for arm in study.arms.values()}
    assert rewards == {"confidence" if name.endswith("confidence") else "class_probability"}


@pytest.mark.parametrize("name", IMAGES)
def test_image_studies_are_made_on_request_only(name: str) -> None:
    default = read_default()
    assert name not in default.studies
    assert name in project().studies.all


def read_default() -> Config:
    import yaml

    return Config.model_validate(yaml.safe_load((ROOT / "config/config.yaml").read_text()))


def test_the_paper_scale_takes_what_the_papers_say() -> None:
    study = read_trained(ROOT / "config/studies/cifar10_class.yaml", "paper", {})
    origin = study.origins["cifar10"]
    assert origin.samples == 50_000 and study.generations == 10
    reward = study.arms["curated"].reward.model_dump()
    assert (reward["gamma"], reward["target_class"]) == (5.0, 0)
    assert origin.judge is not None and origin.judge.minimum_accuracy == 0.92
    assert sum(_size(shape) for shape in origin.model.shapes((32, 32, 3)).values()) == 35_746_307


@pytest.mark.parametrize("name", ["cifar10_class", "cifar10_confidence"])
def test_at_paper_scale_alone_people_choose_as_often_as_both_accounts_have_it(name: str) -> None:
    demo, paper = (read_trained(ROOT / f"config/studies/{name}.yaml", scale, {}) for scale in ("demo", "paper"))
    curations = {key: paper.arms[key].curation.model_dump() for key in paper.arms.keys() - demo.arms.keys()}
    found = {key: (curation["choices"], curation["kept"]) for key, curation in curations.items()}
    disjoint = {"pairs": (2, 25_000), "twenties": (20, 2_500), "fours": (4, 2_500), "few_uncurated": (1, 2_500)}
    assert found.items() >= disjoint.items()
    assert all(choices * kept <= 50_000 for choices, kept in disjoint.values())
    assert paper.arms["curated"].curation.model_dump().items() >= {"choices": 4, "kept": 25_000}.items()


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


def test_the_arm_with_the_hidden_freeze_keeps_96_percent_of_the_past() -> None:
    training = read_trained(ROOT / "config/studies/cifar10_class.yaml", "paper", {}).arms["hidden_freeze"].retraining
    assert training.average_weight == pytest.approx(0.9999, abs=1e-6)
    assert training.average_weight**training.steps == pytest.approx(0.96, abs=0.005)


def test_one_file_of_a_data_set_serves_all_studies() -> None:
    images = project(data="/scratch/data")
    named = [SimpleNamespace(study=study, origin="cifar10") for study in ("cifar10_class", "cifar10_confidence")]
    assert {images.inputs.real(w) for w in named} == {"/scratch/data/cifar10.safetensors"}
    assert set(images.targets.fetched) == {
        f"/scratch/data/{kind}.safetensors" for kind in ("brown", "cifar10", "fashion_mnist", "mnist")
    }


def test_only_what_needs_inception_asks_for_its_weights() -> None:
    demo, paper = (project(scale=scale) for scale in ("demo", "paper"))
    w = SimpleNamespace(study="cifar10_class")
    assert demo.inputs.feature_networks(w) == []
    assert paper.inputs.feature_networks(w) == ["data/inception-2015-12-05.pt"]
    assert "data/inception-2015-12-05.pt" in paper.targets.fetched


def test_features_of_generation_0_are_the_origins() -> None:
    w = SimpleNamespace(study="mnist_class", arm="curated", seeds="0-0", generation="000")
    assert project().inputs.features(w) == "results/mnist_class/origins/mnist/seeds-0-0/gen-000/features.safetensors"
    w.generation = "002"
    assert project().inputs.features(w) == "results/mnist_class/arms/curated/seeds-0-0/gen-002/features.safetensors"
    assert (
        project().inputs.features(SimpleNamespace(study="mixture", arm="curated", seeds="0-3", generation="001")) == []
    )


def test_what_a_stage_reads_leaves_out_what_it_does_not() -> None:
    w = SimpleNamespace(study="mnist_class", arm="curated", origin="mnist")
    settings = project().settings
    assert settings.extract(w).judge is not None and settings.extract(w).model is None
    assert not {"features", "judge"} & set(settings.measure(w).model_dump())
    assert settings.measure(w).model is None
    assert settings.curate(w).model is None


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("arms.curated.reward.target_class", 10, "target_class 10 does not exist, the data have 10 classes"),
        ("origins.gaussians.judge", None, "class_probability needs a judge"),
        ("origins.gaussians.judge", {"kind": "vgg11"}, "judge: "),
        ("origins.gaussians.model.patch", 3, "multiple of 3"),
        ("origins.gaussians.model.channels", 48, "channels: Input should be a multiple of 32"),
        ("origins.gaussians.data.folder", "/mnist", "unknown key 'folder'"),
        ("origins.gaussians.training", None, "give training, or a checkpoint, or both"),
        ("origins.gaussians.checkpoint", {"sha256": "0"}, "checkpoint.path: Field required"),
        ("features", [{"kind": "judge"}, {"kind": "judge"}], "two feature spaces 'judge'"),
        ("features", [{"kind": "inceptoin"}], "unknown kind 'inceptoin'"),
        (
            "metrics",
            [{"kind": "frechet", "features": "inception"}],
            "there are no features 'inception'; known are data",
        ),
        ("reference", {"split": "validation"}, "reference.split: Input should be 'train' or 'test'"),
    ],
)
def test_a_mistake_with_images_is_a_sentence(tmp_path: Path, key: str, value: Any, sentence: str) -> None:
    lines = complaint(changed(*deepcopy(ORIGIN), (key, value)), tmp_path)
    assert len(lines) == 1
    assert sentence in lines[0]


def test_a_class_reward_on_data_without_labels_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "blank.py"
    own.write_text(
        "from recurate.data import Data, Description\n\n\n"
        "class Blank(Data):\n    @property\n    def description(self):\n"
        "        return Description(shape=(28, 28, 1), classes=0)\n\n"
        "    def load(self, generator):\n        raise NotImplementedError\n"
    )
    (line,) = complaint(changed(*deepcopy(ORIGIN), ("origins.gaussians.data", {"kind": str(own)})), tmp_path)
    assert line.startswith(f"{tmp_path}/tiny.yaml: origins.gaussians: judge: ") and "no labels" in line
