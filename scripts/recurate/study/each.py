"""Arms that one arm with the key `each` stands for, one for every combination of the values listed there."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterator
from string import Formatter

from pydantic import JsonValue

from recurate.foundation.errors import RecurateError
from recurate.foundation.quoting import quoted
from recurate.foundation.settings import meant
from recurate.study.yaml_files import Layer

MOST_ARMS = 10_000
FORMAT = re.compile(r"[^{}\d]{0,3}\d{0,2}[^{}\d]{0,3}\d{0,2}[^{}\d]{0,3}")  # what may stand behind a colon in braces


def expanded(name: str, arm: JsonValue, where: str, most: int = MOST_ARMS) -> Iterator[tuple[str, str, JsonValue]]:
    """Every arm that an arm stands for: its name, what it was made by, and its settings, the values as `parameters`.

    `each` maps dotted keys to lists, such as `mixing.initial: [100, 1000]`. Values end the arm's name (`replace_100`),
    and stand in its title and panel for the last part of their key in braces (`M = {initial}`). Raises RecurateError,
    also for more arms than `most`.
    """
    if not (isinstance(arm, dict) and "each" in arm):
        yield name, f"arms.{name}", arm
        return
    where = f"{where}: arms.{name}"
    lists = _lists(arm["each"], f"{where}.each")
    if (points := math.prod(map(len, lists.values()))) > most:
        raise RecurateError(
            f"{where}.each: {points:,} arms, more than a hundredth of most_jobs; list fewer values, or raise most_jobs "
            "in config/config.yaml"
        )
    for key, listed in lists.items():
        if equal := [value for place, value in enumerate(listed) if value in listed[:place]]:
            raise RecurateError(f"{where}.each: {key}: {quoted(equal[0])} is listed twice; list every value once")
    words = _words(list(lists))
    for values in itertools.product(*lists.values()):
        point = dict(zip(lists, values, strict=True))
        parameters = {words.get(key, key): value for key, value in point.items()}
        changed: Layer = {key: value for key, value in arm.items() if key != "each"}
        for key, value in sorted(point.items(), key=lambda item: not item[0].endswith(".kind")):
            changed = _with(changed, key.split("."), value)
        for key in ("title", "panel"):
            if isinstance(text := changed.get(key), str):
                changed[key] = _filled(text, parameters, f"{where}.{key}")
        made_by = ", ".join(f"{key} = {quoted(value)}" for key, value in parameters.items())
        yield f"{name}_{_suffix(values)}", f"arms.{name}.each at {made_by}", {"parameters": parameters, **changed}


def _lists(each: JsonValue, where: str) -> dict[str, list[JsonValue]]:
    """The lists of values that the key `each` maps dotted keys to; raises RecurateError."""
    each = meant(each)
    lists = {key: values for key, values in each.items() if isinstance(values, list)} if isinstance(each, dict) else {}
    if not (lists and lists == each and all(lists.values())):
        raise RecurateError(f"{where}: must map dotted keys to lists of values (got {quoted(each)})")
    return lists


def _words(keys: list[str]) -> dict[str, str]:
    """The last part of every dotted key, where it is that of no other."""
    last = {key: key.rpartition(".")[2] for key in keys}
    often = Counter(last.values())
    return {key: word for key, word in last.items() if often[word] == 1}


def _suffix(values: tuple[JsonValue, ...]) -> str:
    """Values as they end an arm's name; a minus becomes a word, so that -4 and 4 are two."""
    signed = (re.sub(r"(?<![\w.])-(?=[\d.])", "minus_", str(value).lower()) for value in values)
    return "_".join(re.sub("[^a-z0-9]+", "_", text).strip("_") for text in signed)


def _filled(text: str, words: Layer, where: str) -> str:
    """A title with values in place of what stands in braces; raises RecurateError for braces without a value."""
    try:
        for _, word, form, _ in Formatter().parse(text):
            if word is not None and (word not in words or not FORMAT.fullmatch(form or "")):
                raise LookupError(f"{{{word}}}")
        return text.format(**words)
    except (LookupError, ValueError, TypeError) as error:
        allowed = f"only {', '.join(words)} may stand in braces, other braces are written twice"
        raise RecurateError(f"{where}: {quoted(text)} cannot be filled in ({error}); {allowed}") from error


def _with(settings: JsonValue, path: list[str], value: JsonValue) -> Layer:
    """`settings` with the value at `path` replaced; a component of another kind has nothing of the former."""
    first, *rest = path
    base = settings if isinstance(settings, dict) else {}
    if path == ["kind"] and base.get("kind", value) != value:
        return {"kind": value}
    return {**base, first: _with(base.get(first), rest, value) if rest else value}
