"""Prediction of the noise in noised data."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from recurate.foundation.lazy import np
from recurate.models import Model, NoiseModel
from recurate.models.parts.noise_schedule import noised, shares_on
from recurate.training.objectives import Objective

if TYPE_CHECKING:
    import numpy
    from torch import Tensor

    from recurate.foundation.types import Array


class Denoising(Objective):
    """Mean squared error of the predicted noise, every step equally often (Ho et al. 2020, equation 14).

    With classes, each is replaced by none with probability `label_dropout`, so that one network learns to predict with
    and without them (Ho and Salimans 2022).
    """

    trains: ClassVar[type[Model]] = NoiseModel

    label_dropout: float | None = Field(
        None, ge=0, lt=1, description="how often the class is withheld; none if the network is told none"
    )

    @property
    def uses_labels(self) -> bool:
        return self.label_dropout is not None

    @property
    def drops_labels(self) -> bool:
        return bool(self.label_dropout)

    def check(self, model: Model) -> None:
        super().check(model)
        assert isinstance(model, NoiseModel)
        if self.uses_labels and not model.classes:
            raise ValueError("label_dropout: the network is told no classes; give model.classes, or leave it out")
        if model.classes and not self.uses_labels:
            raise ValueError("label_dropout: the network is told a class; say how often it is withheld, 0 for never")

    def noise(
        self, model: Model, generator: numpy.random.Generator, steps: int, batch_size: int, shape: tuple[int, ...]
    ) -> dict[str, Array]:
        assert isinstance(model, NoiseModel)
        numbers: dict[str, Array] = {
            "noise": generator.standard_normal((steps, batch_size, *shape), dtype=np.float32),
            "step": generator.integers(1, model.noise_steps + 1, (steps, batch_size)),
        }
        if self.label_dropout is not None:
            numbers["withheld"] = generator.random((steps, batch_size)) < self.label_dropout
        return numbers

    def costs(self, model: Model, parameters: dict[str, Tensor], x: Tensor, noise: dict[str, Tensor]) -> Tensor:
        assert isinstance(model, NoiseModel)
        label = noise["label"].where(~noise["withheld"], model.classes) if self.uses_labels else None
        noisy = noised(x, noise["noise"], shares_on(model.noise_steps, x.device)[noise["step"]])
        error = model.noise(parameters, noisy, noise["step"], label) - noise["noise"]
        return error.square().flatten(2).mean(dim=2)
