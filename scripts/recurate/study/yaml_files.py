"""Reading YAML, with file and line for what it may not hold."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from pydantic import JsonValue

from recurate.foundation.errors import RecurateError
from recurate.foundation.quoting import QUOTED, quoted, shortened

Layer = dict[str, JsonValue]  # keys of a file, or some of them, before they are validated
MOST_NODES = 1_000_000  # of a file, where every alias counts as often as it is used
DEEPEST = 100  # lists and mappings within each other
TEXT_KEY, MERGE_KEY = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"
NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
UNUSUAL = {f"tag:yaml.org,2002:{sort}" for sort in ("binary", "set", "omap", "pairs", "value", "merge")}
# Numbers that YAML 1.1 reads as others than people do: 010 is 8, 1:30 is 90, and 1_0 is 10.
MISREAD = re.compile(r"[-+]?0[0-9]+|.*[:_].*")
WORDS = {"yes", "no", "on", "off"}  # truth values that are names to most people
# Numbers such as 1e-3, which YAML 1.1 takes for text since they have no dot.
EXPONENT = re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Refuses what PyYAML lets pass, keys that are given twice or are no text, and says where a value is bad."""

    def get_single_node(self) -> yaml.Node | None:
        node: yaml.Node | None = super().get_single_node()
        if node is not None and _size(node, {}) > MOST_NODES:
            raise yaml.MarkedYAMLError(problem=f"with its aliases it has more than {MOST_NODES:,} values")
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> object:
        if complaint := _misread(node):
            raise yaml.MarkedYAMLError(problem=complaint, problem_mark=node.start_mark)
        try:
            return super().construct_object(node, deep)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            what = f"{quoted(node.value)} is no {node.tag.rpartition(':')[2]}"
            told = str(error) if isinstance(error, ValueError) and len(str(node.value)) < QUOTED else what
            raise yaml.MarkedYAMLError(problem=told, problem_mark=node.start_mark) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> object:
        if not isinstance(node, yaml.MappingNode):
            raise yaml.MarkedYAMLError(problem=f"{quoted(node.value)} is no mapping", problem_mark=node.start_mark)
        names = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a list or mapping is no key", problem_mark=key.start_mark)
            what = quoted(key.value)
            if key.tag not in (TEXT_KEY, MERGE_KEY):
                raise yaml.MarkedYAMLError(
                    problem=f"the key {what} is not text; put it in quotes", problem_mark=key.start_mark
                )
            if key.value in names:
                raise yaml.MarkedYAMLError(problem=f"the key {what} is given twice", problem_mark=key.start_mark)
            names.add(key.value)
            for part in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                if complaint := _misread(part):
                    raise yaml.MarkedYAMLError(
                        problem=f"{shortened(key.value)}: {complaint}", problem_mark=part.start_mark
                    )
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", EXPONENT, list("-+0123456789"))


def _misread(node: yaml.Node) -> str | None:
    """What is wrong with a value that YAML reads as something else than it looks like, or than a setting is."""
    sort = node.tag.rpartition(":")[2]
    if node.tag in UNUSUAL:
        return f"a value of the type {sort} is that of no setting; put it in quotes if it is a text"
    if not isinstance(node, yaml.ScalarNode):
        return None
    what = quoted(node.value)
    if node.tag in NUMBERS and MISREAD.fullmatch(node.value):
        return f"{what} would be read as another number; write it in decimal digits alone, or in quotes if it is a text"
    if sort == "bool" and node.value.lower() in WORDS:
        return f"{what} would be read as a truth value; write true or false, or put it in quotes if it is a text"
    if sort == "timestamp":
        return f"{what} would be read as a date; put it in quotes"
    return None


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Number of values below a node, aliases followed; raises yaml.MarkedYAMLError for a node within itself."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if known.get(id(node)) == 0:
        raise yaml.MarkedYAMLError(problem="a value is a part of itself", problem_mark=node.start_mark)
    if id(node) not in known:
        known[id(node)] = 0
        parts = node.value if isinstance(node, yaml.SequenceNode) else [part for pair in node.value for part in pair]
        known[id(node)] = 1 + sum(_size(part, known) for part in parts)
    return known[id(node)]


def _check_depth(text: str) -> None:
    """Raise yaml.MarkedYAMLError for lists and mappings so deep within each other that libyaml ends Python's stack."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise yaml.MarkedYAMLError(
                problem=f"more than {DEEPEST} lists or mappings within each other", problem_mark=event.start_mark
            )


def parse(text: str) -> JsonValue:
    """The value that YAML describes; raises yaml.YAMLError."""
    if sum(map(text.count, "[{-?")) > DEEPEST:  # what may open a list or mapping within another
        _check_depth(text)
    value: JsonValue = yaml.load(text, Loader=_Loader)
    return value


def read_yaml(path: Path) -> JsonValue:
    """Read a YAML file; raises RecurateError with file and line if it is missing or malformed."""
    if path.exists() and not path.is_file():
        raise RecurateError(f"{path}: is not a file")  # reading from a pipe would wait for ever
    try:
        return parse(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise RecurateError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        why = f"byte 0x{error.object[error.start]:02x}"
        raise RecurateError(f"{path}: line {line}: not text in UTF-8 ({why}); save it as UTF-8") from error
    except RecursionError as error:
        raise RecurateError(f"{path}: not valid YAML (too many mappings within each other)") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}: " if mark else ""
        why = shortened(str(getattr(error, "problem", None) or error), 2 * QUOTED)
        raise RecurateError(f"{path}: {place}not valid YAML ({why})") from error


def read_mapping(path: Path) -> Layer:
    """Read a YAML file of keys; raises RecurateError if it is missing, malformed or something else."""
    raw = read_yaml(path)
    if not isinstance(raw, dict):
        raise RecurateError(f"{path}: must be a mapping of keys, see config/README.md")
    return raw
