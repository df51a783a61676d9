"""Digests of files that a study opens, such as texts or weights, noted so that none is read again that did not change.

A file counts as unchanged while its place on the disk, its size and all its times are the same: that of its last change
of any kind is set by the system alone, so that a file which brings an old date with it is seen.
"""

from __future__ import annotations

import atexit
import os
import sys
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from recurate.files.fingerprints import file_digest
from recurate.files.writing import read_sealed, write_sealed
from recurate.foundation.errors import RecurateError

NOTES = Path(".snakemake/recurate-files.json")
Note = tuple[str, list[int]]  # of a file: the SHA-256 of its bytes, and how it was found
NOTES_OF = TypeAdapter(dict[str, Note])  # by path


def noted_digest(path: str) -> str:
    """SHA-256 of a file's bytes, as 64 hex digits."""
    notes, found = _notes(), _found(path)
    if path not in notes or notes[path][1] != found:
        notes[path] = (file_digest(path), found)
    return notes[path][0]


def _found(path: str) -> list[int]:
    state = os.stat(path)
    return [state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns]


@cache
def _notes() -> dict[str, Note]:
    """What was noted before; written down when the process ends."""
    notes = _kept()
    noted = dict(notes)

    def keep() -> None:
        if notes != noted and os.access(NOTES.parent, os.W_OK):
            try:
                write_sealed(NOTES, {path: note for path, note in notes.items() if os.path.exists(path)})
            except RecurateError as error:  # only the next plan takes longer
                print(error, file=sys.stderr)

    atexit.register(keep)
    return notes


def _kept() -> dict[str, Note]:
    """Notes of an earlier run; none, with a notice, if they are damaged, for they are made anew."""
    try:
        return NOTES_OF.validate_python(read_sealed(NOTES, "it is made anew")) if NOTES.exists() else {}
    except (RecurateError, ValidationError) as error:
        print(str(error) if isinstance(error, RecurateError) else f"{NOTES}: is made anew", file=sys.stderr)
        return {}
