"""The table of a study's arms: what tells them apart, a column for each parameter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from recurate.files.tables import write_rows

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
