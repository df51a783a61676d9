"""Tidy CSV tables: their columns, and the ways in which they are read and written."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from recurate.files.writing import REBUILD, replacing
from recurate.foundation.errors import RecurateError

if TYPE_CHECKING:
    import pandas

METRIC_COLUMNS = ("study", "arm", "generation", "seed", "metric", "value")

FORECAST_COLUMNS = (*METRIC_COLUMNS, "effective_sample_size")


def write_rows(path: str | Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write a tidy CSV table; numbers keep all their digits."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_rows(path: str | Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Read a CSV table whose header must be `columns`, all values as text.

    Raises RecurateError for a file that is missing, of another format or cut off within a row.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != tuple(columns):
                raise RecurateError(f"{path}: its header is not {','.join(columns)}; {REBUILD}")
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RecurateError(f"{path}: cannot be read as CSV ({error}); {REBUILD}") from error
    for row in rows:
        if None in row or None in row.values():
            raise RecurateError(f"{path}: a row does not have {len(columns)} values; {REBUILD}")
    return rows


def read_frame(path: str | Path, columns: Sequence[str], numbers: Mapping[str, type]) -> pandas.DataFrame:
    """Read a large CSV table whose header must be `columns`; columns in `numbers` become numbers of that type.

    Raises RecurateError for a file that is missing, of another format or cut off within a row.
    """
    import pandas as pd

    try:
        kinds = {**dict.fromkeys(columns, str), **numbers}
        table = pd.read_csv(path, dtype=kinds, keep_default_na=False, na_values={})
    except (OSError, ValueError, UnicodeDecodeError) as error:  # pandas' own errors are ValueErrors
        raise RecurateError(f"{path}: cannot be read as CSV ({error}); {REBUILD}") from error
    if tuple(table.columns) != tuple(columns):
        raise RecurateError(f"{path}: its header is not {','.join(columns)}; {REBUILD}")
    return table
