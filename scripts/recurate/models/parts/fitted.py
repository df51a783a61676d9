"""A trained model of one seed, to look at samples with: generation 0's scores those of all later ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recurate.files.arrays import read_metadata, read_parameters
from recurate.foundation.components import load
from recurate.foundation.lazy import torch
from recurate.models import Model
from recurate.models.parts.units import Encoding

if TYPE_CHECKING:
    import numpy
    from torch import Tensor


@dataclass(frozen=True)
class FittedModel:
    """A model with the parameters of one seed, each with a leading axis of size 1."""

    model: Model
    parameters: dict[str, Tensor]
    encoding: Encoding
    device: str = "cpu"

    @classmethod
    def read(cls, spec: dict[str, object], path: str | Path, row: int, device: str = "cpu") -> FittedModel:
        """The model that `spec` describes, with the parameters of the seed in `row` of a model file."""
        parameters = {
            name: torch.from_numpy(value[row : row + 1]).to(device) for name, value in read_parameters(path).items()
        }
        encoding = Encoding.from_json(read_metadata(path)["encoding"])
        return cls(load(Model, spec), parameters, encoding, device)

    def encoded(self, x: numpy.ndarray) -> Tensor:
        """Samples (n, *shape) in data units as (1, n, *shape) in network units."""
        return self.encoding.encode(torch.from_numpy(x).to(self.device))[None]
