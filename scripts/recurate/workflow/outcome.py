"""What a run leaves behind, in a few lines: of what was asked for, never of what happens to lie there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from recurate.files import records
from recurate.files.fingerprints import file_digest
from recurate.files.paths import Layout

REBUILT = "make verify ARGS=--rebuild"
FEW = 5  # files that are named one by one
NOUNS = {".pdf": "figure", ".gif": "animation", ".csv": "table"}  # files of other kinds go without saying


def made(requested: Iterable[str], layout: Layout) -> list[str]:
    """Lines about the files that were asked for and are there: one by one if they are few, else for each folder."""
    files = [Path(file) for file in requested if Path(file).exists()]
    report = Path(layout.report)
    others = [file for file in files if file != report]
    lines = [str(file) for file in others] if len(others) <= FEW else _by_study(others, Path(layout.results))
    return lines + ([f"report: {report}"] if report in files else [])


def damaged(requested: Iterable[str]) -> list[str]:
    """Lines about files that were asked for and are not as written, which no job notices that reads none of them."""
    found = ((file, records.difference(file, file_digest(file))) for file in requested if Path(file).is_file())
    lines = [f"{file} {wrong}" for file, wrong in found if wrong]
    return [*lines, f"{REBUILT} makes {'it' if len(lines) == 1 else 'them'} again"] if lines else []


def _by_study(files: Iterable[Path], results: Path) -> list[str]:
    """A line for every folder below the results, with the numbers of tables and figures in it."""
    counts = dict[Path, Counter[str]]()
    for file in files:
        inner = file.relative_to(results).parts if file.is_relative_to(results) else ()
        folder = results / inner[0] if len(inner) > 1 else file.parent
        counts.setdefault(folder, Counter())[NOUNS.get(file.suffix, "")] += 1
    return [f"{folder}: {_told(count)}" for folder, count in counts.items()]


def _told(count: Counter[str]) -> str:
    known = [counted(count[noun], noun) for noun in NOUNS.values() if count[noun]]
    return ", ".join(known) or counted(count.total(), "file")


def counted(count: int, noun: str) -> str:
    """A count with its noun: 1 job, 2 jobs."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
