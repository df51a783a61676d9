"""Arrays as safetensors, with a leading seed axis where seeds differ, and with what made them inside."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from recurate.files.fingerprints import spec_digest
from recurate.files.writing import REBUILD, replacing
from recurate.foundation.errors import RecurateError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from recurate.foundation.types import Array


def origin_of_file(spec: BaseModel, code: str, device: str = "cpu") -> dict[str, str]:
    """What made a file: digests of settings and code, library versions, device. Times are in `benchmarks/`."""
    return {
        "spec_digest": spec_digest(spec.model_dump(mode="json")),
        "code_digest": code,
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "torch": version("torch"),
        "device": device,
    }


def write_arrays(path: str | Path, arrays: Mapping[str, Array], metadata: Mapping[str, str]) -> None:
    """Write named arrays as safetensors. Floating-point arrays must be finite.

    The metadata goes in as one JSON string: the order of several keys would differ from run to run.
    Raises RecurateError for NaN or infinite values, naming the array.
    """
    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    for name, array in arrays.items():
        if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
            raise RecurateError(
                f"{path}: '{name}' holds NaN or infinite values, so it is not written; "
                "if it was trained, lower the learning rate"
            )
    contiguous = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    text = {"recurate": json.dumps(dict(metadata), sort_keys=True)}
    with replacing(path) as temporary:
        try:
            save_file(contiguous, str(temporary), metadata=text)
        except SafetensorError as error:
            raise RecurateError(f"{path}: writing failed ({error}); free space or check the folder") from error


def read_arrays(path: str | Path, names: Sequence[str] | None = None) -> dict[str, Array]:
    """Read the named arrays of a safetensors file, or all of them.

    Raises RecurateError for a file that is missing, truncated, of another format or without one of `names`.
    """
    with _opened(path) as file:
        stored = _holding(path, file, names or ())
        return {name: file.get_tensor(name) for name in names or stored}


def read_seed(path: str | Path, row: int, names: Sequence[str]) -> dict[str, Array]:
    """Read one row of the leading seed axis of the named arrays, without the rest of the file.

    Raises RecurateError like `read_arrays`.
    """
    with _opened(path) as file:
        _holding(path, file, names)
        return {name: file.get_slice(name)[row] for name in names}


def read_parameters(path: str | Path) -> dict[str, Array]:
    """Network parameters of a model file, without its training losses and what else training keeps there."""
    with _opened(path) as file:
        names = [name for name in file.keys() if name.startswith("parameter/")]  # noqa: SIM118
        return {name.removeprefix("parameter/"): file.get_tensor(name) for name in names}


def read_metadata(path: str | Path) -> dict[str, str]:
    """Provenance that `write_arrays` put into a file; empty for one that another program wrote.

    Raises RecurateError like `read_arrays`.
    """
    with _opened(path) as file:
        text = (file.metadata() or {}).get("recurate", "{}")
    try:
        found = json.loads(text)
        return {str(key): str(value) for key, value in found.items()}
    except (ValueError, AttributeError) as error:
        raise RecurateError(f"{path}: does not say in JSON what made it; {REBUILD}") from error


class OpenedFile(Protocol):
    """What the safetensors library gives of a file."""

    def keys(self) -> list[str]: ...

    def metadata(self) -> dict[str, str] | None: ...

    def get_tensor(self, name: str) -> Array: ...

    def get_slice(self, name: str) -> Array: ...


@contextmanager
def _opened(path: str | Path) -> Iterator[OpenedFile]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as file:
            yield file
    except FileNotFoundError as error:
        raise RecurateError(f"{path}: no such file; run the study again, which rebuilds it") from error
    except (SafetensorError, OSError) as error:
        raise RecurateError(f"{path}: truncated or not a safetensors file ({error}); {REBUILD}") from error


def _holding(path: str | Path, file: OpenedFile, names: Sequence[str]) -> list[str]:
    """Names of a file's arrays, of which `names` must be some."""
    stored = list(file.keys())
    missing = [name for name in names if name not in stored]
    if missing:
        raise RecurateError(f"{path}: no array named {missing[0]!r} in it (it holds {', '.join(stored)}); {REBUILD}")
    return stored
