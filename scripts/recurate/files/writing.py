"""Files are written whole or not at all.

A file is written under a temporary name in its own folder and then renamed, so that what carries the final name is
complete.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from recurate.foundation.errors import RecurateError

if TYPE_CHECKING:
    from pydantic import JsonValue


TEMPORARY = ".tmp"  # what the names of files that are still being written begin with, those of safetensors as well


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


REBUILD = "delete the file and run the study again, which rebuilds it"


def write_json(path: str | Path, value: object) -> None:
    """Write a card: JSON with sorted keys."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True) + "\n")


def read_json(path: str | Path) -> JsonValue:
    """Read a card."""
    try:
        return json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise RecurateError(f"{path}: cannot be read as JSON ({error}); {REBUILD}") from error


def write_text(path: str | Path, text: str) -> None:
    """Write a text file."""
    with replacing(path) as temporary:
        temporary.write_text(text)
