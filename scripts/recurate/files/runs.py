"""Runs of the study: when, by which command, from which commit, on which machine; a file each, written when it starts.

Records of results say nothing of it, so that they are the same in every run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, JsonValue, ValidationError

from recurate.files.paths import PUBLISHED, RUN, runs_in
from recurate.files.records import Record, record_of
from recurate.files.writing import read_json, remedy, write_json
from recurate.foundation.errors import RecurateError


class Run(BaseModel):
    """A run of Snakemake: seconds since 1970 when it started, and logs of the jobs that it was to run.

    `commit` is None outside of git; `changed` are paths that it does not hold as they were.
    """

    started: float
    command: str
    commit: str | None
    changed: list[str]
    host: str
    hardware: dict[str, JsonValue]
    config: dict[str, JsonValue]
    jobs: list[str]


class Published(BaseModel):
    """A run whose tables and figures were published: its command, commit and machine."""

    command: str
    commit: str
    hardware: dict[str, JsonValue]


class Leg(BaseModel):
    """A part of a training that was run in one go."""

    training: dict[str, JsonValue]
    seconds: float
    hardware: str


class Card(BaseModel):
    """What stands beside published parameters: what they were trained on, by which command and commit, where."""

    data: dict[str, JsonValue]
    command: str
    commit: str
    legs: list[Leg]
    sha256: str


def card_of(path: str) -> Card | None:
    """The card beside published parameters, if the file is such. Raises RecurateError if it cannot be read."""
    file, card = Path(path), Path(path).with_suffix(".json")
    if file.suffix != ".safetensors" or PUBLISHED not in file.absolute().parts or not card.is_file():
        return None
    try:
        return Card.model_validate(read_json(card))
    except ValidationError as error:
        raise RecurateError(f"{card}: does not say what trained the parameters beside it; {remedy(card)}") from error


def published_with(path: str) -> tuple[str, Published] | None:
    """The `run.json` that stands above a file in a folder of published runs, and what it says, if there is one.

    Raises RecurateError if it cannot be read.
    """
    folders = [folder for folder in Path(path).absolute().parents if folder.parent.name == PUBLISHED]
    notes = [folder / RUN for folder in folders if (folder / RUN).is_file()]
    if not notes:
        return None
    note = os.path.relpath(notes[0])
    try:
        return note, Published.model_validate(read_json(note))
    except ValidationError as error:
        raise RecurateError(
            f"{note}: does not say by which command, commit and machine; publish the run anew"
        ) from error


def write(results: str, run: Run) -> None:
    """Write a run down below the results that it makes."""
    write_json(Path(runs_in(results), f"{run.started:.3f}.json"), run.model_dump(mode="json"))


def runs(results: str) -> Iterator[Run]:
    """Runs that are written down, the first first; one that cannot be read is left out."""
    for path in sorted(Path(runs_in(results)).glob("*.json")):
        try:
            yield Run.model_validate(read_json(path))
        except (RecurateError, ValidationError):
            continue


def runs_by_log(results: str) -> dict[str, list[Run]]:
    """Runs that were to run the job with a log, by the log, the first first."""
    found: dict[str, list[Run]] = {}
    for run in runs(results):
        for log in run.jobs:
            found.setdefault(log, []).append(run)
    return found


def run_of(path: str, record: Record, by_log: Mapping[str, Sequence[Run]]) -> Run | None:
    """The run that made a recorded file, if it is known.

    That is the last one that was to run its job and had started when the file was recorded; of results that were copied
    without their times the last one that was to run it.
    """
    to_run, written = by_log.get(record.log, ()), record_of(path).stat().st_mtime
    return next((run for run in reversed(to_run) if run.started <= written), to_run[-1] if to_run else None)
