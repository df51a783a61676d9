"""Parameters that others have trained: read by path and checksum, and held against the network they are meant for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from recurate.files.fingerprints import file_digest
from recurate.foundation.components import Settings
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np, torch

if TYPE_CHECKING:
    from recurate.foundation.types import Array

PREFIX = "module."  # what training on several GPUs puts before every name


class Checkpoint(Settings):
    """A file with a network's parameters, trained elsewhere."""

    path: str = Field(description="file: .safetensors, or a PyTorch file that can be read without running code")
    sha256: str | None = Field(None, description="checksum of the file; a file that differs is refused")
    entry: str | None = Field(
        None, description="key of the parameters in a file that holds several sets (torchcfm: ema_model or net_model)"
    )

    def read(self) -> dict[str, Array]:
        """Parameters by name, float32 where they are floating-point.

        Raises RecurateError for a file that is missing, differs from the checksum or cannot be read safely.
        """
        if not Path(self.path).is_file():
            raise RecurateError(f"{self.path}: no such checkpoint; put the file there or change the study file")
        if self.sha256 and (actual := file_digest(self.path)) != self.sha256.lower():
            raise RecurateError(
                f"{self.path}: its SHA-256 is {actual}, not {self.sha256.lower()} as the study file says; "
                "fetch it again"
            )
        state = self._parameters(_load(self.path))
        return {name.removeprefix(PREFIX): _array(tensor, self.path) for name, tensor in state.items()}

    def stacked(self, shapes: Mapping[str, tuple[int, ...]], seeds: int) -> dict[str, torch.Tensor]:
        """Parameters (seeds, ..) for a network of these `shapes` of one seed, the same for every seed.

        Raises RecurateError as `read` and `matched` do.
        """
        parameters = matched(self.read(), shapes, self.path)
        return {name: torch.from_numpy(np.stack([value] * seeds)) for name, value in parameters.items()}

    def _parameters(self, content: object) -> Mapping[str, torch.Tensor]:
        if self.entry is not None:
            if not isinstance(content, Mapping) or self.entry not in content:
                raise RecurateError(f"{self.path}: no entry {self.entry!r} in it (it holds {_held(content)})")
            content = content[self.entry]
        if not isinstance(content, Mapping) or not all(
            isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in content.items()
        ):
            raise RecurateError(
                f"{self.path}: not a mapping of names to tensors (it holds {_held(content)}); name one with entry"
            )
        return content


def _load(path: str) -> object:
    from safetensors.torch import load_file

    try:
        if path.endswith(".safetensors"):
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file makes either reader fail in a dozen ways
        reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0][:200]}"
        raise RecurateError(f"{path}: not a file of plain tensors ({reason}); fetch it again") from error


def _held(content: object) -> str:
    names = ", ".join(map(str, content)) if isinstance(content, Mapping) else type(content).__name__
    return names[:200] or "nothing"


def _array(tensor: torch.Tensor, path: str) -> Array:
    if tensor.is_floating_point():
        if not torch.isfinite(tensor).all():
            raise RecurateError(f"{path}: it holds NaN or infinite parameters; take another checkpoint")
        tensor = tensor.to(torch.float32)
    return tensor.detach().numpy()


def matched(state: Mapping[str, Array], shapes: Mapping[str, tuple[int, ...]], path: str) -> dict[str, Array]:
    """The parameters that a network of these `shapes` needs, in its order.

    Raises RecurateError, naming the first parameter that is missing, left over or of another shape.
    """
    for name, shape in shapes.items():
        if name not in state:
            raise RecurateError(f"{path}: a checkpoint of another network: it has no parameter {name!r}")
        if tuple(state[name].shape) != tuple(shape):
            raise RecurateError(
                f"{path}: a checkpoint of another network: {name!r} has shape {tuple(state[name].shape)}, "
                f"the study's network wants {tuple(shape)}"
            )
    if extra := sorted(set(state) - set(shapes)):
        raise RecurateError(f"{path}: a checkpoint of another network: it also has a parameter {extra[0]!r}")
    return {name: state[name] for name in shapes}
