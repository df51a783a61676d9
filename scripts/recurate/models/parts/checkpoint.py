"""Parameters that others have trained: read by path and checksum, and held against the network they are meant for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from recurate.files.fingerprints import file_digest
from recurate.foundation.components import Settings
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np, torch
from recurate.foundation.quoting import QUOTED, quoted

if TYPE_CHECKING:
    from recurate.foundation.types import Array

PREFIX = "module."  # what training on several GPUs puts before every name
SAFETENSORS = ".safetensors"
TORCH_BEGINS = (b"PK", b"\x80")  # a zip file, or a pickle of former versions
ADAM = ("step", "exp_avg", "exp_avg_sq")


class Checkpoint(Settings):
    """A file with a network's parameters, trained elsewhere."""

    path: str = Field(description="file: .safetensors, or a PyTorch file that can be read without running code")
    sha256: str | None = Field(None, description="checksum of the file; a file that differs is refused")
    entry: str | None = Field(
        None, description="key of the parameters in a file that holds several sets (torchcfm: ema_model or net_model)"
    )
    raw: str | None = Field(
        None,
        description="key of the parameters that training moved, where `entry` is their running average (torchcfm: "
        "net_model); generation 0 keeps both, for `carry_over: [ema]`",
    )
    optimizer: str | None = Field(
        None,
        description="key of the state of the torch.optim.Adam that moved them (torchcfm: optim), for `carry_over: "
        "[optimizer]`",
    )

    @field_validator("path")
    @classmethod
    def _snakemake_takes_it(cls, value: str) -> str:
        if not value.strip() or {"{", "}", "\n"} & set(value):
            raise ValueError(f"{quoted(value)} is no path here: empty, or with braces or line ends; rename the file")
        return value

    def check(self) -> None:
        """Raise RecurateError for a file that is missing or by its first bytes not of plain tensors."""
        if not Path(self.path).is_file():
            raise RecurateError(f"{self.path}: no such checkpoint; put the file there or change the study file")
        from safetensors import SafetensorError, safe_open

        try:
            if self.path.endswith(SAFETENSORS):
                safe_open(self.path, "np")
                return
            with open(self.path, "rb") as file:
                if file.read(2).startswith(TORCH_BEGINS):
                    return
            reason = "it does not begin like one of PyTorch's"
        except (OSError, SafetensorError) as error:
            reason = str(error).partition("\n")[0][:QUOTED]
        raise RecurateError(f"{self.path}: not a file of plain tensors ({reason}); fetch it again")

    def read(self) -> dict[str, Array]:
        """Parameters by name, float32 where they are floating-point.

        Raises RecurateError for a file that is missing, differs from the checksum or cannot be read safely.
        """
        return self._parameters(self._content(), self.entry)

    def stacked(self, shapes: Mapping[str, tuple[int, ...]], seeds: int) -> dict[str, torch.Tensor]:
        """Parameters (seeds, ..) for a network of these `shapes` of one seed, the same for every seed.

        Raises RecurateError as `read` and `matched` do.
        """
        parameters = matched(self.read(), shapes, self.path)
        return {name: torch.from_numpy(np.stack([value] * seeds)) for name, value in parameters.items()}

    def state(self, shapes: Mapping[str, tuple[int, ...]], seeds: int) -> dict[str, Array]:
        """Arrays of a model file for such a network: its parameters and, where they are named, raw ones and moments.

        Names are those of `training.state.State`, values (seeds, ..) the same for every seed; steps have no seeds.
        Raises RecurateError as `stacked` does, and for an optimizer that is not Adam's of these parameters.
        """
        content = self._content()
        parts = {"parameter": matched(self._parameters(content, self.entry), shapes, self.path)}
        if self.raw is not None:
            parts["raw"] = matched(self._parameters(content, self.raw), shapes, self.path)
        steps: dict[str, Array] = {}
        if self.optimizer is not None:
            moments = self._moments(content)
            steps = moments.pop("step")
            parts |= {key: matched(of_key, shapes, self.path) for key, of_key in moments.items()}
        stacked = {
            f"{part}/{name}": np.stack([value] * seeds)
            for part, of_part in parts.items()
            for name, value in of_part.items()
        }
        return stacked | {f"step/{name}": value for name, value in steps.items()}

    def _content(self) -> object:
        self.check()
        if self.sha256 and (actual := file_digest(self.path)) != self.sha256.lower():
            raise RecurateError(
                f"{self.path}: its SHA-256 is {actual}, not {self.sha256.lower()} as the study file says; "
                "fetch it again"
            )
        return _load(self.path)

    def _entry(self, content: object, key: str | None) -> object:
        if key is None:
            return content
        if not isinstance(content, Mapping) or key not in content:
            raise RecurateError(f"{self.path}: no entry {key!r} in it (it holds {_held(content)})")
        return content[key]

    def _parameters(self, content: object, key: str | None) -> dict[str, Array]:
        content = self._entry(content, key)
        if not isinstance(content, Mapping) or not all(
            isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in content.items()
        ):
            raise RecurateError(
                f"{self.path}: not a mapping of names to tensors (it holds {_held(content)}); name one with entry"
            )
        return {name.removeprefix(PREFIX): _array(tensor, self.path) for name, tensor in content.items()}

    def _moments(self, content: object) -> dict[str, dict[str, Array]]:
        """Adam's `step` (), `exp_avg` and `exp_avg_sq`, each by parameter; torch numbers these in the file's order."""
        names = list(self._parameters(content, self.raw or self.entry))
        held = self._entry(content, self.optimizer)
        found = held.get("state") if isinstance(held, Mapping) else None
        state = found if isinstance(found, Mapping) and list(found) == list(range(len(names))) else {}
        if not state or not all(isinstance(value, Mapping) and set(ADAM) <= set(value) for value in state.values()):
            raise RecurateError(
                f"{self.path}: {self.optimizer!r} is not the state of torch.optim.Adam for {len(names)} parameters; "
                "name another entry, or leave optimizer out"
            )
        values = dict(zip(names, state.values(), strict=True))
        return {
            key: {name: _array(torch.as_tensor(value[key]).float(), self.path) for name, value in values.items()}
            for key in ADAM
        }


def _load(path: str) -> object:
    from safetensors.torch import load_file

    try:
        if path.endswith(SAFETENSORS):
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
