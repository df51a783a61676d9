"""Reading study files: YAML, its layers, and one line for every mistake, with file and key."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from recurate.config import Study
from recurate.errors import RecurateError

Base = TypeVar("Base", bound=BaseModel)


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


def read_study(path: Path, scale: str, override: dict[str, Any]) -> Study:
    """Read a study file at one scale.

    `arm_defaults` are laid under every arm, then the block of `scale` over the whole, then `override`.
    """
    raw = read_yaml(path)
    if not isinstance(raw, dict):
        raise RecurateError(f"{path}: must be a mapping of keys, see config/README.md")
    scales = raw.pop("scales", None) or {}
    if not isinstance(scales, dict) or set(scales) - {"demo", "paper"}:
        raise RecurateError(f"{path}: scales: only demo and paper are allowed")
    for key, layer in (("arm_defaults", raw.get("arm_defaults")), (f"scales.{scale}", scales.get(scale))):
        if not isinstance(layer, dict | None):
            raise RecurateError(f"{path}: {key}: must be a mapping of keys (got {layer!r})")
    merged = merge(merge(raw, scales.get(scale) or {}), override)
    defaults = merged.pop("arm_defaults", None) or {}
    if isinstance(merged.get("arms"), dict):
        merged["arms"] = {name: merge(defaults, arm or {}) for name, arm in merged["arms"].items()}
    return validated(Study, merged, str(path))
