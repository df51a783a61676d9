"""The record beside every result: who wrote it, from what, and the digest of its bytes.

`model.safetensors` has `.model.safetensors.record`, JSON that the job writes after its outputs. Before a job reads a
file it compares the file with its record, so that a truncated, altered or exchanged one is found before it is used. A
file without a record is the user's own and is taken as it is.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from recurate.files import manifests
from recurate.files.arrays import read_metadata
from recurate.files.fingerprints import file_digest
from recurate.files.writing import TEMPORARY, read_sealed, write_sealed
from recurate.foundation.errors import RecurateError

Look = tuple[str, str | None]  # digest of a file, or what is wrong with it
LIBRARIES = ("matplotlib", "numpy", "pandas", "scipy", "seaborn", "torch", "torchvision")
SUFFIX = ".record"
REMEDY = "make verify ARGS=--rebuild makes damaged files again"


class Work(BaseModel):
    """What a job says of itself: rule, wildcards, log, settings, and digests of its inputs, settings and code.

    `params` are what others its rule has.
    """

    model_config = ConfigDict(extra="forbid")  # the name of a key may be damaged too
    rule: str
    wildcards: dict[str, str] = {}
    log: str = ""
    inputs: dict[str, str] = {}  # SHA-256 by path
    spec: JsonValue = None
    spec_digest: str = ""
    code_digest: str | None = None
    params: dict[str, JsonValue] = {}


class Record(Work):
    """That, of one of its outputs with the SHA-256 of its bytes; `device` and library `versions` are the job's."""

    device: str
    versions: dict[str, str]
    sha256: str


def record_of(path: str | Path) -> Path:
    """Where the record of a file lies."""
    path = Path(path)
    return path.with_name(f".{path.name}{SUFFIX}")


def recorded(folder: Path) -> list[Path]:
    """Files below a folder that have a record, whether or not they are still there.

    Records that another job is still writing are not among them.
    """
    records = sorted(folder.rglob(f".*{SUFFIX}"))
    whole = [record for record in records if not record.name.startswith(TEMPORARY)]
    return [record.with_name(record.name.removeprefix(".").removesuffix(SUFFIX)) for record in whole]


def read(path: str | Path) -> Record | None:
    """The record of a file, or None if it has none; raises RecurateError for one that is damaged."""
    record = record_of(path)
    return _parsed(record) if os.path.lexists(record) else None


def readable(path: str | Path) -> Record | None:
    """The record of a file, or None if it has none that is whole; `difference` tells which."""
    try:
        return read(path)
    except RecurateError:
        return None


def _parsed(path: Path) -> Record:
    """The record in a file, also one of a former version, which has no seal and fewer keys."""
    card = read_sealed(path, REMEDY)
    try:
        return Record.model_validate(card)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise RecurateError(f"{path}: is no record ({key}: {first['msg']}); {REMEDY}") from error


def look(path: str | Path) -> Look:
    """Digest of a file, or why it has none, as the end of a sentence; the digest of those is empty."""
    path = Path(path)
    try:
        return file_digest(path), None
    except FileNotFoundError:
        return "", "is a link to what is not there" if path.is_symlink() else "is gone"
    except IsADirectoryError:
        return "", "is a folder, where a file was written"
    except OSError as error:
        return "", f"cannot be read ({error.strerror})"


def difference(path: str | Path, digest: str) -> str | None:
    """How a file with this digest differs from its record, as the end of a sentence; None if it has none or agrees."""
    try:
        record = read(path)
    except RecurateError:
        return f"has a damaged record, {record_of(path).name}"
    if record is None or record.sha256 == digest:
        return None
    return f"does not hold the bytes that {record.rule} wrote{_twin(Path(path), digest)}"


def check(inputs: Iterable[str]) -> dict[str, str]:
    """Digest of every input; raises RecurateError for one that differs from its record.

    Of an input that lists what a generation was trained on, so do the listed files, back to the first generation; of
    these the record of whoever made the list tells the digests.
    """
    digests = {path: _as_recorded(path) for path in inputs}
    for path in digests:
        if Path(path).name == manifests.NAME:
            _check_listed(path)
    return digests


def _as_recorded(path: str) -> str:
    digest, wrong = look(path)
    if wrong := wrong or difference(path, digest):
        raise RecurateError(f"{path} {wrong}; {REMEDY}")
    return digest


def _check_listed(path: str) -> None:
    """Raise RecurateError for a file in the list in `path`, or in those before it, that is gone or differs."""
    for of, manifest in manifests.lists(path):
        for listed in filter(None, (manifest.samples, manifest.curated, manifest.before)):
            file = manifests.place(of, listed)
            if not Path(file).exists():
                raise RecurateError(f'{file}, which {of} lists, is gone; make it again: make study ARGS="-- {file}"')
            if _as_recorded(file) != listed.sha256:
                raise RecurateError(
                    f"{file} is not the file that {of} lists; touch it and run the study again, which trains anew what "
                    "was trained on it"
                )


def forget(outputs: Iterable[str]) -> None:
    """Remove the records of files that are about to be written."""
    for path in outputs:
        record_of(path).unlink(missing_ok=True)


def write(outputs: Iterable[str], work: Work) -> None:
    """Write the records of a job's outputs: what it says of itself, device, library versions, digests."""
    outputs = list(outputs)
    arrays = [path for path in outputs if path.endswith(".safetensors")]
    device = read_metadata(arrays[0]).get("device", "cpu") if arrays else "cpu"
    loaded = {name: version(name) for name in LIBRARIES if name in sys.modules}
    versions = {"python": platform.python_version(), **loaded}
    for path in outputs:
        record = Record(**vars(work), device=device, versions=versions, sha256=file_digest(path))
        write_sealed(record_of(path), vars(record))


def _twin(path: Path, digest: str) -> str:
    """Which other generation's file of the same name has this digest, as part of a sentence."""
    for record in sorted(path.parent.parent.glob(f"*/{record_of(path).name}")):
        other = record.parent / path.name
        if other != path and (found := readable(other)) and found.sha256 == digest:
            return f", but those of {other}"
    return ""
