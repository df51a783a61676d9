"""Reading study files: YAML, its layers, and one line for every mistake, with file and key."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from recurate.curation import Curation
from recurate.foundation.components import component_class
from recurate.foundation.errors import RecurateError
from recurate.study.simulated import SimulatedStudy
from recurate.study.trained import Study

Base = TypeVar("Base", bound=BaseModel)
NOT_INHERITED = ("keep_state",)  # what a file holds, not how a network is trained


def validated(model: type[Base], value: Any, where: str) -> Base:
    """Validate `value`, turning every error into one line that begins with `where` and the key.

    Raises RecurateError.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise RecurateError("\n".join(_lines(error.errors(include_url=False), where, ()))) from error


def _lines(errors: list[Any], where: str, prefix: tuple[Any, ...]) -> list[str]:
    lines: list[str] = []
    for error in errors:
        location = (*prefix, *error["loc"])
        if error["type"] == "component":
            lines += _lines(error["ctx"]["inner"], where, location)
            continue
        key = ".".join(str(part) for part in location)
        message = error["msg"].removeprefix("Value error, ")
        got = "" if error["type"] in ("value_error", "missing", "unknown_key") else f" (got {error['input']!r})"
        lines.append(f"{where}: {key}: {message}{got}" if key else f"{where}: {message}{got}")
    return lines


def merge(base: Any, change: Any) -> Any:
    """`base` with the keys of `change` laid over it, mappings merged at every depth, everything else replaced.

    A component of another kind replaces its whole block; so does a mixing rule, whose keys exclude each other.
    """
    if not (isinstance(base, dict) and isinstance(change, dict)):
        return change
    if change.get("kind", base.get("kind")) != base.get("kind"):
        return change
    merged = {**base, **{key: merge(base.get(key), value) for key, value in change.items()}}
    return {**merged, "mixing": change["mixing"]} if "mixing" in change else merged


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Refuses a key that is given twice, which PyYAML lets pass with the first value lost."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"the key {key.value!r} is given twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """Read a YAML file; raises RecurateError with file and line if it is missing or malformed."""
    try:
        return yaml.load(path.read_text(), Loader=_Loader)
    except OSError as error:
        raise RecurateError(f"{path}: cannot be read ({error.strerror})") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        raise RecurateError(f"{path}: {line}not valid YAML ({getattr(error, 'problem', error)})") from error


def read_study(path: Path, scale: str, override: dict[str, Any]) -> Study | SimulatedStudy:
    """Read a study file at one scale.

    It is laid over the file that `like` names; the block of `scale` over the whole, then `override`; then
    `arm_defaults` under every arm, and under a trained arm what follows from its origin.
    """
    raw = _read_like(path, ())
    scales = raw.pop("scales", None) or {}
    if not isinstance(scales, dict) or set(scales) - {"demo", "paper"}:
        raise RecurateError(f"{path}: scales: only demo and paper are allowed")
    for key, layer in (("arm_defaults", raw.get("arm_defaults")), (f"scales.{scale}", scales.get(scale))):
        if not isinstance(layer, dict | None):
            raise RecurateError(f"{path}: {key}: must be a mapping of keys (got {layer!r})")
    merged = merge(merge(raw, scales.get(scale) or {}), override)
    defaults = merged.pop("arm_defaults", None) or {}
    if isinstance(merged.get("arms"), dict):
        arms = {name: merge(defaults, arm or {}) for name, arm in merged["arms"].items()}
        merged["arms"] = {key: value for name, arm in arms.items() for key, value in expanded(name, arm, str(path))}
        if isinstance(merged.get("origins"), dict):
            origins = merged["origins"]
            merged["arms"] = {
                name: with_origin(arm, origins, f"{path}: arms.{name}") for name, arm in merged["arms"].items()
            }
    return as_study(merged, str(path))


def _read_like(path: Path, before: tuple[Path, ...]) -> dict[str, Any]:
    """A study file laid over the one beside it that its key `like` names, if there is one; `before` led here."""
    raw = read_yaml(path)
    if not isinstance(raw, dict):
        raise RecurateError(f"{path}: must be a mapping of keys, see config/README.md")
    like = raw.pop("like", None)
    if like is None:
        return raw
    base = path.with_name(f"{like}.yaml")
    if not base.is_file():
        raise RecurateError(f"{path}: like: there is no study {like!r} beside it")
    if base in (*before, path):
        raise RecurateError(f"{path}: like: {' is like '.join(each.stem for each in (*before, path, base))}, a circle")
    return merge(_read_like(base, (*before, path)), raw)


