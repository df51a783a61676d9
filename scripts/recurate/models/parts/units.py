"""Between data units and the units a network sees."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np, torch

if TYPE_CHECKING:
    from torch import Tensor

    from recurate.foundation.types import Array


@dataclass(frozen=True)
class Encoding:
    """Affine map to zero mean and unit scale; a model file carries it in its metadata.

    `shape` and `dtype` are those of one sample in data units; images are uint8 and map to [-1, 1]. Tokens of a text,
    int32, are numbers of words and stay whole numbers.
    """

    shape: tuple[int, ...]
    dtype: str
    centre: float
    scale: float

    @classmethod
    def of(cls, real: Array) -> Encoding:
        """Encoding for real data (n, *shape): fixed for images, otherwise by mean and standard deviation over all.

        Raises RecurateError for numbers that do not vary, as single precision sees them.
        """
        if real.dtype == np.uint8:
            return cls(real.shape[1:], "uint8", 127.5, 127.5)
        if real.dtype == np.int32:
            return cls(real.shape[1:], "int32", 0.0, 1.0)
        centre, scale = float(real.mean()), float(real.std())
        if not 0 < scale < math.inf or real.min() == real.max():
            raise RecurateError(
                f"data: the real data, of mean {centre:g}, do not vary so that single precision sees it, or some are "
                "no numbers; scale them, or mend the data"
            )
        return cls(real.shape[1:], "float32", centre, scale)

    def encode(self, x: Tensor) -> Tensor:
        """Data units to network units, float32; tokens to int64, as indices are."""
        if self.dtype == "int32":
            return x.to(torch.int64)
        return (x.to(torch.float32) - self.centre) / self.scale

    def in_data_units(self, x: Tensor) -> Tensor:
        """Network units to data units, on the same device; images are clipped and rounded to uint8."""
        if self.dtype == "int32":
            return x.to(torch.int32)
        y = x * self.scale + self.centre
        return y.round().clamp(0, 255).to(torch.uint8) if self.dtype == "uint8" else y

    def decode(self, x: Tensor) -> Array:
        """The same as an array."""
        return self.in_data_units(x).cpu().numpy()

    def to_json(self) -> str:
        """Text form for a file's metadata."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Encoding:
        """Inverse of `to_json`."""
        fields = json.loads(text)
        return cls(**{**fields, "shape": tuple(fields["shape"])})
