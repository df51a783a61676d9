"""Points of one's own, a row of a table each."""

from __future__ import annotations

import csv
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import Field

from recurate.data import Description, RealData
from recurate.data.parts.own_files import OwnFiles, place
from recurate.files.tables import check_rows
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.foundation.quoting import quoted

if TYPE_CHECKING:
    import numpy
    import pandas


class Table(OwnFiles):
    """Rows of a table (CSV with a line of names, or Parquet): columns of numbers are a sample, one may be its class."""

    file: str = Field(description="path of the table, NAME.csv or NAME.parquet")
    columns: tuple[str, ...] | None = Field(
        None, min_length=1, description="columns that are learnt; all but the label's if none"
    )
    label: str | None = Field(None, description="column of the classes, texts or numbers; no classes if none")

    @property
    def files(self) -> tuple[str, ...]:
        return (str(place("file", self.file, folder=False)),)

    def _read(self, columns: list[str] | None) -> pandas.DataFrame:
        """Some columns of the table, or all. Raises RecurateError if it cannot be read."""
        import pandas as pd

        path = place("file", self.file, folder=False)
        try:
            if path.suffix == ".csv":
                if columns != [self.label]:  # which is read in every parse of the Snakefile
                    check_rows(path)
                return pd.read_csv(path, usecols=columns)
            if path.suffix == ".parquet":
                return pd.read_parquet(path, columns=columns)
        except (OSError, ValueError, KeyError, csv.Error) as error:  # pandas' and Arrow's own errors are ValueErrors
            raise RecurateError(f"{path}: cannot be read as a table ({quoted(str(error))}); write it anew") from error
        raise RecurateError(f"file: {self.file}: wanted is a table NAME.csv or NAME.parquet")

    @cached_property
    def _named(self) -> list[str]:
        """Names of its columns, without reading the rows."""
        import pandas as pd
        from pyarrow.parquet import read_schema

        path = place("file", self.file, folder=False)
        try:
            if path.suffix == ".parquet":
                return read_schema(path).names
            return list(pd.read_csv(path, nrows=0).columns) if path.suffix == ".csv" else list(self._read(None).columns)
        except (OSError, ValueError) as error:
            raise RecurateError(f"{path}: cannot be read as a table ({quoted(str(error))}); write it anew") from error

    @cached_property
    def _learnt(self) -> list[str]:
        """Columns that are learnt. Raises RecurateError if one is not there, twice there or there is none."""
        learnt = list(self.columns or (name for name in self._named if name != self.label))
        for name in [*learnt, *([self.label] if self.label else [])]:
            if self._named.count(name) != 1:
                raise RecurateError(
                    f"{self.file}: has no column {quoted(name)}; its columns are {', '.join(self._named)}"
                )
        if not learnt:
            raise RecurateError(f"{self.file}: has no column beside the label; name columns of numbers")
        return learnt

    @cached_property
    def _classes(self) -> list[object]:
        """What the label's column holds, sorted. Raises RecurateError where a row has no label."""
        if self.label is None or not self._learnt:
            return []
        column = self._read([self.label])[self.label]
        if column.isna().any():
            raise RecurateError(f"{self.file}: column {quoted(self.label)} has gaps; leave such rows out")
        return sorted(column.unique().tolist())

    def _check_numbers(self, table: pandas.DataFrame) -> None:
        """Raise RecurateError for a column that is learnt and holds something else than finite numbers."""
        for name in self._learnt:
            if table[name].dtype.kind not in "iuf":
                raise RecurateError(
                    f"{self.file}: column {quoted(name)} holds no numbers, such as {quoted(_example(table, name))}; "
                    "name columns of numbers in columns, and that of classes in label"
                )
            if not np.isfinite(table[name].to_numpy(dtype=float)).all():
                raise RecurateError(
                    f"{self.file}: column {quoted(name)} has gaps or infinite numbers; leave such rows out"
                )

    @property
    def description(self) -> Description:
        return Description((len(self._learnt),), len(self._classes), tuple(map(str, self._classes)))

    @property
    def source(self) -> str:
        return f"the table {self.file}"

    def load(self, generator: numpy.random.Generator) -> RealData:
        table = self._read(self._learnt + ([self.label] if self.label else []))
        self._check_numbers(table)
        x = table[self._learnt].to_numpy(dtype=np.float32)
        y = np.zeros(len(x), dtype=np.int64)
        if self.label is not None:
            y = table[self.label].map({value: number for number, value in enumerate(self._classes)}).to_numpy()
        return self.divided(x, y, generator)


def _example(table: pandas.DataFrame, name: str) -> object:
    return table[name].iloc[0] if len(table) else "nothing"
