"""Sampling from a predictor of noise, step by step back to data."""

from __future__ import annotations

import itertools
import math
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np, torch
from recurate.foundation.randomness import DRAWN_CLASSES
from recurate.models import Model, NoiseModel
from recurate.models.parts.noise_schedule import (
    fresh_noise,
    signal_shares,
    step_back,
    visited_steps,
)
from recurate.sampling import TYPICAL, Request, Sampler, SampleSet

if TYPE_CHECKING:
    from torch import Tensor

    from recurate.foundation.types import Array

Predictor = Callable[["Tensor", "Tensor"], "Tensor"]  # noise in points (seeds, batch, *shape) at steps (seeds, batch)


def exact_clean(share: float, deviation: float) -> float:
    """Expected clean sample over x, at a share of signal, of data N(0, `deviation`^2)."""
    return deviation**2 * math.sqrt(share) / (share * deviation**2 + 1 - share)


class DenoisingSampler(Sampler):
    """From noise to data in `steps` of the network's steps, as equal as can be."""

    draws_from: ClassVar[type[Model]] = NoiseModel

    steps: int = Field(ge=1, description="steps taken, at most the network's `noise_steps`")
    limit: float | None = Field(
        None, gt=0, description="largest absolute value of estimated clean samples in network units (1 for images)"
    )
    labels: Literal["trained", "equal"] | None = Field(
        None,
        description="classes of the samples: as often as in the training set, or equally often; none if the network "
        "is told none",
    )
    guidance: float = Field(
        0.0, ge=0, description="w of classifier-free guidance, which is a sampling bias lambda_s = 1/(1 + w); 0: none"
    )

    @abstractmethod
    def added(self, request: Request, chunk: int, step: int, size: int) -> Tensor | None:
        """Standard normal numbers (seeds, `size`, *shape) for a step of a chunk, or None for a deterministic one."""

    adds_noise: ClassVar[bool] = False

    def visited(self, noise_steps: int) -> list[int]:
        """Steps at which the network is asked, `noise_steps` first, and 0 as the end."""
        return visited_steps(noise_steps, self.steps)

    def kept_variance(self, model: Model, deviation: float = TYPICAL) -> float:
        assert isinstance(model, NoiseModel)
        shares, variance = signal_shares(model.noise_steps), 1.0
        for step, following in itertools.pairwise(self.visited(model.noise_steps)):
            share, next_share = shares[step], shares[following]
            clean = exact_clean(share, deviation)
            noise = (1 - math.sqrt(share) * clean) / math.sqrt(1 - share)
            added = fresh_noise(share, next_share) if self.adds_noise and following else 0.0
            factor = math.sqrt(next_share) * clean + math.sqrt(max(1 - next_share - added**2, 0.0)) * noise
            variance = factor**2 * variance + added**2
        return variance / deviation**2

    @property
    def is_biased(self) -> bool:
        return self.guidance > 0 or self.labels == "equal"

    @property
    def uses_label_shares(self) -> bool:
        return self.labels == "trained"

    def check(self, model: Model, drops_labels: bool) -> None:
        super().check(model, drops_labels)
        assert isinstance(model, NoiseModel)
        if self.steps > model.noise_steps:
            raise ValueError(f"steps: {self.steps} are more than the {model.noise_steps} noise_steps of the network")
        if self.guidance and not model.classes:
            raise ValueError("guidance: the network is told no classes; give model.classes, or leave guidance out")
        if self.guidance and not drops_labels:
            raise ValueError(
                "guidance: the network never learns to do without a class; give the objective a label_dropout"
            )
        if (self.labels is None) != (model.classes == 0):
            raise ValueError(
                "labels: the network is told no classes; leave it out"
                if self.labels
                else "labels: the network is told a class; say how classes are drawn, trained or equal"
            )

    def sample(self, model: Model, parameters: dict[str, Tensor], request: Request) -> SampleSet:
        assert isinstance(model, NoiseModel)
        latents = request.latents(*request.shape)
        labels = self._drawn_labels(model, request)
        parts = []
        with torch.no_grad():
            for chunk, x in enumerate(latents.split(self.chunk, dim=1)):
                rows = slice(chunk * self.chunk, chunk * self.chunk + x.shape[1])
                classes = None if labels is None else torch.from_numpy(labels[:, rows]).to(x.device)
                parts.append(self._denoised(x, model, self._predictor(model, parameters, classes), request, chunk))
        evaluations = self.steps * (2 if self.guidance else 1)
        return SampleSet(torch.cat(parts, dim=1), evaluations, {} if labels is None else {"drawn_class": labels})

    def _denoised(self, x: Tensor, model: NoiseModel, predict: Predictor, request: Request, chunk: int) -> Tensor:
        shares = signal_shares(model.noise_steps)
        visited = self.visited(model.noise_steps)
        for number, (step, following) in enumerate(itertools.pairwise(visited)):
            noise = predict(x, torch.full(x.shape[:2], step, device=x.device))
            # The last step ends at the clean estimate, which has no noise to be added to.
            added = self.added(request, chunk, number, x.shape[1]) if following else None
            x = step_back(x, noise, shares[step], shares[following], added, self.limit)
        return x

    def _predictor(self, model: NoiseModel, parameters: dict[str, Tensor], label: Tensor | None) -> Predictor:
        """Noise that the network sees, with guidance (1 + w) e(x, c) - w e(x) (Ho and Salimans 2022, equation 6)."""

        def predict(x: Tensor, step: Tensor) -> Tensor:
            conditional = model.noise(parameters, x, step, label)
            if label is None or not self.guidance:
                return conditional
            unconditional = model.noise(parameters, x, step, torch.full_like(label, model.classes))
            return conditional + self.guidance * (conditional - unconditional)

        return predict

    def _drawn_labels(self, model: NoiseModel, request: Request) -> Array | None:
        """Classes (seeds, samples) int64, in turn or by the shares of the training set."""
        if self.labels is None:
            return None
        if self.labels == "equal":
            return np.tile(np.arange(request.samples) % model.classes, (len(request.seeds), 1))
        if request.label_shares is None:
            raise RecurateError("sampler: labels: trained needs the shares of classes, which the model file lacks")
        drawn = [
            generator.choice(len(shares), request.samples, p=shares)
            for generator, shares in zip(request.generators(DRAWN_CLASSES), request.label_shares, strict=True)
        ]
        return np.stack(drawn)
