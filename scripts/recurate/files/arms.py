"""The table of a study's arms: what tells them apart, a column for each parameter, to be joined to other tables."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from recurate.files.tables import write_rows

if TYPE_CHECKING:
    import pandas

NAMES = ("study", "arm")


def write_arms(path: str | Path, study: str, settings: Mapping[str, object]) -> None:
    """Write the parameters of every arm in a study's resolved `settings`; what is no number or text stands as JSON."""
    arms = settings["arms"]
    assert isinstance(arms, dict)
    parameters: dict[str, dict[str, object]] = {name: arm.get("parameters", {}) for name, arm in arms.items()}
    columns = dict.fromkeys(name for of_arm in parameters.values() for name in of_arm)
    rows = (
        {"study": study, "arm": arm, **{name: _written(value) for name, value in of_arm.items()}}
        for arm, of_arm in parameters.items()
    )
    write_rows(path, (*NAMES, *columns), rows)


def _written(value: object) -> object:
    return value if isinstance(value, str | int | float) and not isinstance(value, bool) else json.dumps(value)


def with_parameters(table: pandas.DataFrame, arms: str | Path) -> pandas.DataFrame:
    """A table of a study with the parameters of its arms as further columns, given the study's file `arms.csv`.

    A parameter that is called as a column of the table becomes `NAME_of_arm`.
    """
    import pandas as pd

    with Path(arms).open(newline="", encoding="utf-8") as file:
        header = next(csv.reader(file))
    names = dict.fromkeys(NAMES, str)
    parameters = pd.read_csv(arms, dtype=names, keep_default_na=False, na_values={n: [""] for n in header[2:]})
    return table.merge(parameters, on=list(NAMES), how="left", suffixes=("", "_of_arm"), validate="many_to_one")
