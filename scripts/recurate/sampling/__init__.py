"""How samples are drawn from a trained network. One module per kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from recurate.foundation.contract import Given, gives
from recurate.foundation.lazy import np, torch
from recurate.foundation.randomness import LATENTS, Stream, numpy_generator
from recurate.foundation.results import arrays, instance, number, tensor
from recurate.models import Model
from recurate.models.parts.fitted import FittedModel
from recurate.training.training_set import SampleSource

if TYPE_CHECKING:
    import numpy
    from torch import Tensor

    from recurate.data import Description
    from recurate.foundation.types import Array
    from recurate.training.training_set import Afresh


TYPICAL = 0.5  # of data scaled to [-1, 1] or to a standard deviation of 1: width of what a sampler must resolve
ALLOWED = 0.05  # of variance that a sampler may lose or gain before its samples count as those of another law


@dataclass(frozen=True)
class Request:
    """A sample set to be drawn: for which seeds, how many samples of which shape, with which random numbers.

    `label_shares` (seeds, classes) say how often each class occurs in the training set and `real` (n, *shape) are real
    data in data units, both for samplers that ask for them; the first `first_tokens` tokens of each text among these,
    one or none, were put there for the network, and samples begin with them too. `training_chunk` is the chunk of
    training that the samples are drawn afresh for; None where a generation's sample set is drawn.
    """

    seeds: list[int]
    generation: int
    samples: int
    shape: tuple[int, ...]
    device: str = "cpu"
    training_chunk: int | None = None
    label_shares: Array | None = None
    real: Array | None = None
    first_tokens: int = 0

    def generators(self, stream: Stream, *numbers: int) -> list[numpy.random.Generator]:
        """A generator of the stream for each seed."""
        if self.training_chunk is not None:
            stream = stream.in_training(self.training_chunk)
        return [numpy_generator(seed, self.generation, stream, *numbers) for seed in self.seeds]

    def latents(self, *shape: int) -> Tensor:
        """Standard normal numbers (seeds, samples, *shape) float32."""
        size = (self.samples, *shape)
        drawn = [generator.standard_normal(size, dtype=np.float32) for generator in self.generators(LATENTS)]
        return torch.from_numpy(np.stack(drawn)).to(self.device)


@dataclass(frozen=True)
class SampleSet:
    """A sample set: `x` (seeds, samples, *shape) in network units, and other arrays (seeds, samples, ..) by name.

    `evaluations` says how often the network was evaluated for a sample, on average.
    """

    x: Tensor
    evaluations: float
    others: Mapping[str, Array] = field(default_factory=dict)


def _drawn(_: Sampler, given: Given, value: object) -> SampleSet:
    drawn, request = instance(value, SampleSet), given.request
    first = (len(request.seeds), request.samples)
    others = arrays(drawn.others, first)
    if "x" in others:
        raise ValueError("gave other arrays of the name 'x', which is that of the samples")
    return SampleSet(tensor(drawn.x, (*first, *request.shape), whole=True), number(drawn.evaluations), others)


def _share(_: Sampler, __: Given, value: object) -> float:
    return number(value)


class Sampler(SampleSource, ABC):
    """Draws samples from a network of the kind `draws_from`."""

    draws_from: ClassVar[type[Model]]
    needs_real: ClassVar[bool] = False  # whether samples begin from real data

    chunk: int = Field(
        5_000,
        ge=1,
        description="samples of a seed drawn at once, which bounds memory; dopri5 chooses its steps for a chunk and "
        "ancestral its noise, so that there it enters the samples, too",
    )

    @property
    def uses_label_shares(self) -> bool:
        """Whether it draws classes as often as they occur in the training set."""
        return False

    @property
    def is_biased(self) -> bool:
        """Whether its settings ask for another law than the one that the network has learnt."""
        return False

    @gives(_share)
    def kept_variance(self, model: Model, deviation: float = TYPICAL) -> float:
        """Variance of samples over that of the data, where these are N(0, `deviation`^2) and the network is perfect.

        `deviation` is in network units. What is missing is lost to the sampler's discretisation, in every generation
        anew; 1 for samplers that have none.
        """
        return 1.0

    def other_law(self, model: Model) -> str:
        """Why samples come from another law than the one that `model` has learnt; nothing where they do not."""
        if self.is_biased:
            return "the sampler is biased by its settings"
        kept = self.kept_variance(model)
        return f"the sampler keeps {kept:.2f} of a Gaussian's variance" if abs(kept - 1) > ALLOWED else ""

    @property
    def answers(self) -> int:
        """How many samples answer one prompt, whose number stands beside them as `prompt`; 0 without prompts."""
        return 0

    @property
    def given(self) -> int:
        """How many tokens every sample begins with that were not drawn: a prompt that it keeps."""
        return 0

    def check(self, model: Model, drops_labels: bool) -> None:
        """Raise ValueError with one sentence if it cannot draw from such a network.

        `drops_labels` says whether that learns to do without classes, too.
        """
        if not isinstance(model, self.draws_from):
            raise ValueError(f"{self.kind} needs {self.draws_from.role}, the model {model.kind} is {model.role}")

    @abstractmethod
    @gives(_drawn)
    def sample(self, model: Model, parameters: dict[str, Tensor], request: Request) -> SampleSet:
        """Draw the sample set that is asked for."""

    def afresh(self, model: Model, source: str, seeds: list[int], generation: int, device: str) -> Afresh:
        fitted = FittedModel.read(model, source, device)

        def draw(chunk: int, n: int) -> tuple[Tensor, Tensor | None]:
            request = Request(seeds, generation, n, fitted.encoding.shape, device, chunk)
            drawn = self.sample(fitted.model, fitted.parameters, request)
            label = drawn.others.get("drawn_class")
            x = fitted.encoding.in_data_units(drawn.x)
            return x, None if label is None else torch.from_numpy(label).to(device)

        return draw

    def check_samples(self, data: Description, model: Model, samples: int) -> None:
        """Raise ValueError with one sentence if so many samples of such data cannot be drawn from the model."""
