"""What Snakemake remembers of a result, and what the record beside it says where Snakemake remembers nothing.

Snakemake keeps in `.snakemake` what every output was made from. That is lost with the folder, does not travel with
copied results, and is of another file where one was put in its place. Then the record answers instead, so that
settings, code and data are compared as ever, by Snakemake itself. Only records of such results are read, and only where
a plan is made.

The parts of Snakemake that are touched here and not public were seen with version 9.27.1.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Protocol

from recurate.files import records
from recurate.files.paths import moved
from recurate.files.records import Record
from recurate.foundation.errors import RecurateError
from recurate.workflow.file_notes import noted_digest

if TYPE_CHECKING:
    from snakemake.persistence import MetadataRecord

ANY_SIZE = sys.maxsize  # of a file whose checksum is compared, where a record has one


class Planned(Protocol):
    """A job of Snakemake's graph."""

    input: Iterable[str]
    output: Iterable[str]


class Persistence(Protocol):
    """Snakemake's memory in `.snakemake`."""

    def metadata(self, target: str) -> MetadataRecord | None:
        """What it remembers of an output."""

    def _input_changed(self, job: Planned, file: str) -> bool: ...

    def _write_record(self, key: str, record: MetadataRecord) -> None: ...


def recall(persistence: type[Persistence]) -> None:
    """Let records answer for results that Snakemake does not remember, or that are not those which it remembers."""
    remembered, input_changed = persistence.metadata, persistence._input_changed
    if remembered.__name__ == "recalled":  # of a Snakefile that takes this one in twice
        return

    def recalled(self: Persistence, target: str) -> MetadataRecord | None:
        try:
            known = remembered(self, target)
        except ValueError:  # a damaged file: as if it were gone
            known = None
        return by_record(target, known)

    def has_changed(self: Persistence, job: Planned, file: str) -> bool:
        return input_changed(self, job, file) or bool(is_recalled(file) and exchanged(file))

    persistence.metadata, persistence._input_changed = recalled, has_changed  # type: ignore[method-assign]


def by_record(path: str, remembered: MetadataRecord | None) -> MetadataRecord | None:
    """What is `remembered` of a file if it is of this one, or else what its record says; None if neither is there."""
    try:
        written = os.stat(path).st_mtime
    except OSError:
        return remembered
    if remembered is not None and remembered.endtime == written:
        return remembered
    told = _recalled(str(path), written) or remembered
    if told is None:
        unknown[str(path)] = None
    return told


unknown: dict[str, None] = {}  # files of which nobody knows what they were made from, in the order of asking
_found: dict[str, dict[str, str]] = {}  # SHA-256 of inputs by path, of every file whose record answered


def has_recalled() -> bool:
    """Whether a record answered for any file."""
    return bool(_found)


def is_recalled(path: str) -> bool:
    """Whether a record answered for this file."""
    return path in _found


@cache
def _recalled(path: str, written: float) -> MetadataRecord | None:
    from snakemake.persistence import RECORD_FORMAT_VERSION, MetadataRecord

    try:
        record = records.read(path)
    except RecurateError:  # a file that cannot show what it was made from is made again
        _found[path] = {}
        return MetadataRecord(params=[], input=[], record_format_version=RECORD_FORMAT_VERSION, endtime=written)
    if record is None:
        return None
    inputs = {moved(file, record.log, path): digest for file, digest in record.inputs.items()}
    _found[path] = inputs
    return MetadataRecord(
        rule=record.rule,
        input=sorted(inputs),
        log=[record.log],
        params=_params(record),
        record_format_version=RECORD_FORMAT_VERSION,
        incomplete=False,
        starttime=written,
        endtime=written,
        input_checksums={file: f"sha256:{digest}" for file, digest in inputs.items()},
    )


def _params(record: Record) -> list[str]:
    """Params of the job as Snakemake writes them down: `spec` and `code`, and what others its rule has."""
    spec = [] if record.spec is None else [json.dumps(record.spec)]
    code = [] if record.code_digest is None else [record.code_digest]
    return sorted(map(repr, [*spec, *code, *record.params.values()]))


def exchanged(path: str) -> list[str]:
    """Inputs of a recalled file that hold other bytes than those it was made from.

    Of an input with a record the record tells the digest: whether it is true, a job looks that reads the file.
    """
    return [file for file, digest in _found[path].items() if _digest(file) not in (digest, None)]


@cache
def _digest(path: str) -> str | None:
    """SHA-256 of an input; None if it is not there."""
    if not os.path.exists(path):
        return None
    record = records.readable(path)
    return record.sha256 if record else noted_digest(path)


def remember(persistence: Persistence, inputs: Iterable[str], outputs: Iterable[str]) -> None:
    """Let Snakemake remember what the records of a job's outputs told, and date these no earlier than its inputs."""
    latest = max((os.stat(path).st_mtime_ns for path in inputs if os.path.exists(path)), default=0)
    for path in filter(is_recalled, outputs):
        if told := persistence.metadata(path):
            if (state := os.stat(path)).st_mtime_ns < latest:
                os.utime(path, ns=(state.st_atime_ns, latest))
            told.endtime = os.stat(path).st_mtime
            persistence._write_record(str(path), told)
