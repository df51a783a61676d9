"""Tidy CSV tables: their columns, and the ways in which they are read and written."""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from recurate.files.writing import remedy, replacing
from recurate.foundation.errors import RecurateError
from recurate.foundation.quoting import quoted

if TYPE_CHECKING:
    import pandas

METRIC_COLUMNS = ("study", "arm", "generation", "seed", "metric", "value")

FORECAST_COLUMNS = (*METRIC_COLUMNS, "effective_sample_size")

# What stands in a column, in whatever table; all others hold texts.
WHOLE_NUMBERS = ("generation", "seed", "n")
NUMBERS = (
    "value", "effective_sample_size", "measured", "bound", "margin", "slack", "standard_error", "degrees", "lower",
    "upper", "p_value", "detectable", "control_value", "effect", "slope", "slope_error", "slope_log_corrected",
    "slope_log_corrected_error", "theory", "real_fraction", "decay", "jobs", "cpu_hours", "gpu_hours", "longest_s",
    "peak_memory_mb",
)  # fmt: skip
NUMBERS_OR_NOTHING = ("deviation", "order", "slope_of_law", "disk_mb")
KEYS = ("study", "arm", "control", "claim", "source", "metric", "generation", "seed", "rule")  # no two rows share all


def write_rows(path: str | Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write a tidy CSV table; numbers keep all their digits."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_rows(path: str | Path, columns: Sequence[str], arms: Collection[str] | None = None) -> list[dict[str, str]]:
    """Read a CSV table whose header must be `columns`, all values as text.

    Raises RecurateError, with file, line and column, for a file that is missing, of another format or cut off, for a
    row that stands there twice, for a value that is no number where its column holds numbers, and for an arm that is
    none of `arms` where these are known.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, strict=True)
            if tuple(reader.fieldnames or ()) != tuple(columns):
                raise RecurateError(f"{path}: its header is not {','.join(columns)}; {remedy(path)}")
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RecurateError(f"{path}: cannot be read as CSV ({error}); {remedy(path)}") from error
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise RecurateError(f"{path}, line {number}: does not have {len(columns)} values; {remedy(path)}")
    keys = [column for column in columns if column in KEYS]
    found = set[tuple[str, ...]]()
    for number, row in enumerate(rows if keys else (), 2):
        if (key := tuple(row[column] for column in keys)) in found:
            raise RecurateError(f"{path}, line {number}: {', '.join(key)} stands there twice; {remedy(path)}")
        found.add(key)
    for column in columns:
        if wrong := _wrong(column, [row[column] for row in rows], arms):
            number, value, wanted = wrong
            raise RecurateError(
                f"{path}, line {number + 2}: {column} is {quoted(value)}; wanted is {wanted}; {remedy(path)}"
            )
    return rows


def _wrong(column: str, values: list[str], arms: Collection[str] | None) -> tuple[int, str, str] | None:
    """The first value that does not belong into a column: its number, itself and what is wanted."""
    if column == "arm":
        unknown = (n for n, value in enumerate(values) if arms is not None and value not in arms)
        first = next(unknown, None)
        return None if first is None else (first, values[first], f"an arm of the study, {', '.join(arms or ())}")
    if column in WHOLE_NUMBERS:
        return _first_that(int, values, "a whole number")
    if column in NUMBERS:
        return _first_that(float, values, "a number")
    return _first_that(float, values, "a number or nothing", "") if column in NUMBERS_OR_NOTHING else None


def _first_that(
    takes: Callable[[str], object], values: list[str], wanted: str, also: str | None = None
) -> tuple[int, str, str] | None:
    for number, value in enumerate(values):
        try:
            if value != also:
                takes(value)
        except ValueError:
            return number, value, wanted
    return None


def check_rows(path: Path) -> None:
    """Raise ValueError for a CSV table with a column twice or rows of several lengths: pandas sees other columns."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file, strict=True)
        header = next(rows, [])
        if len(set(header)) < len(header):
            raise ValueError("a column is there twice")
        for row in rows:
            if row and len(row) != len(header):
                raise ValueError(f"line {rows.line_num} has {len(row)} values, not {len(header)}")


def read_frame(path: str | Path, columns: Sequence[str], numbers: Mapping[str, type]) -> pandas.DataFrame:
    """Read a large CSV table whose header must be `columns`; columns in `numbers` become numbers of that type.

    Raises RecurateError as `read_rows` does.
    """
    import pandas as pd

    try:
        kinds = {**dict.fromkeys(columns, str), **numbers}
        table = pd.read_csv(path, dtype=kinds, keep_default_na=False, na_values={})
    except (OSError, ValueError, UnicodeDecodeError) as error:  # pandas' own errors are ValueErrors
        read_rows(path, columns)  # says where
        raise RecurateError(f"{path}: cannot be read as CSV ({error}); {remedy(path)}") from error
    if tuple(table.columns) != tuple(columns):
        raise RecurateError(f"{path}: its header is not {','.join(columns)}; {remedy(path)}")
    return table
