"""Every file of a study is written and read here: whole or not at all, and with its origin inside.

Arrays are safetensors with a leading seed axis where seeds differ; tables are CSV, cards JSON. A file is written under
a temporary name in its own folder and then renamed, so that what carries the final name is complete.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import platform
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recurate.digest import spec_digest
from recurate.errors import RecurateError

if TYPE_CHECKING:
    import numpy as np
    import pandas

TEMPORARY = ".tmp-"  # what the names of files that are still being written begin with
METRIC_COLUMNS = ("study", "arm", "generation", "seed", "metric", "value")
FORECAST_COLUMNS = (*METRIC_COLUMNS, "effective_sample_size")
LAW_COLUMNS = ("study", "arm", "generation", "metric", "value", "deviation", "order", "source")
RATE_COLUMNS = (
    "study", "arm", "metric", "slope", "slope_error", "slope_log_corrected", "slope_log_corrected_error", "theory",
    "logarithm",
    "slope_of_law", "law", "real_fraction", "decay",
)  # fmt: skip
CLAIM_COLUMNS = (
    "study", "arm", "claim", "source", "generation", "measured", "bound", "slack", "standard_error", "verdict", "note",
)  # fmt: skip


def provenance(spec: Any, code: str, device: str = "cpu") -> dict[str, str]:
    """What made a file: digests of settings and code, library versions, device. Times are in `benchmarks/`."""
    return {
        "spec_digest": spec_digest(spec),
        "code_digest": code,
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "torch": version("torch"),
        "device": device,
    }


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path in the folder of `path`; rename it to `path` on success, delete it on failure.

    The temporary name keeps the suffix, which libraries read as the format.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=TEMPORARY, suffix=path.suffix)
    except OSError as error:
        raise RecurateError(f"{path}: cannot be written ({error.strerror}); check the folder's permissions") from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise RecurateError(f"{path}: writing failed ({error.strerror}); free space or check the folder") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_arrays(path: str | Path, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
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


def read_arrays(path: str | Path, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Read the named arrays of a safetensors file, or all of them.

    Raises RecurateError for a file that is missing, truncated, of another format or without one of `names`.
    """
    with _opened(path) as file:
        held = _holding(path, file, names or ())
        return {name: file.get_tensor(name) for name in names or held}


def read_seed(path: str | Path, row: int, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Read one row of the leading seed axis of the named arrays, without the rest of the file.

    Raises RecurateError like `read_arrays`.
    """
    with _opened(path) as file:
        _holding(path, file, names)
        return {name: file.get_slice(name)[row] for name in names}


def read_parameters(path: str | Path) -> dict[str, np.ndarray]:
    """Network parameters of a model file, without its training losses and what else training keeps there."""
    with _opened(path) as file:
        names = [name for name in file.keys() if name.startswith("parameter/")]  # noqa: SIM118
        return {name.removeprefix("parameter/"): file.get_tensor(name) for name in names}


def file_digest(path: str | Path) -> str:
    """SHA-256 of a file's bytes, as 64 hex digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def arrays_digest(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of named arrays, their bytes in the order of their names, as 64 hex digits."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        digest.update(arrays[name].tobytes())
    return digest.hexdigest()


def read_metadata(path: str | Path) -> dict[str, str]:
    """Provenance that `write_arrays` put into a file."""
    with _opened(path) as file:
        return json.loads((file.metadata() or {}).get("recurate", "{}"))


_REBUILD = "delete the file and run the study again, which rebuilds it"


@contextmanager
def _opened(path: str | Path) -> Iterator[Any]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as file:
            yield file
    except FileNotFoundError as error:
        raise RecurateError(f"{path}: no such file; run the study again, which rebuilds it") from error
    except (SafetensorError, OSError) as error:
        raise RecurateError(f"{path}: truncated or not a safetensors file ({error}); {_REBUILD}") from error


def _holding(path: str | Path, file: Any, names: Sequence[str]) -> list[str]:
    """Names of a file's arrays, of which `names` must be some."""
    held = list(file.keys())
    missing = [name for name in names if name not in held]
    if missing:
        raise RecurateError(f"{path}: no array named {missing[0]!r} in it (it holds {', '.join(held)}); {_REBUILD}")
    return held


def write_rows(path: str | Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a tidy CSV table; numbers keep all their digits."""
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_rows(path: str | Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Read a CSV table whose header must be `columns`, all values as text.

    Raises RecurateError for a file that is missing, of another format or cut off within a row.
    """
    try:
        with Path(path).open(newline="") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != tuple(columns):
                raise RecurateError(f"{path}: its header is not {','.join(columns)}; {_REBUILD}")
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RecurateError(f"{path}: cannot be read as CSV ({error}); {_REBUILD}") from error
    for row in rows:
        if None in row or None in row.values():
            raise RecurateError(f"{path}: a row does not have {len(columns)} values; {_REBUILD}")
    return rows


def read_frame(path: str | Path, columns: Sequence[str], numbers: Mapping[str, type]) -> pandas.DataFrame:
    """Read a large CSV table whose header must be `columns`; columns in `numbers` become numbers of that type.

    Raises RecurateError for a file that is missing, of another format or cut off within a row.
    """
    import pandas as pd

    try:
        kinds = {**dict.fromkeys(columns, str), **numbers}
        found = pd.read_csv(path, dtype=kinds, keep_default_na=False, na_values={})
    except (OSError, ValueError, UnicodeDecodeError) as error:  # pandas' own errors are ValueErrors
        raise RecurateError(f"{path}: cannot be read as CSV ({error}); {_REBUILD}") from error
    if tuple(found.columns) != tuple(columns):
        raise RecurateError(f"{path}: its header is not {','.join(columns)}; {_REBUILD}")
    return found


def write_json(path: str | Path, value: Any) -> None:
    """Write a card: JSON with sorted keys."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True) + "\n")


def read_json(path: str | Path) -> Any:
    """Read a card."""
    try:
        return json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise RecurateError(f"{path}: cannot be read as JSON ({error}); {_REBUILD}") from error


def write_text(path: str | Path, text: str) -> None:
    """Write a text file."""
    with replacing(path) as temporary:
        temporary.write_text(text)
