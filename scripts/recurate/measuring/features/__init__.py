"""Feature spaces: fixed maps from samples to vectors, in which sets are compared. One module per kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from recurate.foundation.components import Component
from recurate.foundation.contract import Given, gives
from recurate.foundation.device import out_of_memory
from recurate.foundation.guard import held
from recurate.foundation.lazy import np, torch
from recurate.foundation.results import array, got, instance, named, tensor
from recurate.models import Model

if TYPE_CHECKING:
    from torch import Tensor

    from recurate.curation.judges import FittedJudge
    from recurate.data import Description
    from recurate.foundation.types import Array
    from recurate.models.parts.fitted import FittedModel


def _space(_: Features, __: Given, value: object) -> str:
    (name,) = named({instance(value, str): None}, "spaces")
    if "/" in name:
        raise ValueError(f"gave {got(name)}; wanted is a name without slashes")
    return name


def _extracted(_: Features, given: Given, value: object) -> Array:
    features = array(value, (len(given.x), None))
    if not features.shape[1]:
        raise ValueError("gave no features")
    return features.astype("float32", copy=False)


def _same(_: Features, __: Given, value: object) -> Features:
    return instance(value, Features)  # type: ignore[type-abstract]


class Features(Component, ABC):
    """A feature space; metrics name it by `space`."""

    needs_judge: ClassVar[bool] = False  # whether it asks the origin's judge
    # The kind of network that generation 0's model must be where the features are what it makes of samples; each seed's
    # is another one, so that real data have no such features.
    needs_origin: ClassVar[type[Model] | None] = None
    wants_gpu: ClassVar[bool] = (
        False  # whether a cluster is asked for a GPU to extract them; the judge says so for its own
    )

    @property
    @gives(_space)
    def space(self) -> str:
        """Name of the space in a study file and in the names of metrics: the kind, or the stem of its file."""
        return Path(self.kind).stem

    @property
    def fetched_file(self) -> str | None:
        """Name of a file in the data folder that the features need, or None; a rule fetches Inception's."""
        return None

    @gives(_same)
    def located(self, fetched: Sequence[str]) -> Features:
        """The same features, told where the files are that were fetched for the study."""
        return self

    @gives(_same)
    def without_prompt(self, given: int) -> Features:
        """The same features, told that the first `given` tokens of every sample are a prompt."""
        return self

    @abstractmethod
    @gives(_extracted)
    def extract(self, x: Array, scorer: FittedJudge | FittedModel | None, device: str) -> Array:
        """Features (n, d) float32 of samples `x` (n, *shape) in data units.

        `scorer` is the judge where `needs_judge`, generation 0's model where `needs_origin`, and else None.
        """

    def check(self, data: Description) -> None:
        """Raise ValueError with one sentence if such data have no features of this kind."""


def _network(features: ImageFeatures, _: Given, value: object) -> Callable[[Tensor], Tensor]:
    """A map whose features are looked at."""
    if not callable(value):
        raise ValueError(f"gave {got(value)}; wanted is a function of images")
    return held(f"features: {features.kind}: its network", value, lambda found: tensor(found, (None, None)))


class ImageFeatures(Features):
    """Features that a network for photographs gives; grey images get three equal channels."""

    wants_gpu: ClassVar[bool] = True

    chunk: int = Field(64, ge=1, description="images that go through the network at a time; fewer need less memory")

    @abstractmethod
    @gives(_network)
    def network(self, device: str) -> Callable[[Tensor], Tensor]:
        """Map from images (n, 3, height, width) float32 of values 0..255 on `device` to features (n, d)."""

    def extract(self, x: Array, scorer: FittedJudge | FittedModel | None, device: str) -> Array:
        """Features (n, d) float32 of images `x` (n, height, width, 1 or 3) of values 0..255.

        Raises RecurateError if a chunk does not fit into the memory.
        """
        parts = []
        with out_of_memory(f"features {self.space}", f"lower its chunk (now {self.chunk})"), torch.no_grad():
            network = self.network(device)
            for start in range(0, len(x), self.chunk):
                images = torch.from_numpy(x[start : start + self.chunk]).to(device, torch.float32)
                parts.append(network(images.permute(0, 3, 1, 2).expand(-1, 3, -1, -1)).cpu().numpy())
        return np.concatenate(parts)

    def check(self, data: Description) -> None:
        if len(data.shape) != 3 or data.shape[2] not in (1, 3):
            raise ValueError(f"{self.kind} needs images of 1 or 3 channels, the data have shape {data.shape}")
