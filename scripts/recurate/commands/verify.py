"""Compare every result with its record, and make again those that differ or are gone.

Usage: python scripts/manage.py verify [--rebuild] [FOLDER ..] [--snakemake ARGUMENT ..]
Without folders: the results and the data folder. Exit status 0 if everything is as it was written, else 1.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

from recurate.commands.stopping import supervised
from recurate.files import records
from recurate.files.paths import results_of
from recurate.foundation.places import shipped
from recurate.study.reading import read_config
from recurate.workflow.claims import claimed, held


def damaged(folder: Path) -> dict[Path, str]:
    """Files below a folder that do not hold what was written, or are gone, with how they differ."""
    if not folder.is_dir():
        return {folder: "is no folder; name one of results"}
    recorded = records.recorded(folder)
    if not recorded:
        return {folder: "holds no recorded result; nothing was made there, or all of it is gone"}
    faults = {path: wrong for path in recorded if (wrong := fault(path))}
    return {**closed(folder), **faults, **vanished(recorded)}


def fault(path: Path) -> str | None:
    """What is wrong with a recorded file or its record, as the end of a sentence; None if nothing is."""
    digest, wrong = records.look(path)
    return wrong or records.difference(path, digest)


def closed(folder: Path) -> dict[Path, str]:
    """Folders below one that cannot be looked into, with why."""
    errors = list[OSError]()
    for _ in os.walk(folder, onerror=errors.append):
        continue
    return {Path(error.filename): f"cannot be looked into ({error.strerror})" for error in errors}


def gone(folder: Path) -> list[Path]:
    """Files that were written below a folder and are not there any more."""
    recorded = records.recorded(folder)
    return [*(path for path in recorded if not os.path.lexists(path)), *vanished(recorded)]


def vanished(recorded: Iterable[Path]) -> dict[Path, str]:
    """Files that are gone together with their records, as the records of what was made from them tell.

    Records name inputs as the job saw them, which says nothing where results were moved.
    """
    gone = {}
    for path in recorded:
        record = records.readable(path)
        inputs = record.inputs if record and _results_of(path) else ()
        gone.update(
            {Path(file): f"is gone, from which {path} was made" for file in inputs if not os.path.lexists(file)}
        )
    return {path: wrong for path, wrong in gone.items() if not os.path.lexists(records.record_of(path))}


def rebuild(paths: list[Path], arguments: list[str]) -> int:
    """Make files again; returns Snakemake's exit status.

    A file that came out as it was written gets its old time too, so that nothing made from it is made again, and so do
    others that its job writes. One that could not be made stays as it was, and is found again.
    """
    with ExitStack() as claims:
        for results in {Path(found) for path in paths if (found := _results_of(path))}:
            claims.enter_context(claimed(results))
        return _made_again(paths, arguments)


def _results_of(path: Path) -> str | None:
    """The results folder that a file belongs to, by its record."""
    record = records.readable(path)
    if record is None:
        return None
    return results_of(record.log, path if Path(record.log).is_absolute() else os.path.relpath(path))


def _made_again(paths: list[Path], arguments: list[str]) -> int:
    before = {path: (written_digest(path), times_of(path)) for path in _of_their_jobs(paths)}
    there = [path for path in paths if os.path.lexists(path)]
    aside = {path: path.rename(path.with_name(f".damaged-{path.name}")) for path in there}
    command = [sys.executable, str(shipped("scripts/manage.py")), "run", *arguments, "--", *map(str, paths)]
    status = supervised(command, os.environ, held())
    for path, damaged_one in aside.items():
        if not path.exists():
            damaged_one.rename(path)
        elif damaged_one.is_dir() and not damaged_one.is_symlink():
            print(f"{damaged_one}: the folder that was in the place of {path.name}; remove it if nobody needs it")
        else:
            damaged_one.unlink()
    for path, (digest, times) in before.items():
        if times and digest and records.look(path)[0] == digest:
            for file in (path, records.record_of(path)):
                os.utime(file, ns=(times, times))
    return status


def written_digest(path: Path) -> str:
    """Digest of what a file's job wrote: its record tells, or the file where that is damaged; empty if neither does."""
    record = records.readable(path)
    return record.sha256 if record else records.look(path)[0]


def times_of(path: Path) -> int | None:
    """When a file was recorded, in nanoseconds, if it was."""
    record = records.record_of(path)
    return record.stat().st_mtime_ns if record.is_file() else None


def _of_their_jobs(paths: list[Path]) -> list[Path]:
    """Files that the jobs write which wrote `paths`, these among them."""
    jobs = {record.log for path in paths if (record := records.readable(path))}
    beside = {path for folder in {path.parent for path in paths} for path in records.recorded(folder)}
    same = [path for path in beside if (record := records.readable(path)) and record.log in jobs]
    return sorted({*paths, *same})


def main(arguments: list[str]) -> int:
    """Name what is damaged; returns 1 if something is and stays."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--rebuild", action="store_true", help="make damaged files again")
    parser.add_argument("--snakemake", nargs=argparse.REMAINDER, default=[], help="what Snakemake is called with then")
    given = parser.parse_args(arguments)
    folders = [_as_configured(folder) for folder in given.folders] or _of_configuration()
    faults = {path: wrong for folder in folders for path, wrong in damaged(folder).items()}
    _tell(faults)
    ours = [path for path in faults if _can_be_made(path, folders)]
    if not (given.rebuild and ours):
        return int(bool(faults))
    status = rebuild(ours, given.snakemake or ["--cores", "all"])
    left = {path: now for path, wrong in faults.items() if (now := fault(path) if path in ours else wrong)}
    _tell(left)
    return status or int(bool(left))


def _can_be_made(path: Path, folders: Iterable[Path]) -> bool:
    """Whether a job may make a file again: one that was recorded, or that is gone from one of the folders."""
    is_gone_from = not os.path.lexists(path) and any(folder in path.parents for folder in folders)
    return os.path.lexists(records.record_of(path)) or is_gone_from


def _tell(faults: Mapping[Path, str]) -> None:
    for path, wrong in faults.items():
        print(f"{path} {wrong}")
    if not faults:
        print("every recorded file is as it was written")


def _as_configured(folder: Path) -> Path:
    """A folder by the name that it has below the configured results, which is how records and targets call it."""
    results = Path(read_config().results)
    place, root = folder.resolve(), results.resolve()
    return results / place.relative_to(root) if place.is_relative_to(root) else folder


def _of_configuration() -> list[Path]:
    """The results folder and, once something was fetched, the data folder."""
    config = read_config()
    data = Path(config.data)
    return [Path(config.results), *([data] if data.is_dir() and records.recorded(data) else [])]
