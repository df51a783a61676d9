"""Prediction of every next token."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from recurate.foundation.lazy import torch
from recurate.models import LanguageModel, Model
from recurate.training.objectives import Objective

if TYPE_CHECKING:
    import numpy
    from torch import Tensor

    from recurate.foundation.types import Array


class NextToken(Objective):
    """Mean cross entropy, in nats a token, of the second and later tokens of a block given those before."""

    trains: ClassVar[type[Model]] = LanguageModel

    def noise(
        self, model: Model, generator: numpy.random.Generator, steps: int, batch_size: int, shape: tuple[int, ...]
    ) -> dict[str, Array]:
        return {}

    def costs(self, model: Model, parameters: dict[str, Tensor], x: Tensor, noise: dict[str, Tensor]) -> Tensor:
        assert isinstance(model, LanguageModel)
        logits = model.logits(parameters, x[..., :-1])
        # One seed after another: the logits of all would not stay in the processor's cache.
        of_tokens = [
            torch.nn.functional.cross_entropy(alone.flatten(0, 1), following.flatten(), reduction="none")
            for alone, following in zip(logits, x[..., 1:], strict=True)
        ]
        return torch.stack(of_tokens).unflatten(1, (x.shape[1], -1)).mean(dim=2)
