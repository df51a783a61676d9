"""A trained model, to draw samples from or to look at samples with: generation 0's scores those of all later ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recurate.files.arrays import read_metadata, read_parameters
from recurate.foundation.lazy import torch
from recurate.models import Model
from recurate.models.parts.units import Encoding

if TYPE_CHECKING:
    from torch import Tensor

    from recurate.foundation.types import Array


@dataclass(frozen=True)
class FittedModel:
    """A model with the parameters of one seed or of several, each with a leading axis of seeds."""

    model: Model
    parameters: dict[str, Tensor]
    encoding: Encoding
    device: str = "cpu"

    @classmethod
    def read(cls, model: Model, path: str | Path, device: str = "cpu", row: int | None = None) -> FittedModel:
        """A network with the parameters of a model file: of all its seeds, or of the one in `row`."""
        rows = slice(None) if row is None else slice(row, row + 1)
        parameters = {name: torch.from_numpy(value[rows]).to(device) for name, value in read_parameters(path).items()}
        return cls(model, parameters, Encoding.from_json(read_metadata(path)["encoding"]), device)

    def encoded(self, x: Array) -> Tensor:
        """Samples (n, *shape) in data units as (1, n, *shape) in network units."""
        return self.encoding.encode(torch.from_numpy(x).to(self.device))[None]
