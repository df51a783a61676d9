"""Settings: what a block of a study file may say, with unknown keys, odd numbers and texts for numbers refused."""

from __future__ import annotations

import math
import typing
from collections.abc import Mapping
from functools import cache
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, JsonValue, model_validator
from pydantic_core import PydanticCustomError

from recurate.foundation.quoting import nearest, quoted

MOST_COUNTED = 10**15  # largest integer of a setting
LEAST, MOST = 1e-30, 1e30  # numbers that are none have sizes between, which single precision holds


class Said(str):
    """Text of the command line that a setting which is no text takes as `meant`: a number, a truth value or nothing."""

    meant: JsonValue

    def __new__(cls, text: str, meant: JsonValue) -> Said:
        said = super().__new__(cls, text)
        said.meant = meant
        return said


def meant(value: JsonValue) -> JsonValue:
    """A value in which texts of the command line are what they mean."""
    if isinstance(value, dict):
        return {key: meant(part) for key, part in value.items()}
    if isinstance(value, list):
        return [meant(part) for part in value]
    return value.meant if isinstance(value, Said) else value


class Settings(BaseModel):
    """Base of every configuration block: unknown keys are errors, values do not change.

    Numbers, truth values and text are told apart; a list is taken where a tuple is wanted, for YAML has no tuples.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        defer_build=True,
        strict=True,
        ser_json_inf_nan="constants",  # of settings that may be anything; others keep infinity anyway
    )
    other_spellings: ClassVar[tuple[str, ...]] = ()
    former: ClassVar[Mapping[str, str]] = {}  # keys of the last version, and what to write now

    @model_validator(mode="before")
    @classmethod
    def _only_known_keys(cls, values: object) -> object:
        for key in values if isinstance(values, dict) else ():
            if key in cls.former:
                raise ValueError(f"{key}: {cls.former[key]}")
            if key not in cls.model_fields:
                allowed = ", ".join((*cls.model_fields, *cls.other_spellings))
                told = {
                    "key": quoted(key),
                    "allowed": allowed,
                    "nearest": nearest((*cls.model_fields, *cls.other_spellings), key),
                }
                raise PydanticCustomError("unknown_key", "unknown key {key}; known are {allowed}{nearest}", told)
        if not isinstance(values, dict):
            return values
        for key, value in values.items():
            _check_range(key, value)
        return {key: _taken(value, cls.model_fields[key].annotation) for key, value in values.items()}

    @classmethod
    def __pydantic_init_subclass__(cls, **_: object) -> None:
        """Refuse sets, which every process writes down in an order of its own: results would never be up to date."""
        for name, field in cls.model_fields.items():
            if {set, frozenset} & {field.annotation, typing.get_origin(field.annotation)}:
                raise TypeError(f"{cls.__name__}.{name} is a set, which has no order to write it down in; take a list")


def _taken(value: object, annotation: object) -> object:
    """A value as a field takes it: lists as tuples, 1e3 as an integer where it must be one, what was said as meant."""
    if isinstance(value, Said):
        return str(value) if str in _types_in(annotation) else value.meant
    if isinstance(value, float) and value.is_integer() and {int, float} & _types_in(annotation) == {int}:
        return int(value)
    if not isinstance(value, list):
        return value
    taken = [_taken(part, annotation) for part in value]
    return tuple(taken) if tuple in _types_in(annotation) and list not in _types_in(annotation) else taken


def _check_range(key: str, value: object) -> None:
    """Raise ValueError for a number, or one in a list, that arrays or 32 bits would not hold; infinity is no matter."""
    if isinstance(value, list | tuple):
        for part in value:
            _check_range(key, part)
    if isinstance(value, int) and abs(value) > MOST_COUNTED:
        raise ValueError(f"{key}: {quoted(value)} is not allowed; integers go to {MOST_COUNTED:g}")
    if isinstance(value, float) and value and not LEAST <= abs(value) <= MOST and math.isfinite(value):
        raise ValueError(f"{key}: {value!r} is not allowed; numbers are 0 or between {LEAST:g} and {MOST:g}")


@cache
def _types_in(annotation: object) -> frozenset[object]:
    """Types that an annotation names, those within others too; of literals the types of their values."""
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is typing.Literal:
        return frozenset(map(type, arguments))
    within = (_types_in(argument) for argument in arguments)
    return frozenset({typing.get_origin(annotation) or annotation}).union(*within)
