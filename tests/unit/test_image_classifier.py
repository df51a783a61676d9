"""Image classifiers of the transformers library: tiny, random, saved to disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from recurate.curation.judges import FittedJudge
from recurate.curation.judges.image_classifier import ImageClassifier
from recurate.data import Description, RealData
from recurate.foundation.errors import RecurateError
from recurate.foundation.torchvision_compat import import_torchvision

import_torchvision()
transformers = pytest.importorskip("transformers")
CLASSES, SIDE = 3, 16
LABELS = {"id2label": {0: "cat", 1: "dog", 2: "hen"}, "label2id": {"cat": 0, "dog": 1, "hen": 2}}
NETWORKS: dict[str, Callable[[], Any]] = {
    "vit": lambda: transformers.ViTForImageClassification(
        transformers.ViTConfig(
            hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=SIDE,
            patch_size=8, **LABELS,
        )
    ),
    "resnet": lambda: transformers.ResNetForImageClassification(
        transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], **LABELS)
    ),
}  # fmt: skip
NUMBERS = np.random.default_rng(0)
IMAGES = NUMBERS.integers(0, 256, (7, 12, 12, 3), dtype=np.uint8)


def saved(folder: Path, name: str = "vit") -> Any:
    """A random network in a folder, with its preparation of images; gives the network."""
    torch.manual_seed(0)
    network = NETWORKS[name]().eval()
    with torch.no_grad():
        for value in network.parameters():
            value.mul_(3 if name == "vit" else 1)
    network.save_pretrained(folder)
    transformers.ViTImageProcessor(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)
    return network


def judge(folder: Path, **settings: Any) -> ImageClassifier:
    return ImageClassifier.model_validate({"kind": "image_classifier", "folder": str(folder), **settings})


def fitted(folder: Path, x: np.ndarray = IMAGES, **settings: Any) -> FittedJudge:
    y = np.arange(len(x)) % CLASSES
    ours = judge(folder, **settings)
    return FittedJudge(ours, ours.fit(RealData(x, y, x, y), CLASSES, torch.Generator()))


@pytest.mark.parametrize("name", NETWORKS)
def test_logits_are_the_library_s_on_pictures_that_it_prepares(tmp_path: Path, name: str) -> None:
    network = saved(tmp_path, name)
    processor = transformers.AutoImageProcessor.from_pretrained(tmp_path)
    with torch.no_grad():
        given = processor(images=[Image.fromarray(image) for image in IMAGES], return_tensors="pt")
        expected = network(**given).logits.softmax(dim=1).numpy()
    found = fitted(tmp_path, chunk=3)
    np.testing.assert_allclose(found.probabilities(IMAGES), expected, atol=1e-5)
    np.testing.assert_array_equal(found.classify(IMAGES), expected.argmax(axis=1))


@pytest.mark.parametrize("name", NETWORKS)
def test_features_are_what_the_last_layer_reads(tmp_path: Path, name: str) -> None:
    network = saved(tmp_path, name)
    found = fitted(tmp_path)
    last = network.classifier if name == "vit" else network.classifier[-1]
    logits = last(torch.from_numpy(found.features(IMAGES))).detach().numpy()
    expected = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(found.log_probabilities(IMAGES), expected, atol=1e-4)


def test_grey_pictures_are_seen_as_three_equal_channels(tmp_path: Path) -> None:
    saved(tmp_path)
    found = fitted(tmp_path)
    grey = IMAGES[..., :1]
    np.testing.assert_array_equal(found.features(grey), found.features(np.repeat(grey, 3, axis=3)))


def test_its_parameters_and_shapes_agree(tmp_path: Path) -> None:
    for name in NETWORKS:
        saved(tmp_path / name, name)
        found = fitted(tmp_path / name)
        shapes = found.judge.shapes(IMAGES.shape[1:], CLASSES)
        assert {key: value.shape for key, value in found.parameters.items()} == shapes


def test_the_data_s_classes_are_its_classes(tmp_path: Path) -> None:
    saved(tmp_path)
    ours = judge(tmp_path)
    ours.check(Description((12, 12, 3), 3, ("cat", "dog", "hen")))
    ours.check(Description((12, 12, 1), 3))
    ours.check(Description((12, 12, 1), 3, ("a", "b", "c")))
    for described, said in (
        (Description((12, 12, 3), 4), "has 3 classes, the data 4"),
        (Description((12, 12, 3), 0), "has 3 classes, the data 0"),
        (Description((12, 12, 3), 3, ("dog", "cat", "hen")), "classes in another order, cat, dog, hen; number"),
        (Description((2,), 3), "needs images"),
        (Description((12, 12, 4), 3), "needs images"),
    ):
        with pytest.raises(ValueError, match=said):
            ours.check(described)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("model.safetensors", "has no weights in safetensors; save it with save_pretrained"),
        ("config.json", r"config\.json cannot be read"),
        ("preprocessor_config.json", r"preprocessor_config\.json cannot be read .*; name the folder of a saved model"),
    ],
)
def test_a_folder_without_its_files_is_named(tmp_path: Path, name: str, said: str) -> None:
    saved(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ValueError, match=said):
        judge(tmp_path)


def test_damaged_weights_are_a_sentence(tmp_path: Path) -> None:
    saved(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"no numbers")
    with pytest.raises(RecurateError, match=r"cannot be loaded .*; name another, or save it anew"):
        fitted(tmp_path)


def test_settings_that_are_a_list_are_named(tmp_path: Path) -> None:
    saved(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps([1]))
    with pytest.raises(ValueError, match=r"config\.json is no mapping of settings"):
        judge(tmp_path)


def test_a_model_that_names_no_classes_has_the_library_s_two(tmp_path: Path) -> None:
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=SIDE, patch_size=8
    )
    transformers.ViTForImageClassification(config).save_pretrained(tmp_path)
    transformers.ViTImageProcessor(size={"height": SIDE, "width": SIDE}).save_pretrained(tmp_path)
    judge(tmp_path).check(Description((12, 12, 3), 2, ("cat", "dog")))
