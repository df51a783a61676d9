"""Reading the configuration and study files: YAML, its layers, and one line for every mistake, with file and key."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_core import ErrorDetails

from recurate.curation import Curation
from recurate.foundation.components import component_class
from recurate.foundation.errors import RecurateError
from recurate.study.config import Config
from recurate.study.simulated import SimulatedStudy
from recurate.study.trained import Study

Base = TypeVar("Base", bound=BaseModel)
Layer = dict[str, JsonValue]  # keys of a study file, or some of them, before they are validated
CONFIG = "config/config.yaml"
NOT_INHERITED = ("keep_state",)  # what a file holds, not how a network is trained


def validated(model: type[Base], value: object, where: str) -> Base:
    """Validate `value`, turning every error into one line that begins with `where` and the key.

    Raises RecurateError.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise RecurateError("\n".join(_lines(error.errors(include_url=False), where, ()))) from error


def _lines(errors: list[ErrorDetails], where: str, prefix: tuple[int | str, ...]) -> list[str]:
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


def merge(base: Layer, change: Layer) -> Layer:
    """`base` with the keys of `change` laid over it, mappings merged at every depth, everything else replaced.

    A component of another kind replaces its whole block; so does a mixing rule, whose keys exclude each other.
    """
    if change.get("kind", base.get("kind")) != base.get("kind"):
        return change
    merged = {**base, **{key: _laid_over(base.get(key), value) for key, value in change.items()}}
    return {**merged, "mixing": change["mixing"]} if "mixing" in change else merged


def _laid_over(base: JsonValue, change: JsonValue) -> JsonValue:
    return merge(base, change) if isinstance(base, dict) and isinstance(change, dict) else change


def _over(study: Layer, change: Layer) -> Layer:
    """A study with `change` laid over it, at every scale; an arm of it that becomes nothing is left out everywhere."""
    merged, arms = merge(study, change), _mapping(change, "arms")
    left_out = {name for name, arm in arms.items() if arm is None and name in _all_arms(study)}
    merged = _without(merged, left_out)
    if scales := {**_mapping(study, "scales"), **_mapping(change, "scales")}:
        of_study, of_change = _mapping(study, "scales"), _mapping(change, "scales")
        blocks = {name: _over(_mapping(of_study, name), _mapping(of_change, name)) for name in scales}
        merged["scales"] = {name: _without(block, left_out) for name, block in blocks.items()}
    return merged


def _mapping(block: Layer, key: str) -> Layer:
    """What a block says under a key, if it is a mapping; what is none is refused when the whole is validated."""
    value = block.get(key)
    return value if isinstance(value, dict) else {}


def _all_arms(study: Layer) -> set[str]:
    """Names of a study's arms at any scale."""
    scales = _mapping(study, "scales")
    return set(_mapping(study, "arms")).union(*(_mapping(_mapping(scales, name), "arms") for name in scales))


