"""Reading the configuration and study files: their layers, and one line for every mistake, with file and key."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_core import ErrorDetails

from recurate.curation import Curation
from recurate.files.fingerprints import spec_digest
from recurate.foundation.components import component_class, family
from recurate.foundation.errors import RecurateError
from recurate.foundation.places import found, shipped
from recurate.foundation.quoting import nearest, quoted, shortened
from recurate.foundation.settings import Said, meant
from recurate.study.config import SCALES, Config
from recurate.study.each import expanded
from recurate.study.families import FAMILIES
from recurate.study.simulated import SimulatedStudy
from recurate.study.trained import Study
from recurate.study.yaml_files import Layer, parse, read_mapping

Base = TypeVar("Base", bound=BaseModel)
FAMILY_OF = {family(base): base for base in FAMILIES}  # by what settings call a component
CONFIG, STUDIES = "config/config.yaml", "config/studies"
MOST_JOBS, JOBS_OF_AN_ARM = Config.model_fields["most_jobs"].default, 100
TRIED = "tried"  # folder below the results, of what a command overrides
LONGEST, LONG_WORD = 1000, re.compile(r"(\S{200})\S+")  # characters of a message
NOT_INHERITED = ("keep_state",)  # what a file holds, not how a network is trained


class NoScale(RecurateError):
    """A study is asked for at a scale that its file leaves out."""


def validated(model: type[Base], value: object, where: str) -> Base:
    """Validate `value`, turning every error into one line that begins with `where` and the key.

    Raises RecurateError.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        lines = [
            f"{line} (also in {others} other arm{'s' * (others > 1)})" if others else line
            for told, others in _independent(error.errors(include_url=False))
            for line in _lines([told], where, ())
        ]
        raise RecurateError("\n".join(lines)) from error


def _independent(errors: list[ErrorDetails]) -> list[tuple[ErrorDetails, int]]:
    """Errors, and in how many more arms each is; without what arms lack, or have of it, where an origin is wrong."""
    of_origins = {leaf for error in errors if error["loc"][:1] == ("origins",) for leaf in _leaves(error)}
    found: dict[str, list[ErrorDetails]] = {}
    for error in errors:
        of_arm, leaves = error["loc"][:1] == ("arms",), _leaves(error)
        echo = "retraining" in error["loc"] or leaves <= of_origins or all(type_ == "missing" for type_, _ in leaves)
        if of_arm and of_origins and echo:
            continue
        place = error["loc"][2:] if of_arm else error["loc"]
        inner = error["ctx"]["inner"] if error["type"] == "component" else []
        found.setdefault(
            f"{of_arm} {place} {error['msg']} {[(part['loc'], part['msg']) for part in inner]}", []
        ).append(error)
    return [(alike[0], len(alike) - 1) for alike in found.values()]


def _leaves(error: ErrorDetails) -> set[tuple[str, str]]:
    """Sort and value of an error, or of those within a component."""
    inner = error["ctx"]["inner"] if error["type"] == "component" else [error]
    return {(part["type"], quoted(part["input"])) for part in inner}


def _lines(errors: list[ErrorDetails], where: str, prefix: tuple[int | str, ...]) -> list[str]:
    lines: list[str] = []
    for error in errors:
        location = (*prefix, *error["loc"])
        if error["type"] == "component":
            lines += _lines(error["ctx"]["inner"], where, location)
            continue
        key = ".".join(shortened(str(part)) for part in location)
        message = shortened(LONG_WORD.sub(r"\1 ..", error["msg"].removeprefix("Value error, ")), LONGEST)
        got = "" if error["type"] in ("value_error", "missing", "unknown_key") else f" (got {_told(error['input'])})"
        lines.append(f"{where}: {key}: {message}{got}" if key else f"{where}: {message}{got}")
    return lines


def _told(value: object) -> str:
    return "nothing" if value is None else quoted(value)


def merge(base: Layer, change: Layer) -> Layer:
    """`base` with the keys of `change` laid over it, mappings merged at every depth, everything else replaced.

    A component of another kind replaces its whole block; so does a mixing rule, whose keys exclude each other.
    """
    if _has_another_kind(change, base):
        return change
    merged = {**base, **{key: _laid_over(base.get(key), value) for key, value in change.items()}}
    return {**merged, "mixing": change["mixing"]} if "mixing" in change else merged


def _has_another_kind(latter: Layer, former: Layer) -> bool:
    return latter.get("kind", former.get("kind")) != former.get("kind")


def _laid_over(base: JsonValue, change: JsonValue) -> JsonValue:
    return merge(base, change) if isinstance(base, dict) and isinstance(change, dict) else change


