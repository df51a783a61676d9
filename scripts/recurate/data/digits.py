"""Handwritten digits of 8x8 pixels, embedded in scikit-learn."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from recurate.data import Data, Description, RealData
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    import numpy


class Digits(Data):
    """The 1,797 digits of the UCI test set, 17 grey levels stretched to 0..255, split at random into train and test."""

    licence: ClassVar[str] = "CC BY 4.0 (UCI, Optical Recognition of Handwritten Digits)"

    test: int = Field(500, ge=10, le=1_700, description="number of held-out digits")

    @property
    def description(self) -> Description:
        return Description(shape=(8, 8, 1), classes=10, class_names=tuple("0123456789"))

    @property
    def training_size(self) -> int:
        return 1797 - self.test

    @property
    def source(self) -> str:
        return f"scikit-learn {version('scikit-learn')}"

    def load(self, generator: numpy.random.Generator) -> RealData:
        from sklearn.datasets import load_digits

        bunch = load_digits()
        if bunch.images.shape != (1797, 8, 8) or int(bunch.images.sum()) != 561_718:
            raise RecurateError("scikit-learn's digits are not the 1,797 known images; reinstall scikit-learn")
        order = generator.permutation(len(bunch.images))
        x = np.rint(bunch.images * (255 / 16)).astype(np.uint8)[order, :, :, None]
        y = bunch.target.astype(np.int64)[order]
        return RealData(x[self.test :], y[self.test :], x[: self.test], y[: self.test])