def _without(block: Layer, arms: set[str]) -> Layer:
    """A study, or the block of a scale, without some arms."""
    of_scale = _mapping(block, "arms")
    return {**block, "arms": {n: arm for n, arm in of_scale.items() if n not in arms}} if of_scale else block


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Refuses a key that is given twice, which PyYAML lets pass with the first value lost."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> object:
        names = set()
        for key, _ in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else key  # a list or mapping is refused below
            if name in names:
                raise yaml.MarkedYAMLError(problem=f"the key {name!r} is given twice", problem_mark=key.start_mark)
            names.add(name)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> JsonValue:
    """Read a YAML file; raises RecurateError with file and line if it is missing or malformed."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except OSError as error:
        raise RecurateError(f"{path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that is none, or bytes that are no text
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        raise RecurateError(f"{path}: {line}not valid YAML ({getattr(error, 'problem', error)})") from error


def read_mapping(path: Path) -> Layer:
    """Read a YAML file of keys; raises RecurateError if it is missing, malformed or something else."""
    raw = read_yaml(path)
    if not isinstance(raw, dict):
        raise RecurateError(f"{path}: must be a mapping of keys, see config/README.md")
    return raw


def read_config() -> Config:
    """The configuration of the project in the working directory; raises RecurateError."""
    return as_config(read_mapping(Path(CONFIG)))


def as_config(settings: Mapping[str, object]) -> Config:
    """The configuration as Snakemake hands it on, changed by its `--config`; raises RecurateError.

    Snakemake leaves values inside mappings as text, which is read here as YAML.
    """
    overrides = {"overrides": _typed(settings["overrides"])} if "overrides" in settings else {}
    return validated(Config, {**settings, **overrides}, CONFIG)


def _typed(value: object) -> object:
    """A value with all texts within read as YAML, where they are a number, a list, a truth value or nothing."""
    if isinstance(value, dict):
        return {key: _typed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_typed(inner) for inner in value]
    if not isinstance(value, str):
        return value
    try:
        scalar = yaml.safe_load(value)
    except (yaml.YAMLError, ValueError):
        return value
    return scalar if isinstance(scalar, str | int | float | list | None) else value


def read_study(path: Path, scale: str, override: Layer) -> Study | SimulatedStudy:
    """Read a study file at one scale.

    It is laid over the file that `like` names; the block of `scale` over the whole, then `override`; then
    `arm_defaults` under every arm, and under a trained arm what follows from its origin.
    """
    raw = _read_like(path, ())
    scales = _block(raw.pop("scales", None), f"{path}: scales")
    if set(scales) - {"demo", "paper"}:
        raise RecurateError(f"{path}: scales: only demo and paper are allowed")
    _block(raw.get("arm_defaults"), f"{path}: arm_defaults")
    merged = _over(_over(raw, _block(scales.get(scale), f"{path}: scales.{scale}")), override)
    defaults = _block(merged.pop("arm_defaults", None), f"{path}: arm_defaults")
    arms, origins = merged.get("arms"), merged.get("origins")
    if isinstance(arms, dict):
        expanded_arms = list(_arms(arms, defaults, origins, str(path)))
        merged["arms"] = dict(expanded_arms)
        if twice := [name for name, count in Counter(name for name, _ in expanded_arms).items() if count > 1]:
            raise RecurateError(f"{path}: arms: {', '.join(twice)}: made twice, by each or by name; rename one")
    return as_study(merged, str(path))


def _block(value: JsonValue, where: str) -> Layer:
    """A block of keys that may be left empty; raises RecurateError for anything else."""
    if not isinstance(value, dict | None):
        raise RecurateError(f"{where}: must be a mapping of keys (got {value!r})")
    return value or {}


def _arms(arms: Layer, defaults: Layer, origins: JsonValue, where: str) -> Iterator[tuple[str, JsonValue]]:
    """Every arm with its name: laid over the defaults of all, each for many, and filled in from its origin."""
    for name, written in arms.items():
        for key, arm in expanded(name, _laid_over(defaults, {} if written is None else written), where):
            yield key, with_origin(arm, origins, f"{where}: arms.{key}") if isinstance(origins, dict) else arm


def _read_like(path: Path, before: tuple[Path, ...]) -> Layer:
    """A study file laid over the one beside it that its key `like` names, if there is one; `before` led here."""
    raw = read_mapping(path)
    like = raw.pop("like", None)
    if like is None:
        return raw
    base = path.parent / f"{like}.yaml"
    if base.parent != path.parent or not base.is_file():
        raise RecurateError(f"{path}: like: there is no study {like!r} beside it")
    if base in (*before, path):
        raise RecurateError(f"{path}: like: {' is like '.join(each.stem for each in (*before, path, base))}, a circle")
    other = _read_like(base, (*before, path))
    for name, arm in _mapping(raw, "arms").items():
        if arm is None and name not in _all_arms(other):
            raise RecurateError(
                f"{path}: arms.{name}: there is no such arm of {like} to be left out; write {{}} for one of defaults"
            )
    return _over(other, raw)


def with_origin(arm: JsonValue, origins: Layer, where: str) -> JsonValue:
    """A trained arm with what follows from its origin, where it does not say otherwise.

    The only origin is that of all arms; as many samples are kept as are drawn; retraining is as the training was.
    Raises RecurateError for an arm that names none of several origins.
    """
    if not isinstance(arm, dict):
        return arm
    if "origin" not in arm and len(origins) > 1:
        raise RecurateError(f"{where}.origin: there are several origins; name one of {', '.join(map(str, origins))}")
    arm = {"origin": next(iter(origins), ""), **arm}
    origin = origins.get(name) if isinstance(name := arm["origin"], str) else None
    return {**arm, **_inherited(arm, origin)} if isinstance(origin, dict) else arm


def _inherited(arm: Layer, origin: Layer) -> Layer:
    """The blocks `curation` and `retraining` of an arm, filled in from its origin."""
    blocks: Layer = {}
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


def as_study(settings: Mapping[str, object], where: str) -> Study | SimulatedStudy:
    """The study, trained or simulated, that merged settings describe; raises RecurateError."""
    if settings.get("loop") == "simulated":
        return validated(SimulatedStudy, settings, where)
    return validated(Study, settings, where)


def read_trained(path: Path, scale: str, override: Layer) -> Study:
    """Read a study file that is trained; raises RecurateError for a simulated one."""
    study = read_study(path, scale, override)
    if not isinstance(study, Study):
        raise RecurateError(f"{path}: is a simulated study, which has no networks")
    return study


def expanded(name: str, arm: JsonValue, where: str) -> Iterator[tuple[str, JsonValue]]:
    """The arms that an arm with the key `each` stands for, one for every combination of the values listed there.

    `each` maps dotted keys to lists, such as `mixing.initial: [100, 1000]`. Values end the arm's name (`replace_100`),
    and stand in its title and panel for the last part of their key in braces (`M = {initial}`).
    """
    if not (isinstance(arm, dict) and "each" in arm):
        yield name, arm
        return
    lists = _lists(arm["each"], f"{where}: arms.{name}.each")
    for values in itertools.product(*lists.values()):
        changed = {key: value for key, value in arm.items() if key != "each"}
        for key, value in zip(lists, values, strict=True):
            changed = _with(changed, key.split("."), value)
        words = {key.rpartition(".")[2]: value for key, value in zip(lists, values, strict=True)}
        for key in ("title", "panel"):
            if isinstance(text := changed.get(key), str):
                changed[key] = _filled(text, words, f"{where}: arms.{name}.{key}")
        suffix = "_".join(re.sub("[^a-z0-9]+", "_", str(value).lower()).strip("_") for value in values)
        yield f"{name}_{suffix}", changed


def _lists(each: JsonValue, where: str) -> dict[str, list[JsonValue]]:
    """The lists of values that the key `each` maps dotted keys to; raises RecurateError."""
    lists = {key: values for key, values in each.items() if isinstance(values, list)} if isinstance(each, dict) else {}
    if not (lists and lists == each and all(lists.values())):
        raise RecurateError(f"{where}: must map dotted keys to lists of values (got {each!r})")
    return lists


def _filled(text: str, words: Layer, where: str) -> str:
    """A title with values in place of what stands in braces; raises RecurateError for braces without a value."""
    try:
        return text.format(**words)
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        allowed = f"only {', '.join(words)} may stand in braces"
        raise RecurateError(f"{where}: {text!r} cannot be filled in ({error}); {allowed}") from error


def _with(settings: JsonValue, path: list[str], value: JsonValue) -> Layer:
    """`settings` with the value at `path` replaced."""
    first, *rest = path
    base = settings if isinstance(settings, dict) else {}
    return {**base, first: _with(base.get(first), rest, value) if rest else value}
