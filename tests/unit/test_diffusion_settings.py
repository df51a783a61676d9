"""Mistakes that classes, guidance and fresh real data make possible, each answered with a sentence."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from script import call
from study_setup import ROOT, changed, complaint, read

import train
from recurate.files.arrays import write_arrays
from recurate.foundation.errors import RecurateError
from recurate.mixing.trained import Mixing
from recurate.models.noise_unet import NoiseUNet
from recurate.study.reading import read_trained
from recurate.training.training_set import TrainingSet, real_rows
from recurate.workflow.project import Project

ORIGIN = "origins.gaussians"
NETWORK = {"kind": "noise_unet", "channel_multipliers": [1], "head_channels": 32, "noise_steps": 50}
TOLD: list[tuple[str, Any]] = [
    (f"{ORIGIN}.data", {"kind": "mnist"}),
    (f"{ORIGIN}.judge", {"kind": "small_cnn"}),
    (f"{ORIGIN}.model", {**NETWORK, "classes": 10}),
    (f"{ORIGIN}.objective", {"kind": "denoising", "label_dropout": 0.1}),
    (f"{ORIGIN}.sampler", {"kind": "ddim", "steps": 10, "labels": "trained"}),
    ("arms.curated.reward", {"kind": "class_probability"}),
]
GUIDED = {"kind": "ddim", "steps": 10, "labels": "trained", "guidance": 0.5}
STUDIES = ("alemohammad_diffusion", "wang_diffusion")


def study(*changes: tuple[str, Any]) -> dict[str, Any]:
    return changed(*deepcopy(TOLD), *changes)


def test_a_study_of_denoising_diffusion_is_read(tmp_path: Path) -> None:
    origin = read(study(("arms.curated.sampler", GUIDED)), tmp_path).origins["gaussians"]
    assert isinstance(origin.model, NoiseUNet) and origin.objective.uses_labels


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ([(f"{ORIGIN}.sampler.steps", 51)], "sampler: steps: 51 are more than the 50 noise_steps of the network"),
        ([(f"{ORIGIN}.model.classes", 9)], "model: classes: the data have 10, the network is told one of 9"),
        ([(f"{ORIGIN}.objective.label_dropout", None)], "label_dropout: the network is told a class; say how often"),
        ([(f"{ORIGIN}.sampler.labels", None)], "labels: the network is told a class; say how classes are drawn"),
        (
            [(f"{ORIGIN}.objective.label_dropout", 0.0), ("arms.curated.sampler", GUIDED)],
            "arms.curated.sampler: guidance: the network never learns to do without a class",
        ),
        ([(f"{ORIGIN}.model", NETWORK)], "label_dropout: the network is told no classes"),
        ([(f"{ORIGIN}.model", {"kind": "mlp"})], "denoising needs a noise predictor, the model mlp is a vector field"),
        (
            [(f"{ORIGIN}.sampler", {"kind": "ode"})],
            "ode needs a vector field, the model noise_unet is a noise predictor",
        ),
        (
            [("arms.curated.mixing", {"regime": "fresh", "real_fraction": 0.5, "real": 5})],
            "arms.curated.mixing: generation 0 is trained on all real data, so that none are new",
        ),
    ],
)
def test_settings_that_do_not_fit_each_other_are_refused(
    tmp_path: Path, changes: list[tuple[str, Any]], sentence: str
) -> None:
    assert any(sentence in line for line in complaint(study(*changes), tmp_path))


def test_guidance_and_classes_need_a_network_that_is_told_classes(tmp_path: Path) -> None:
    untold = [(f"{ORIGIN}.model", NETWORK), (f"{ORIGIN}.objective", {"kind": "denoising"})]
    for sampler, sentence in (
        ({"guidance": 0.5}, "guidance: the network is told no classes; give model.classes"),
        ({"labels": "equal"}, "labels: the network is told no classes; leave it out"),
    ):
        lines = complaint(study(*untold, (f"{ORIGIN}.sampler", {"kind": "ddim", "steps": 10, **sampler})), tmp_path)
        assert any(sentence in line for line in lines)


def test_a_network_cannot_be_told_classes_of_data_that_have_none(tmp_path: Path) -> None:
    model = NoiseUNet.model_validate({**NETWORK, "classes": 10})
    with pytest.raises(ValueError, match="classes: the data have no classes"):
        model.check(SimpleNamespace(shape=(8, 8, 1), classes=0))  # type: ignore[arg-type]


@pytest.mark.parametrize("scale", ["demo", "paper"])
@pytest.mark.parametrize("name", STUDIES)
def test_the_shipped_studies_have_the_arms_of_the_papers(name: str, scale: str) -> None:
    arms = read_trained(ROOT / f"config/studies/{name}.yaml", scale, {}).arms
    if name == "alemohammad_diffusion":
        weights = {arm.sampler.guidance for arm in arms.values()}  # type: ignore[union-attr]
        assert weights == {0, 0.25, 0.5, 1}
        assert {arm.mixing.name for arm in arms.values()} == {"replace", "augmentation", "fresh"}
        return
    for regimes in ({"replace", "fresh"}, {"accumulate", "contamination"}):
        uncurated = {name: arm for name, arm in arms.items() if arm.curation.choices == 1 and name != "control_080"}
        found = {name: arm for name, arm in uncurated.items() if arm.mixing.name in regimes}
        assert sorted(int(name[-3:]) for name in found) == [0, 25, 50, 75, 100]
        for arm in found.values():
            real, kept = arm.mixing.real or 0, arm.curation.model_dump()["kept"]
            synthetic = kept if arm.mixing.real_fraction < 1 else 0
            assert real + synthetic == 300
            if arm.mixing.real:
                assert real / 300 == pytest.approx(arm.mixing.real_fraction)


@pytest.mark.parametrize("name", STUDIES)
def test_diffusion_is_made_on_request_only(name: str) -> None:
    project = Project({"studies": ["mixture"], "results": "results"}, str(ROOT / "config/studies"))
    assert name in project.studies.all and name not in project.config.studies


def test_the_forecast_leaves_out_guided_arms_and_their_samples_are_their_own() -> None:
    project = Project({"studies": ["mixture"], "results": "results"}, str(ROOT / "config/studies"))
    tables = project.inputs.forecast_tables(SimpleNamespace(study="alemohammad_diffusion"))
    assert {path.split("/")[3] for path in tables} == {"synthetic_0_0", "augmentation_0_0", "fresh_0_0", "curated"}
    w = SimpleNamespace(study="alemohammad_diffusion", arm="synthetic_0_5", seeds="0-1", generation="000")
    assert project.inputs.samples(w).startswith("results/alemohammad_diffusion/arms/synthetic_0_5/")
    assert project.inputs.model(w).startswith("results/alemohammad_diffusion/origins/mnist/")
    assert project.settings.sample(w).sampler.guidance == 0.5


def rows(generation: int, real: int, regime: str = "fresh", initial: int = 40) -> list[int]:
    mixing = Mixing.model_validate({"regime": regime, "real_fraction": 0.5, "real": real})
    found = real_rows(mixing, generation, 100, initial)
    assert isinstance(found, np.ndarray)
    return found.tolist()


def test_fresh_data_are_new_in_every_generation_until_all_were_used() -> None:
    stream = [row for generation in range(1, 7) for row in rows(generation, 10)]
    assert len(set(stream)) == 60
    assert not set(stream) & set(rows(0, 10))
    assert sorted(row for generation in range(1, 11) for row in rows(generation, 10)) == list(range(100))
    assert sorted(row for generation in range(11, 21) for row in rows(generation, 10)) == list(range(100))


def test_arms_with_other_shares_take_the_same_stream_of_real_data() -> None:
    assert [row for t in (1, 2) for row in rows(t, 10)] == rows(1, 20)


def test_contamination_keeps_the_real_data_of_all_generations() -> None:
    assert rows(2, 10, "contamination") == [*rows(0, 10), *rows(1, 10), *rows(2, 10)]


def test_other_regimes_keep_the_real_data_of_generation_0() -> None:
    mixing = Mixing.model_validate({"lambda": 1})
    assert real_rows(mixing, 3, 100, None) == slice(None)
    assert np.array_equal(real_rows(mixing, 3, 100, 40), real_rows(mixing, 0, 100, 40))


@pytest.mark.parametrize(("real", "initial"), [(101, 40), (10, 101)])
def test_more_real_data_than_there_are_is_an_error(real: int, initial: int) -> None:
    with pytest.raises(RecurateError, match="training asks for 101 real data, but there are 100"):
        rows(1, real, initial=initial)


def test_the_shares_of_classes_are_those_of_what_is_drawn() -> None:
    real, curated = torch.tensor([0, 0, 1, 2]), torch.tensor([[1, 1], [2, 0]])
    x = torch.zeros(4, 1)
    training_set = TrainingSet(x, torch.zeros(2, 2, 1), 0.25, real, curated)
    np.testing.assert_allclose(training_set.label_shares(4, 2), [[0.125, 0.8125, 0.0625, 0], [0.5, 0.0625, 0.4375, 0]])
    np.testing.assert_allclose(TrainingSet(x, None, 1.0, real).label_shares(3, 2), [[0.5, 0.25, 0.25]] * 2)


def test_a_loss_that_is_not_finite_is_a_sentence_and_leaves_no_model(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (20, 8, 8, 1), dtype=np.uint8), rng.integers(0, 10, 20)
    write_arrays(tmp_path / "real.safetensors", {"train_x": images, "train_y": labels}, {})
    spec = {
        "model": {**NETWORK, "classes": 10, "precision": "float32"},
        "objective": {"kind": "denoising", "label_dropout": 0.1},
        "training": {"steps": 100, "batch_size": 4, "learning_rate": 1e30, "schedule": "constant"},
        "mixing": {"real_fraction": 1.0},
    }
    model = tmp_path / "model.safetensors"
    with pytest.raises(RecurateError, match="training diverged: the loss of seed 3 is not finite"):
        call(train.main, str(tmp_path / "real.safetensors"), str(model), spec, "code", [3])
    assert not model.exists()
