"""The chain of files that leads to a result, and whether it still holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from recurate.files import records
from recurate.files.costs import measurement
from recurate.files.records import Look, Record
from recurate.files.writing import REBUILD, read_json
from recurate.foundation.errors import RecurateError

INTACT, NOT_RECORDED = "as written", "not recorded"


@dataclass(frozen=True)
class Link:
    """A file on the way to a result: its record, if it has one, its state, and how long it took in seconds."""

    record: Record | None
    state: str
    seconds: float | None

    @property
    def is_broken(self) -> bool:
        """Whether it no longer holds, or is gone."""
        return self.state not in (INTACT, NOT_RECORDED)

    def to_json(self) -> dict[str, object]:
        """The record with state and seconds."""
        return {**(vars(self.record) if self.record else {}), "state": self.state, "seconds": self.seconds}


def chain(results: Iterable[str]) -> dict[str, Link]:
    """Every file that leads to `results`, these first.

    The state is "as written", "not recorded" for files of the user's own, or says what no longer holds: the file
    differs from its record, which may be damaged, is gone, or an input has other bytes than those it was made from.
    """
    links: dict[str, Link] = {}
    looks: dict[str, Look] = {}
    pending = list(dict.fromkeys(results))
    while pending:
        path = pending.pop(0)
        if path in links:
            continue
        record = records.readable(path)
        inputs = record.inputs if record else {}
        for file in (path, *inputs):
            if file not in looks:
                looks[file] = records.look(file)
        measured = measurement(record.log, path) if record else None
        links[path] = Link(record, _state(path, record, looks), measured.seconds if measured else None)
        pending += [file for file in inputs if file not in links]
    return links


def mixed_versions(provenance: str, folder: str) -> dict[str, dict[str, int]]:
    """Of what several versions made files of one study: how many files each made, by library and version.

    `provenance` holds the study's links as JSON; counted are files below `folder`, for shared data are older than any
    study. Devices are compared within a rule, since light jobs run beside the GPU by design.
    """
    counts: dict[str, Counter[str]] = {}
    for path, record in _recorded(provenance):
        if Path(path).is_relative_to(folder):
            for name, version in {**record.versions, f"device of {record.rule}": record.device}.items():
                counts.setdefault(name, Counter())[version] += 1
    return {name: dict(sorted(counts[name].items())) for name in sorted(counts) if len(counts[name]) > 1}


def _recorded(provenance: str) -> Iterator[tuple[str, Record]]:
    """Recorded links in a file of them, by path; raises RecurateError for a file that is damaged."""
    links = read_json(provenance)
    try:
        for path, link in links.items() if isinstance(links, dict) else ():
            if isinstance(link, dict) and "sha256" in link:
                yield path, Record.model_validate({key: link[key] for key in Record.model_fields if key in link})
    except ValidationError as error:
        raise RecurateError(f"{provenance}: {path} has no whole record in it; {REBUILD}") from error


def _state(path: str, record: Record | None, looks: dict[str, Look]) -> str:
    digest, wrong = looks[path]
    if wrong := wrong or records.difference(path, digest):
        return wrong
    if record is None:
        return NOT_RECORDED
    changed = [file for file, written in record.inputs.items() if looks[file][0] not in (written, "")]
    return f"was made from another {changed[0]}" if changed else INTACT
