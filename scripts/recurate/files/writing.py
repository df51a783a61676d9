"""Files are written whole or not at all.

A file is written under a temporary name in its own folder and then renamed, so that what carries the final name is
complete. File and folder are flushed to the disk, so that this holds after a power failure too.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from recurate.files.fingerprints import spec_digest
from recurate.files.paths import PUBLISHED
from recurate.foundation.errors import RecurateError

if TYPE_CHECKING:
    from pydantic import JsonValue


TEMPORARY = ".tmp"  # what the names of files that are still being written begin with, those of safetensors as well
SEAL = "sealed"  # the key of a card's digest of all its other keys
NOT_FLUSHED = (errno.EINVAL, errno.ENOTSUP, errno.EACCES)  # of folders that cannot be flushed, or not be listed


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path in the folder of `path`; rename it to `path` on success, delete it on failure.

    The temporary name keeps the suffix, which libraries read as the format. Who may read the file is for the umask to
    say.
    """
    path = Path(path)
    temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    except OSError as error:
        raise RecurateError(f"{path}: cannot be written ({error.strerror}); check the folder's permissions") from error
    try:
        mode = os.fstat(handle).st_mode & 0o777
        os.close(handle)
        yield temporary
        temporary.chmod(mode)  # safetensors puts a file of its own there
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        raise RecurateError(f"{path}: writing failed ({error.strerror}); free space or check the folder") from error
    finally:
        temporary.unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where the file system can tell."""
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in NOT_FLUSHED:
            raise


REBUILD = "delete the file and run the study again, which rebuilds it"


def remedy(path: str | Path) -> str:
    """What helps where a file of results is not what it should be."""
    published = PUBLISHED in Path(path).parts
    return f"restore what was published: git checkout -- {path}" if published else REBUILD


def write_json(path: str | Path, value: object) -> None:
    """Write a card: JSON with sorted keys."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True) + "\n")


def read_json(path: str | Path, remedy: str = REBUILD) -> JsonValue:
    """Read a card; raises RecurateError for one that is missing or damaged, with what helps."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RecurateError(f"{path}: cannot be read as JSON ({error}); {remedy}") from error


def write_sealed(path: str | Path, card: Mapping[str, object]) -> None:
    """Write a card, its keys in their order, with a digest of what it says: a changed byte would falsify it unseen."""
    plain = json.loads(json.dumps(card))  # keys as text, in whose order they are digested
    write_text(path, json.dumps({**plain, SEAL: spec_digest(plain)}, indent=2) + "\n")


def read_sealed(path: str | Path, remedy: str = REBUILD) -> dict[str, JsonValue]:
    """Read such a card; one without a digest, of a former version, is taken as it is.

    Raises RecurateError for a card that is missing, damaged or no mapping.
    """
    card = read_json(path, remedy)
    if not isinstance(card, dict):
        raise RecurateError(f"{path}: is no card (it holds no keys); {remedy}")
    if card.pop(SEAL, None) not in (None, spec_digest(card)):
        raise RecurateError(f"{path}: does not say what was written; {remedy}")
    return card


def write_text(path: str | Path, text: str) -> None:
    """Write a text file."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
