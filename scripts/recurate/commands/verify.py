"""Compare every result with its record, and make again those that differ.

Usage: python scripts/manage.py verify [--rebuild] [FOLDER ..] [--snakemake ARGUMENT ..]
Without folders: the results and the data folder.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from recurate.files import records
from recurate.files.fingerprints import file_digest
from recurate.study.reading import read_config


def damaged(folder: Path) -> dict[Path, str]:
    """Files below a folder that do not hold what was written, with how they differ."""
    faults = {}
    for path in records.recorded(folder):
        if path.exists() and (wrong := records.difference(path, file_digest(path))):
            faults[path] = wrong
    return faults


def rebuild(paths: list[Path], arguments: list[str]) -> int:
    """Make files again; returns Snakemake's exit status.

    A file that came out as its record has it gets its old time too, so that nothing made from it is made again, and so
    do others that its job writes. One that could not be made stays as it was, and is found again.
    """
    before = {path: (records.read(path), records.record_of(path).stat().st_mtime_ns) for path in _of_their_jobs(paths)}
    aside = {path: path.rename(path.with_name(f".damaged-{path.name}")) for path in paths}
    command = [sys.executable, "scripts/manage.py", "run", *arguments, "--", *map(str, paths)]
    status = subprocess.run(command, check=False).returncode
    for path, damaged_one in aside.items():
        if path.exists():
            damaged_one.unlink()
        else:
            damaged_one.rename(path)
    for path, (record, written) in before.items():
        if record and path.exists() and file_digest(path) == record.sha256:
            for file in (path, records.record_of(path)):
                os.utime(file, ns=(written, written))
    return status


def _of_their_jobs(paths: list[Path]) -> list[Path]:
    """Files that the jobs write which wrote `paths`, these among them."""
    jobs = {record.log for path in paths if (record := records.read(path))}
    beside = {path for folder in {path.parent for path in paths} for path in records.recorded(folder)}
    same = [path for path in beside if (record := records.read(path)) and record.log in jobs]
    return sorted({*paths, *same})


def main(arguments: list[str]) -> int:
    """Name what is damaged; returns 1 if something is and stays."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--rebuild", action="store_true", help="make damaged files again")
    parser.add_argument("--snakemake", nargs=argparse.REMAINDER, default=[], help="what Snakemake is called with then")
    given = parser.parse_args(arguments)
    config = read_config()
    folders = given.folders or [Path(config.results), Path(config.data)]
    faults = {path: wrong for folder in folders for path, wrong in damaged(folder).items()}
    print(*(f"{path} {wrong}" for path, wrong in faults.items()), sep="\n", end="\n" if faults else "")
    if not faults:
        print("every recorded file is as it was written")
        return 0
    return rebuild(list(faults), given.snakemake or ["--cores", "all"]) if given.rebuild else 1