def _over(study: Layer, change: Layer) -> Layer:
    """A study with `change` laid over it, at every scale; an arm or scale that becomes nothing is left out everywhere.

    What the study, in its arms and scales too, says of a component holds for one of another kind as far as that has
    such keys.
    """
    before, after = _with_defaults(study, study), _with_defaults(merge(study, change), study)
    arms, of_study, of_scales = _mapping(change, "arms"), _mapping(study, "scales"), _mapping(change, "scales")
    left_out = {name for name, arm in arms.items() if meant(arm) is None and name in _all_arms(study)}
    merged = _without(merge(_still_meant(study, before, after), change), left_out)
    if scales := {**of_study, **of_scales}:
        still = {name: _still_meant(_mapping(of_study, name), before, after) for name in of_study}
        merged["scales"] = {
            name: _without(_over(still.get(name, {}), _mapping(of_scales, name)), left_out)
            if isinstance(block, dict)
            else meant(block)
            for name, block in scales.items()
        }
    return merged


def _with_defaults(study: Layer, named: Layer) -> Layer:
    """A study whose arms, also those that `named` has at other scales, are laid over the defaults of all."""
    arms, defaults = _mapping(study, "arms"), _mapping(study, "arm_defaults")
    return {**study, "arms": {name: _laid_over(defaults, arms.get(name) or {}) for name in (*_all_arms(named), *arms)}}


def _still_meant(block: Layer, before: Layer, after: Layer) -> Layer:
    """A study, or the block of a scale, without what it says of components of whose kind there is another `after`."""
    kept = dict(block)
    for key, value in block.items():
        former, latter = before.get(key), after.get(key)
        if isinstance(value, dict) and isinstance(former, dict) and isinstance(latter, dict):
            if _has_another_kind(latter, former) and not _has_another_kind(value, former):
                known = {name: inner for name, inner in value.items() if _knows(key, latter, name)}
                kept[key] = known
                if not known:
                    del kept[key]
            elif key != "each":
                kept[key] = _still_meant(value, former, latter)
            elif gone := {dotted for dotted in value if _is_gone(dotted, before, after)}:
                kept[key] = {dotted: listed for dotted, listed in value.items() if dotted not in gone}
                if gone == set(value):
                    del kept[key]
    return kept


def _knows(key: str, component: Layer, name: str) -> bool:
    """Whether the kind of a component, which the settings call `key`, has a key of its own of this name."""
    base, kind = FAMILY_OF.get(key), component.get("kind")
    try:
        return bool(
            name != "kind" and base and isinstance(kind, str) and name in component_class(base, kind).model_fields
        )
    except RecurateError:
        return True  # the kind is refused, with its place, when the study is validated


def _is_gone(dotted: str, before: Layer, after: Layer) -> bool:
    """Whether a dotted key names what a component had, of whose kind there is another `after`."""
    *path, last = dotted.split(".")
    for place, part in enumerate(path, 1):
        former, latter = before.get(part), after.get(part)
        if not (isinstance(former, dict) and isinstance(latter, dict)):
            return False
        if _has_another_kind(latter, former) and (place < len(path) or last != "kind"):
            return not _knows(part, latter, (*path, last)[place])
        before, after = former, latter
    return False


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


def read_config() -> Config:
    """The configuration in the working directory, or else the project's; raises RecurateError."""
    return as_config(read_mapping(found(CONFIG)))


def as_config(settings: Mapping[str, object], given: Collection[str] = ()) -> Config:
    """The configuration as Snakemake hands it on, changed by its `--config`; raises RecurateError.

    Snakemake leaves values inside mappings as text; every setting takes them for what it is. `given` are keys that a
    command names: where it overrides settings and names no folder, results go into one of their own.
    """
    config = validated(Config, settings, CONFIG)
    overrides = {name: _said(change) for name, change in config.overrides.items()}
    results = config.results
    if is_tried(config, given):
        results = f"{results}/{TRIED}/{spec_digest(config.overrides)[:8]}"
    return config.model_copy(update={"overrides": overrides, "results": results})


def is_tried(config: Config, given: Collection[str]) -> bool:
    """Whether a command that names these keys of the configuration tries settings out, with results of their own."""
    return "overrides" in given and "results" not in given and any(config.overrides.values())


