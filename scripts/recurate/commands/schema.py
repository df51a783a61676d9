"""The JSON schema of study files, by which editors complete and check them, from the classes that read them.

A layer of a study file (a scale, the defaults of its arms, a file that is like another) holds some keys only, so the
schema requires none; what is missing is said when the study is read.
"""

from __future__ import annotations

import json

from pydantic import BaseModel, JsonValue

from recurate.figures import Figure, SimulatedFigure, TrainedFigure
from recurate.foundation.components import Component, component_class, kinds
from recurate.mixing.simulated import SimulatedMixing
from recurate.mixing.trained import Mixing
from recurate.study.arm import Arm
from recurate.study.families import FAMILIES
from recurate.study.simulated import SimulatedStudy
from recurate.study.simulated_arm import SimulatedArm
from recurate.study.trained import Study

Schema = dict[str, JsonValue]
OWN_FILE = r"\.py$"  # a kind of the user's own
LAMBDA: Schema = {"type": "number", "minimum": 0, "description": "synthetic : real, in place of real_fraction"}
EACH: Schema = {
    "type": "object",
    "additionalProperties": {"type": "array", "minItems": 1},
    "description": "dotted keys with lists of values: an arm for every combination",
}
SEEDS: JsonValue = [{"type": "integer", "minimum": 1}, {"type": "array", "items": {"type": "integer", "minimum": 0}}]


def schema() -> Schema:
    """The schema of a study file."""
    definitions: Schema = {}
    for study in (Study, SimulatedStudy):
        _define(study, definitions)
    for base in FAMILIES:
        for kind in kinds(base):
            _define(component_class(base, kind), definitions, f"{base.__name__}.{kind}")
    for base in FAMILIES:
        definitions[base.__name__] = _of_family(base, kinds(base), definitions)
    for sort in (TrainedFigure, SimulatedFigure):
        names = [kind for kind in kinds(Figure) if issubclass(component_class(Figure, kind), sort)]
        definitions[sort.__name__] = {"anyOf": [_named(names), _of_family(Figure, names, definitions)]}
    for mixing in (Mixing, SimulatedMixing):
        _properties(definitions, mixing.__name__)["lambda"] = LAMBDA
    for arm in (Arm, SimulatedArm):
        _properties(definitions, arm.__name__)["each"] = EACH
    for study in (Study, SimulatedStudy):
        _complete_study(_properties(definitions, study.__name__), study)
    trained, simulated = _refer("Study"), _refer("SimulatedStudy")
    whole: Schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A study of Recurate",
        "if": {"properties": {"loop": {"const": "simulated"}}, "required": ["loop"]},
        "then": simulated,
        "else": {"if": {"required": ["like"]}, "then": {"anyOf": [trained, simulated]}, "else": trained},
        "$defs": definitions,
    }
    return whole


def text() -> str:
    """The schema as it is written to config/schema.json."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def _refer(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _define(model: type[BaseModel], definitions: Schema, name: str | None = None) -> None:
    """Add a model's schema, and those of the models within it, to the definitions; no key is required."""
    of_model = model.model_json_schema(ref_template="#/$defs/{model}")
    inner = of_model.pop("$defs", {})
    for key, value in {**inner, name or model.__name__: of_model}.items():
        definitions.setdefault(key, _bare(value))


def _bare(value: JsonValue) -> JsonValue:
    """A schema without what pydantic adds for forms: titles, and the keys that are required."""
    if isinstance(value, list):
        return [_bare(part) for part in value]
    if not isinstance(value, dict):
        return value
    if isinstance(properties := value.get("properties"), dict):
        value = {**value, "properties": {key: _bare(part) for key, part in properties.items()}}
        return {key: part for key, part in value.items() if key not in ("title", "required")}
    return {key: _bare(part) for key, part in value.items() if key != "title" or not isinstance(part, str)}


def _properties(definitions: Schema, name: str) -> Schema:
    block = definitions[name]
    assert isinstance(block, dict)
    properties = block["properties"]
    assert isinstance(properties, dict)
    return properties


def _of_family(base: type[Component], names: list[str], definitions: Schema) -> Schema:
    """A block of a family: the keys of its `kind`, or any of the kinds' where a layer does not repeat the kind."""
    blocks = {kind: f"{base.__name__}.{kind}" for kind in names}
    properties: Schema = {key: True for block in blocks.values() for key in _properties(definitions, block)}
    of_kinds: list[JsonValue] = [
        {"if": {"properties": {"kind": {"const": kind}}}, "then": _refer(block)} for kind, block in blocks.items()
    ]
    return {
        "type": "object",
        "properties": {"kind": _named(names)},
        "if": {"required": ["kind"]},
        "then": {"allOf": of_kinds},
        "else": {"properties": properties, "additionalProperties": False},
    }


def _named(names: list[str]) -> Schema:
    """The name of a kind, or the file of the user's own."""
    shipped: list[JsonValue] = [*names]
    return {"anyOf": [{"enum": shipped}, {"type": "string", "pattern": OWN_FILE}]}


def _complete_study(properties: Schema, study: type[BaseModel]) -> None:
    """Add the keys of a study file that are merged into others before the study is read."""
    arm = "Arm" if study is Study else "SimulatedArm"
    layer: JsonValue = {"anyOf": [_refer(study.__name__), {"type": "null"}]}
    seeds = properties["seeds"]
    assert isinstance(seeds, dict)
    properties["seeds"] = {"anyOf": SEEDS, "description": seeds["description"]}
    properties["arms"] = {"type": "object", "additionalProperties": {"anyOf": [_refer(arm), {"type": "null"}]}}
    properties["arm_defaults"] = _refer(arm)
    properties["scales"] = {
        "type": "object", "properties": {"demo": layer, "paper": layer}, "additionalProperties": False,
    }  # fmt: skip
    properties["like"] = {"type": "string", "description": "study beside this file that it is laid over"}
