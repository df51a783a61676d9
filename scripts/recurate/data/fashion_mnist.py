"""Fashion-MNIST: 70,000 articles of clothing, 28x28 pixels, in ten classes (Xiao, Rasul, Vollgraf 2017)."""

from __future__ import annotations

from typing import ClassVar

from recurate.data import Description, PublishedData, RealData
from recurate.data.parts.sources import (
    IDX_FILES,
    Arrangement,
    DebianPackage,
    Distribution,
    Torchvision,
    deliver,
    read_idx_files,
)

CLASS_NAMES = (
    "T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
DISTRIBUTION = Distribution(
    title="Fashion-MNIST",
    kind="fashion_mnist",
    sources=(
        Torchvision("FashionMNIST"),
        DebianPackage("dataset-fashion-mnist", installed="/usr/share/datasets/fashion-mnist"),
    ),
    arrangements=(Arrangement(IDX_FILES, read_idx_files),),
    checksums={
        "train_x": "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
        "train_y": "e3245b63f7c40d1c8b652835f19744d970c1613b40ddac6bcfc87b9c46e16a0b",
        "test_x": "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
        "test_y": "d51d859896c55775b9e9e219b77ff03bcec1b6ac322f313544dc3f9e7bc94fae",
    },
    needed=f"Fashion-MNIST's files {', '.join(IDX_FILES)}, as they are or gzipped",
)


class FashionMnist(PublishedData):
    """60,000 training and 10,000 held-out articles of 28x28 grey pixels, in the original order."""

    licence: ClassVar[str] = "MIT"
    published_size: ClassVar[int | None] = 60_000

    @property
    def description(self) -> Description:
        return Description(shape=(28, 28, 1), classes=10, class_names=CLASS_NAMES)

    def fetch(self, folder: str | None) -> tuple[RealData, str]:
        return deliver(DISTRIBUTION, folder)
