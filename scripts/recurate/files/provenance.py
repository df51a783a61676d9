"""The chain of files that leads to a result, and whether it still holds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from recurate.files import records
from recurate.files.costs import measurement
from recurate.files.fingerprints import file_digest

INTACT = "as written"


def chain(results: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Every file that leads to `results`, these first: its record, its `seconds`, its `state`.

    The state is "as written", "not recorded" for files of the user's own, or says what no longer holds: the file
    differs from its record, is gone, or an input has other bytes than those it was made from.
    """
    links: dict[str, dict[str, Any]] = {}
    digests: dict[str, str | None] = {}
    pending = list(dict.fromkeys(results))
    while pending:
        path = pending.pop(0)
        if path in links:
            continue
        record = records.read(path) or {}
        inputs = record.get("inputs", {})
        for file in (path, *inputs):
            if file not in digests:
                digests[file] = file_digest(file) if Path(file).exists() else None
        measured = measurement(record.get("log"))
        seconds = measured.seconds if measured else None
        links[path] = {**record, "state": _state(path, record, digests), "seconds": seconds}
        pending += [file for file in inputs if file not in links]
    return links


def _state(path: str, record: dict[str, Any], digests: dict[str, str | None]) -> str:
    digest = digests[path]
    if digest is None:
        return "is gone"
    if not record:
        return "not recorded"
    changed = [file for file, known in record["inputs"].items() if digests[file] not in (known, None)]
    if wrong := records.difference(path, digest):
        return wrong
    return f"was made from another {changed[0]}" if changed else INTACT
