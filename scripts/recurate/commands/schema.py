"""The JSON schema of study files, by which editors complete and check them, from the classes that read them.

A layer of a study file (a scale, the defaults of its arms, a file that is like another) holds some keys only, so the
schema requires none; what is missing is said when the study is read.
"""

from __future__ import annotations

import json
import sys

from pydantic import BaseModel, JsonValue

from recurate.figures import Figure, SimulatedFigure, TrainedFigure
from recurate.files.paths import NAME
from recurate.foundation.components import Component, component_class, kinds
from recurate.foundation.settings import MOST, MOST_COUNTED
from recurate.mixing.ratios import MOST_SYNTHETIC, real_fraction_of
from recurate.mixing.simulated import SimulatedMixing
from recurate.mixing.trained import Mixing
from recurate.study.arm import Arm
from recurate.study.common import LAST_SEED, MOST_SEEDS
from recurate.study.families import FAMILIES
from recurate.study.simulated import SimulatedStudy
from recurate.study.simulated_arm import SimulatedArm
from recurate.study.trained import Study
from recurate.theory.claims import CLAIMS

Schema = dict[str, JsonValue]
OWN_FILE = r"\.py$"  # a kind of the user's own
LAMBDA: Schema = {
    "type": "number",
    "minimum": 0,
    "not": {"exclusiveMinimum": MOST_SYNTHETIC, "exclusiveMaximum": sys.float_info.max},  # infinity is allowed
    "description": "synthetic : real, in place of real_fraction",
}
NO_SMALL_SHARE: Schema = {"exclusiveMinimum": 0, "exclusiveMaximum": real_fraction_of(MOST_SYNTHETIC), "type": "number"}
NAMES: Schema = {"pattern": f"^{NAME.pattern}$"}
EACH: Schema = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {"type": "array", "minItems": 1},
    "description": "dotted keys with lists of values: an arm for every combination",
}
SEED: Schema = {"type": "integer", "minimum": 0, "maximum": LAST_SEED}
SEEDS: JsonValue = [
    {"type": "integer", "minimum": 1, "maximum": MOST_SEEDS},
    {"type": "array", "items": SEED, "minItems": 1, "uniqueItems": True},
]
LARGEST: dict[JsonValue, JsonValue] = {"integer": MOST_COUNTED, "number": MOST}


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
        properties = _properties(definitions, mixing.__name__)
        properties["lambda"] = LAMBDA
        fraction = properties["real_fraction"]
        assert isinstance(fraction, dict)
        properties["real_fraction"] = {**fraction, "not": NO_SMALL_SHARE}
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
    for key, field in model.model_fields.items():
        if any(getattr(part, "allow_inf_nan", False) for part in field.metadata):
            bounded = _properties(definitions, name or model.__name__)[key]
            assert isinstance(bounded, dict)
            bounded.pop("maximum")


def _bare(value: JsonValue) -> JsonValue:
    """A schema without what pydantic adds for forms, titles and required keys, and with the largest numbers."""
    if isinstance(value, list):
        return [_bare(part) for part in value]
    if not isinstance(value, dict):
        return value
    if isinstance(properties := value.get("properties"), dict):
        value = {**value, "properties": {key: _bare(part) for key, part in properties.items()}}
        return {key: part for key, part in value.items() if key not in ("title", "required")}
    bare = {key: _bare(part) for key, part in value.items() if key != "title" or not isinstance(part, str)}
    if bare.get("type") in LARGEST and not {"maximum", "exclusiveMaximum"} & set(bare):
        bare["maximum"] = LARGEST[bare["type"]]
    return bare


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
    arms: JsonValue = {"anyOf": [_refer(arm), {"type": "null"}]}
    properties["arms"] = {"type": "object", "additionalProperties": arms, "propertyNames": NAMES, "minProperties": 1}
    properties["arm_defaults"] = arms
    properties["scales"] = {
        "type": ["object", "null"], "properties": {"demo": layer, "paper": layer}, "additionalProperties": False,
    }  # fmt: skip
    if isinstance(origins := properties.get("origins"), dict):
        origins["propertyNames"] = NAMES
    if isinstance(claims := properties.get("claims"), dict):
        claims["items"] = {"enum": [*CLAIMS]}
    for names in ("claims", "measures"):
        if isinstance(listed := properties.get(names), dict):
            listed["uniqueItems"] = True
    properties["like"] = {"type": ["string", "null"], "description": "study beside this file that it is laid over"}