def with_origin(arm: Any, origins: dict[str, Any], where: str) -> Any:
    """A trained arm with what follows from its origin, where it does not say otherwise.

    The only origin is that of all arms; as many samples are kept as are drawn; retraining is as the training was.
    Raises RecurateError for an arm that names none of several origins.
    """
    if not isinstance(arm, dict):
        return arm
    if "origin" not in arm and len(origins) > 1:
        raise RecurateError(f"{where}.origin: there are several origins; name one of {', '.join(map(str, origins))}")
    arm = {"origin": next(iter(origins), ""), **arm}
    origin = origins.get(arm.get("origin"))
    if not isinstance(origin, dict):
        return arm
    return {**arm, **_inherited(arm, origin)}


def _inherited(arm: dict[str, Any], origin: dict[str, Any]) -> dict[str, Any]:
    """The blocks `curation` and `retraining` of an arm, filled in from its origin."""
    blocks = {}
    curation, retraining, training = arm.get("curation"), arm.get("retraining") or {}, origin.get("training") or {}
    if isinstance(curation, dict) and "samples" in origin and _keeps_a_number(curation.get("kind")):
        blocks["curation"] = {"kept": origin["samples"], **curation}
    if isinstance(retraining, dict) and isinstance(training, dict):
        inherited = {key: value for key, value in training.items() if key not in NOT_INHERITED}
        blocks["retraining"] = {**inherited, **retraining}
    return blocks


def _keeps_a_number(kind: object) -> bool:
    """Whether curations of this kind are told how many samples are kept, by the key `kept`."""
    try:
        return isinstance(kind, str) and "kept" in component_class(Curation, kind).model_fields
    except RecurateError:
        return False  # the kind is refused, with its place, when the study is validated


def as_study(settings: dict[str, Any], where: str) -> Study | SimulatedStudy:
    """The study, trained or simulated, that merged settings describe; raises RecurateError."""
    if settings.get("loop") == "simulated":
        return validated(SimulatedStudy, settings, where)
    return validated(Study, settings, where)


def read_trained(path: Path, scale: str, override: dict[str, Any]) -> Study:
    """Read a study file that is trained; raises RecurateError for a simulated one."""
    study = read_study(path, scale, override)
    if not isinstance(study, Study):
        raise RecurateError(f"{path}: is a simulated study, which has no networks")
    return study


def expanded(name: str, arm: Any, where: str) -> Iterator[tuple[str, Any]]:
    """The arms that an arm with the key `each` stands for, one for every combination of the values listed there.

    `each` maps dotted keys to lists, such as `mixing.initial: [100, 1000]`. Values end the arm's name (`replace_100`),
    and stand in its title and panel for the last part of their key in braces (`M = {initial}`).
    """
    if not (isinstance(arm, dict) and "each" in arm):
        yield name, arm
        return
    each = arm["each"]
    if not (isinstance(each, dict) and each and all(isinstance(values, list) and values for values in each.values())):
        raise RecurateError(f"{where}: arms.{name}.each: must map dotted keys to lists of values (got {each!r})")
    for values in itertools.product(*each.values()):
        changed = {key: value for key, value in arm.items() if key != "each"}
        for key, value in zip(each, values, strict=True):
            changed = _with(changed, key.split("."), value)
        words = {key.rpartition(".")[2]: value for key, value in zip(each, values, strict=True)}
        texts = {key: changed[key].format(**words) for key in ("title", "panel") if isinstance(changed.get(key), str)}
        suffix = "_".join(re.sub("[^a-z0-9]+", "_", str(value).lower()).strip("_") for value in values)
        yield f"{name}_{suffix}", {**changed, **texts}


def _with(settings: Any, path: list[str], value: Any) -> dict[str, Any]:
    """`settings` with the value at `path` replaced."""
    first, *rest = path
    base = settings if isinstance(settings, dict) else {}
    return {**base, first: _with(base.get(first), rest, value) if rest else value}
