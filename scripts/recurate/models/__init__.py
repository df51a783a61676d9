"""Networks: the parametrised functions that generative models are made of. One module per kind.

All seeds of a job are evaluated together: every parameter has a leading seed axis.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from recurate.foundation.components import Component
from recurate.foundation.contract import Given, gives
from recurate.foundation.guard import guarded, held
from recurate.foundation.lazy import torch
from recurate.foundation.results import finite_tensor, instance, is_tensor, named, pair, tensor

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from recurate.data import Description

TIME_FEATURES = 16


def time_features(time: Tensor) -> Tensor:
    """cos(pi k t / 2) and then sin(pi k t / 2), k = 1..8, on a new last axis of `TIME_FEATURES`."""
    frequencies = math.pi / 2 * torch.arange(1, TIME_FEATURES // 2 + 1, device=time.device)
    angle = time[..., None] * frequencies
    return torch.cat([torch.cos(angle), torch.sin(angle)], dim=-1)


def _parameters(_: Model, __: Given, value: object) -> dict[str, Tensor]:
    parameters = {name: finite_tensor(part) for name, part in named(value, "tensors").items()}
    if not parameters:
        raise ValueError("gave no parameters")
    return parameters


class Model(Component, ABC):
    """A network with stacked parameters: a `VelocityModel`, `NoiseModel`, `Autoencoder` or `LanguageModel`."""

    role: ClassVar[str]  # what it is, as objectives and samplers ask for it
    wants_gpu: ClassVar[bool] = False  # whether a cluster is asked for a GPU to train it and to sample from it
    is_pretrained: ClassVar[bool] = False  # whether its initial parameters are a model that may be taken as it is

    @abstractmethod
    @gives(_parameters)
    def initial(self, shape: tuple[int, ...], generator: Generator) -> dict[str, Tensor]:
        """Random parameters of ONE seed, without a seed axis, for samples of `shape`."""

    def shapes(self, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """Shapes of the parameters of one seed, by name, which a checkpoint is held against."""
        return {name: tuple(value.shape) for name, value in self.initial(shape, torch.Generator()).items()}

    def check(self, data: Description) -> None:
        """Raise ValueError with one sentence if this network cannot take samples of such data."""


def _like_x(_: Model, given: Given, value: object) -> Tensor:
    return tensor(value, given.x.shape)


class VelocityModel(Model):
    """A time-dependent vector field v(x, t)."""

    role: ClassVar[str] = "a vector field"

    @abstractmethod
    @gives(_like_x)
    def velocity(self, parameters: dict[str, Tensor], x: Tensor, time: Tensor) -> Tensor:
        """Velocity, like `x`, at points `x` (seeds, batch, *shape) in network units and times (seeds, batch)."""


class Reading(ABC):
    """Texts that a language model has read, with what it need not compute again when it reads on."""

    @abstractmethod
    def step(self, tokens: Tensor) -> Tensor:
        """Logits (seeds, batch, vocabulary) of the token after one more of each text, `tokens` (seeds, batch)."""

    @abstractmethod
    def select(self, rows: Tensor) -> None:
        """Go on with rows (seeds, n) of the batch instead, which may come several times."""


def _logits(model: LanguageModel, given: Given, value: object) -> Tensor:
    return tensor(value, (*given.tokens.shape, model.vocabulary))


def _begun(model: LanguageModel, given: Given, value: object) -> tuple[Tensor, Reading]:
    logits, reading = pair(value, "logits and a Reading")
    shape = (*given.tokens.shape[:2], model.vocabulary)
    return tensor(logits, shape), HeldReading(model, instance(reading, Reading))  # type: ignore[type-abstract]


class HeldReading(Reading):
    """What a network of a user's own gives for reading on, whose logits are looked at."""

    def __init__(self, model: LanguageModel, reading: Reading) -> None:
        self.vocabulary, self.reading = model.vocabulary, reading
        self.what = f"model: {model.kind}: what it begins:"

    def step(self, tokens: Tensor) -> Tensor:
        def logits(value: object) -> Tensor:
            return tensor(value, (*tokens.shape, self.vocabulary))

        return held(f"{self.what} step", self.reading.step, logits)(tokens)

    def select(self, rows: Tensor) -> None:
        with guarded(f"{self.what} select"):
            self.reading.select(rows)


