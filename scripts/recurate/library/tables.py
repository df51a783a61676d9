"""The tables of a study as data frames, with what tells its arms apart as columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, Union

from recurate.foundation.errors import RecurateError
from recurate.study.reading import read_mapping

if TYPE_CHECKING:
    import pandas

SAID_AGAIN = ("title", "panel", "parameters")  # keys of an arm that call it something, or repeat what stands elsewhere
Value: TypeAlias = Union[str, float, bool, tuple["Value", ...], None]  # noqa: UP007


def tables(folder: str | Path) -> dict[str, pandas.DataFrame]:
    """Tables of the study in a folder of results, or of published ones, by name: `metrics`, `forecast`, `claims` ..

    A table with the column `arm` gets a column for every setting in which the study's arms differ, named by its place
    in `config.yaml` (`curation.choices`, `mixing.real_fraction`); of an arm without the setting the value is None.
    Lists become tuples.

    Raises
    ------
    RecurateError
        When the folder holds no tables, or no `config.yaml` that could say what the arms are.
    """
    paths = sorted(Path(folder).glob("*.csv"))
    if not paths:
        raise RecurateError(f"{folder} holds no tables; name the folder of one study, such as results/mixture")
    try:
        read = {path.stem: _read(path) for path in paths}
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise RecurateError(f"{folder}: a table cannot be read ({error})") from error
    settings = parameters(Path(folder) / "config.yaml")
    return {name: _with_settings(table, settings) for name, table in read.items()}


def _read(path: Path) -> pandas.DataFrame:
    """A table; of its columns those of text are empty where nothing stands, those of numbers nan."""
    import pandas as pd

    table = pd.read_csv(path, keep_default_na=False, na_values=["nan", ""])
    text = table.select_dtypes(exclude=["number", "bool"]).columns
    return table.fillna(dict.fromkeys(text, ""))


def parameters(config: Path) -> pandas.DataFrame:
    """Settings in which the arms of a study differ, by its resolved `config.yaml`: a row for every arm, by name."""
    import pandas as pd

    arms = read_mapping(config).get("arms")
    flat = (
        {arm: dict(_flat(own)) for arm, own in arms.items() if isinstance(own, dict)} if isinstance(arms, dict) else {}
    )
    if not flat:
        raise RecurateError(f"{config}: holds no arms, so that nothing tells what they are")
    keys = dict.fromkeys(key for settings in flat.values() for key in settings)
    differ = [key for key in keys if len({settings.get(key) for settings in flat.values()}) > 1]
    columns = {key: [settings.get(key) for settings in flat.values()] for key in differ}
    return pd.DataFrame(columns, index=list(flat))


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


def _with_settings(table: pandas.DataFrame, settings: pandas.DataFrame) -> pandas.DataFrame:
    """A table with the settings of each row's arm behind its own columns, but for those that it has already."""
    if "arm" not in table.columns:
        return table
    new = settings.drop(columns=[name for name in settings.columns if name in table.columns])
    return table.join(new, on="arm")