def _said(value: JsonValue) -> JsonValue:
    """A value in which every text that YAML reads as something else is marked as such."""
    if isinstance(value, dict):
        return {key: _said(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_said(part) for part in value]
    if not isinstance(value, str):
        return value
    try:
        read = parse(value)
    except yaml.YAMLError:
        return value
    return Said(value, read) if isinstance(read, bool | int | float | list | None) else value


def study_files(folder: str = STUDIES) -> dict[str, Path]:
    """Study files by name: the project's, but where the working directory has one of that name, and those it adds."""
    paths = [path for place in (shipped(folder), Path(folder)) for path in place.glob("*.yaml")]
    return dict(sorted({path.stem: path for path in paths}.items()))


def _beside(path: Path, name: str) -> Path:
    """The study file of this name in the folder of another, or else the project's."""
    own = path.parent / name
    return own if own.is_file() else shipped(STUDIES) / name


def read_study(path: Path, scale: str, override: Layer, most_jobs: int = MOST_JOBS) -> Study | SimulatedStudy:
    """Read a study file at one scale; a study of `most_jobs` has a hundredth of that many arms.

    It is laid over the file that `like` names; the block of `scale` over the whole, then `override`; then
    `arm_defaults` under every arm, and under a trained arm what follows from its origin. Raises NoScale for a scale
    that is left out, RecurateError for a file that is wrong.
    """
    raw = _read_like(path, ())
    scales = _block(raw.pop("scales", None), f"{path}: scales")
    if set(scales) - set(SCALES):
        raise RecurateError(f"{path}: scales: only demo and paper are allowed (got {shortened(', '.join(scales))})")
    if scale in scales and scales[scale] is None:
        raise NoScale(
            f"{path}: scales.{scale}: is left out here, so that there is no such scale; ask for another scale"
        )
    _block(raw.get("arm_defaults"), f"{path}: arm_defaults")
    merged = _over(_over(raw, _block(scales.get(scale), f"{path}: scales.{scale}")), override)
    defaults = _block(merged.pop("arm_defaults", None), f"{path}: arm_defaults")
    arms, origins = merged.get("arms"), merged.get("origins")
    if isinstance(arms, dict):
        merged["arms"] = _arms(arms, defaults, origins, str(path), most_jobs // JOBS_OF_AN_ARM)
    return as_study(merged, str(path))


def _block(value: JsonValue, where: str) -> Layer:
    """A block of keys that may be left empty; raises RecurateError for anything else."""
    if not isinstance(value, dict | None):
        raise RecurateError(f"{where}: must be a mapping of keys (got {quoted(value)})")
    return value or {}


def _arms(arms: Layer, defaults: Layer, origins: JsonValue, where: str, most: int) -> Layer:
    """Every arm by name: laid over the defaults of all, each for many, and filled in from its origin."""
    found: Layer = {}
    by: dict[str, str] = {}
    for name, written in arms.items():
        whole = _laid_over(defaults, {} if meant(written) is None else written)
        for key, made_by, arm in expanded(name, whole, where, most):
            if key in found:
                raise RecurateError(f"{where}: arms.{key}: two arms are called so, {by[key]} and {made_by}; rename one")
            by[key] = made_by
            found[key] = with_origin(arm, origins, f"{where}: arms.{key}") if isinstance(origins, dict) else arm
    return found


def _read_like(path: Path, before: tuple[Path, ...]) -> Layer:
    """A study file laid over the one beside it that its key `like` names, if there is one; `before` led here."""
    raw = read_mapping(path)
    like = raw.pop("like", None)
    if like is None:
        return raw
    if not isinstance(like, str):
        raise RecurateError(f"{path}: like: must be the name of a study beside it (got {quoted(like)})")
    base = _beside(path, f"{like}.yaml")
    if base.name != f"{like}.yaml" or not base.is_file():
        near = nearest({file.stem for file in (*path.parent.glob("*.yaml"), *shipped(STUDIES).glob("*.yaml"))}, like)
        raise RecurateError(f"{path}: like: there is no study {quoted(like)} beside it{near}")
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
    Raises RecurateError for an arm that names none of several origins, or one that is not there.
    """
    if not isinstance(arm, dict):
        return arm
    if "origin" not in arm and len(origins) > 1:
        raise RecurateError(f"{where}.origin: there are several origins; name one of {', '.join(map(str, origins))}")
    arm = {"origin": next(iter(origins), ""), **arm}
    name = arm["origin"]
    if isinstance(name, str) and origins and name not in origins:
        known = ", ".join(map(str, origins))
        raise RecurateError(f"{where}.origin: there is no origin {name!r}; known are {known}{nearest(origins, name)}")
    origin = origins.get(name) if isinstance(name, str) else None
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
    loop = settings.get("loop")
    if loop == "simulated":
        return validated(SimulatedStudy, settings, where)
    if loop is not None or ("measures" in settings and "origins" not in settings):
        told = "a study of networks has origins and no loop, one without origins says loop: simulated"
        raise RecurateError(f"{where}: loop: {_told(loop)} is not known; {told}")
    return validated(Study, settings, where)


def read_trained(path: Path, scale: str, override: Layer) -> Study:
    """Read a study file that is trained; raises RecurateError for a simulated one."""
    study = read_study(path, scale, override)
    if not isinstance(study, Study):
        raise RecurateError(f"{path}: is a simulated study, which has no networks")
    return study
