"""The chain of files that leads to a result, and whether it still holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from recurate.files import records
from recurate.files.costs import measurement
from recurate.files.fingerprints import file_digest
from recurate.files.records import Record
from recurate.files.writing import read_json

INTACT = "as written"


@dataclass(frozen=True)
class Link:
    """A file on the way to a result: its record, if it has one, its state, and how long it took in seconds."""

    record: Record | None
    state: str
    seconds: float | None

    @property
    def is_broken(self) -> bool:
        """Whether it was recorded and no longer holds."""
        return self.record is not None and self.state != INTACT

    def to_json(self) -> dict[str, object]:
        """The record with state and seconds."""
        return {**(vars(self.record) if self.record else {}), "state": self.state, "seconds": self.seconds}


def chain(results: Iterable[str]) -> dict[str, Link]:
    """Every file that leads to `results`, these first.

    The state is "as written", "not recorded" for files of the user's own, or says what no longer holds: the file
    differs from its record, is gone, or an input has other bytes than those it was made from.
    """
    links: dict[str, Link] = {}
    digests: dict[str, str | None] = {}
    pending = list(dict.fromkeys(results))
    while pending:
        path = pending.pop(0)
        if path in links:
            continue
        record = records.read(path)
        inputs = record.inputs if record else {}
        for file in (path, *inputs):
            if file not in digests:
                digests[file] = file_digest(file) if Path(file).exists() else None
        measured = measurement(record.log) if record else None
        links[path] = Link(record, _state(path, record, digests), measured.seconds if measured else None)
        pending += [file for file in inputs if file not in links]
    return links


def mixed_versions(provenance: str, folder: str) -> dict[str, dict[str, int]]:
    """Of what several versions made files of one study: how many files each made, by library and version.

    `provenance` holds the study's links as JSON; counted are files below `folder`, for shared data are older than any
    study. Devices are compared within a rule, since light jobs run beside the GPU by design.
    """
    links = read_json(provenance)
    assert isinstance(links, dict), "written by account.py"
    recorded = [path for path, link in links.items() if isinstance(link, dict) and "sha256" in link]
    counts: dict[str, Counter[str]] = {}
    for path in recorded:
        if Path(path).is_relative_to(folder):
            record = Record.model_validate(links[path])
            for name, version in {**record.versions, f"device of {record.rule}": record.device}.items():
                counts.setdefault(name, Counter())[version] += 1
    return {name: dict(sorted(counts[name].items())) for name in sorted(counts) if len(counts[name]) > 1}


def _state(path: str, record: Record | None, digests: dict[str, str | None]) -> str:
    digest = digests[path]
    if digest is None:
        return "is gone"
    if record is None:
        return "not recorded"
    changed = [file for file, written in record.inputs.items() if digests[file] not in (written, None)]
    if wrong := records.difference(path, digest):
        return wrong
    return f"was made from another {changed[0]}" if changed else INTACT
