"""The tables of a study as data frames, with what tells its arms apart as columns."""

from __future__ import annotations

import csv
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, Union

from recurate.files.arms import NAMES
from recurate.files.tables import check_rows
from recurate.foundation.errors import RecurateError
from recurate.foundation.quoting import shortened
from recurate.library.arguments import tables_in
from recurate.study.reading import read_mapping

if TYPE_CHECKING:
    import pandas

SAID_AGAIN = ("title", "panel", "parameters")  # keys of an arm that call it something, or repeat what stands elsewhere
Value: TypeAlias = Union[str, float, bool, tuple["Value", ...], None]  # noqa: UP007


def tables(folder: str | Path) -> dict[str, pandas.DataFrame]:
    """Tables of the study in a folder of results, or of published ones, by name: `metrics`, `forecast`, `claims` ..

    A table with the column `arm` gets a column for every parameter of the study's arms, what `each` varied, by its
    short name (`choices`, `lambda`); and one for every setting in which they differ, named by its place in
    `config.yaml` (`curation.choices`, `mixing.real_fraction`). Of an arm without the setting the value is None, or nan
    among numbers. Lists become tuples. A parameter that is called as a column of the table becomes `NAME_of_arm`.

    Raises
    ------
    RecurateError
        When the folder is none or holds no tables, or no `config.yaml` that could say what the arms are.
    """
    study, paths = tables_in(folder)
    settings = parameters(study / "config.yaml")
    return {path.stem: _with_settings(path.stem, _read(path), settings) for path in paths}


def _read(path: Path) -> pandas.DataFrame:
    """A table; of its columns those of text are empty where nothing stands, those of numbers nan."""
    import pandas as pd

    try:
        check_rows(path)
        table = pd.read_csv(path, keep_default_na=False, na_values=["nan", ""], dtype=dict.fromkeys(NAMES, str))
    except (OSError, ValueError, csv.Error) as error:  # pandas' own errors are ValueErrors
        raise RecurateError(f"{path}: cannot be read as a table ({shortened(str(error))})") from error
    text = table.select_dtypes(exclude=["number", "bool"]).columns
    return table.fillna(dict.fromkeys(text, ""))


def parameters(config: Path) -> pandas.DataFrame:
    """What tells the arms of a study apart, by its resolved `config.yaml`: a row for every arm, by name.

    Columns are the arms' `parameters`, and the settings in which they differ.
    """
    import pandas as pd

    arms = read_mapping(config).get("arms")
    own = {str(arm): each for arm, each in arms.items() if isinstance(each, dict)} if isinstance(arms, dict) else {}
    if not own:
        raise RecurateError(f"{config}: holds no arms, so that nothing tells what they are")
    named = _columns(_parameters(each) for each in own.values())
    settings = _columns(dict(_flat(each)) for each in own.values())
    differ = {key: values for key, values in settings.items() if len(set(values)) > 1}
    return pd.DataFrame({**differ, **named}, index=list(own))[list({**named, **differ})]


def _columns(rows: Iterable[Mapping[str, Value]]) -> dict[str, list[Value]]:
    """Values by key, one of every row, None where a row has none."""
    found = list(rows)
    return {key: [row.get(key) for row in found] for key in dict.fromkeys(key for row in found for key in row)}


def _parameters(arm: Mapping[str, object]) -> dict[str, Value]:
    given = arm.get("parameters")
    return {str(name): _hashable(value) for name, value in given.items()} if isinstance(given, dict) else {}


def _flat(settings: Mapping[str, object], before: str = "") -> Iterator[tuple[str, Value]]:
    """Settings at any depth by dotted keys, without what an arm says again."""
    for key, value in settings.items():
        if before or key not in SAID_AGAIN:
            if isinstance(value, dict):
                yield from _flat(value, f"{before}{key}.")
            else:
                yield f"{before}{key}", _hashable(value)


def _hashable(value: object) -> Value:
    if isinstance(value, list):
        return tuple(_hashable(part) for part in value)
    return value if isinstance(value, str | int | float) or value is None else str(value)


def _with_settings(name: str, table: pandas.DataFrame, settings: pandas.DataFrame) -> pandas.DataFrame:
    """A table with what tells the arm of each row apart behind its own columns; of the table of arms nothing else."""
    if "arm" not in table.columns:
        return table
    own = table[[column for column in NAMES if column in table.columns]] if name == "arms" else table
    return own.join(settings.rename(columns=lambda column: _free(column, own.columns)), on="arm")


def _free(column: str, taken: Container[str]) -> str:
    return _free(f"{column}_of_arm", taken) if column in taken else column
