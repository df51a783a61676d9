"""Calling a script's `main` as a job does, with what a test says of it and what any job has."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any

USUAL = {"code": "c", "device": "cpu", "threads": 1, "generation": 0, "save_every": 30.0, "data_folders": {}}


def call(main: Callable[..., None], *given: Any, **named: Any) -> None:
    """Call `main`; inputs that are not named are absent, settings become objects of the class that it reads."""
    hints = typing.get_type_hints(main)
    values = inspect.signature(main).bind_partial(*given, **named).arguments
    for name in inspect.signature(main).parameters:
        if name not in values:
            values[name] = USUAL[name] if name in USUAL else absent(hints[name])
    if isinstance(values.get("spec"), Mapping):
        values["spec"] = hints["spec"].model_validate(whole(hints["spec"], dict(values["spec"])))
    main(**values)


def whole(reads: Any, settings: dict[str, Any]) -> dict[str, Any]:
    """Settings with what a test leaves out: nothing, none or 0."""
    training = settings.get("training")
    if isinstance(training, Mapping) and "carry_over" in training:
        settings["carry_over"] = training["carry_over"]
        settings["training"] = {key: value for key, value in training.items() if key != "carry_over"}
    hints = typing.get_type_hints(reads)
    return {name: absent(hints[name]) for name in reads.model_fields} | settings


def absent(hint: Any) -> Any:
    """What stands for nothing in the place of a value of this type."""
    if type(None) in typing.get_args(hint):
        return None
    return 0 if hint in (int, float) else []