class LanguageModel(Model):
    """Probabilities of the next token, given those before."""

    role: ClassVar[str] = "a language model"
    slides: ClassVar[bool] = False  # whether it goes on beyond its context, looking back no further

    vocabulary: int = Field(ge=2, description="number of different tokens it knows, at least those of the data")
    context: int = Field(ge=2, description="tokens that it looks back at, itself among them")

    @abstractmethod
    @gives(_logits)
    def logits(self, parameters: dict[str, Tensor], tokens: Tensor) -> Tensor:
        """Logits (seeds, batch, time, vocabulary) of the token after each of `tokens` (seeds, batch, time)."""

    @abstractmethod
    @gives(_begun)
    def begin(self, parameters: dict[str, Tensor], tokens: Tensor) -> tuple[Tensor, Reading]:
        """Logits (seeds, batch, vocabulary) of the token after `tokens` (seeds, batch, time), and a `Reading`."""

    def check(self, data: Description) -> None:
        if not data.vocabulary:
            raise ValueError("needs text, the data have no tokens")
        if data.vocabulary > self.vocabulary:
            raise ValueError(
                f"vocabulary: {self.vocabulary} is too small, the data's tokenizer has {data.vocabulary} tokens"
            )
        if data.shape[0] > self.context:
            raise ValueError(f"context: {self.context} tokens are fewer than the {data.shape[0]} of the data's blocks")


def _encoded(model: Autoencoder, given: Given, value: object) -> tuple[Tensor, Tensor]:
    shape = (*given.x.shape[:2], model.latent)
    mean, log_variance = pair(value, "mean and log-variance")
    return tensor(mean, shape), tensor(log_variance, shape)


def _decoded(_: Autoencoder, given: Given, value: object) -> Tensor:
    axes = value.ndim if is_tensor(value) else 3
    return tensor(value, (*given.z.shape[:2], *[None] * (axes - 2)))


class Autoencoder(Model):
    """An encoder to Gaussians in a space of latents, and a decoder to pixels that are on or off."""

    role: ClassVar[str] = "an autoencoder"

    latent: int = Field(20, ge=1, description="dimensions of the latent space")

    @abstractmethod
    @gives(_encoded)
    def encode(self, parameters: dict[str, Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, (seeds, batch, latent), of `x` (seeds, batch, *shape) in network units."""

    @abstractmethod
    @gives(_decoded)
    def decode(self, parameters: dict[str, Tensor], z: Tensor) -> Tensor:
        """Logits (seeds, batch, *shape) of pixels being on, for latents `z` (seeds, batch, latent)."""


class NoiseModel(Model):
    """A predictor of the noise in data that are noised step by step; step 0 is the data, the last one all but noise."""

    role: ClassVar[str] = "a noise predictor"

    noise_steps: int = Field(
        1_000, ge=1, le=100_000, description="number of steps from data to noise, on the cosine schedule"
    )
    classes: int = Field(
        0, ge=0, description="number of the data's classes, one of which the network is told; 0: it is told none"
    )

    @abstractmethod
    @gives(_like_x)
    def noise(self, parameters: dict[str, Tensor], x: Tensor, step: Tensor, label: Tensor | None) -> Tensor:
        """Noise, like `x` (seeds, batch, *shape) in network units, at `step` (seeds, batch) int64, 1..`noise_steps`.

        `label` (seeds, batch) int64 are classes, of which the number `classes` stands for none; None where the network
        is told none.
        """

    def check(self, data: Description) -> None:
        if self.classes and not data.classes:
            raise ValueError("classes: the data have no classes that a network could be told; leave it out")
        if self.classes not in (0, data.classes):
            raise ValueError(f"classes: the data have {data.classes}, the network is told one of {self.classes}")
