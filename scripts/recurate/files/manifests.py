"""What a generation was trained on beside real data: a list of files and their digests, chained to the list before.

Where data accumulate, a generation is trained on what was kept of all generations before it. Its job names the files of
the last one, and the last one's list for all earlier: `trained_on.json`, which training writes beside its model. A
list holds the digest of the list before it, so that a change in an early generation changes every later list.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ValidationError

from recurate.files.fingerprints import file_digest
from recurate.files.writing import REBUILD, read_json, write_json
from recurate.foundation.errors import RecurateError

NAME = "trained_on.json"


class Listed(BaseModel):
    """A file, by its path from the folder of the list, and the SHA-256 of its bytes."""

    path: str
    sha256: str


class Manifest(BaseModel):
    """Samples of the last generation and what was kept of them; the list before, where earlier ones were used too.

    `curated` is None where no reward decides what is kept, so that training knows it by itself.
    """

    samples: Listed | None
    curated: Listed | None
    before: Listed | None


def write(path: str | Path, samples: str | None, curated: str | None, before: str | None) -> None:
    """Write the list of a generation that was trained on these files; all are None where samples are drawn afresh."""
    names = {"samples": samples, "curated": curated, "before": before}
    write_json(path, {name: _listed(path, file) if file else None for name, file in names.items()})


def _listed(path: str | Path, file: str) -> dict[str, str]:
    return vars(Listed(path=os.path.relpath(file, Path(path).parent), sha256=file_digest(file)))


def read(path: str | Path) -> Manifest:
    """The list in a file; raises RecurateError for a file that is gone or holds none."""
    try:
        return Manifest.model_validate(read_json(path))
    except ValidationError as error:
        raise RecurateError(f"{path}: is no list of files ({error.errors()[0]['msg']}); {REBUILD}") from error


def place(path: str | Path, listed: Listed) -> str:
    """Path of a file that the list in `path` holds."""
    return os.path.normpath(Path(path).parent / listed.path)


def lists(path: str | None) -> Iterator[tuple[str, Manifest]]:
    """The list in `path` and those that it follows from, last first, each with its path; nothing of None."""
    seen = set[str]()
    while path:
        if path in seen:
            raise RecurateError(f"{path}: is a list that follows from itself; {REBUILD}")
        seen.add(path)
        manifest = read(path)
        yield path, manifest
        path = place(path, manifest.before) if manifest.before else None


def kept_before(path: str | None) -> list[tuple[str, str | None]]:
    """Samples and curated set of every generation in the list in `path` and those before it, the first one first."""
    found = [
        (place(of, manifest.samples), place(of, manifest.curated) if manifest.curated else None)
        for of, manifest in lists(path)
        if manifest.samples
    ]
    return found[::-1]
