"""Why a job runs again, in words: which keys of its settings and which modules and files are others than before."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from recurate.files.writing import write_json
from recurate.workflow.code_digest import parts_of

WHY = "why: "  # what a line with a reason begins with
LONGEST = 60  # characters of a value that is quoted
MOST = 4  # differences that are named one by one
DIGEST = re.compile("[0-9a-f]{16}")
ABSENT = object()
OF_STUDIES = ("studies", "simulated")  # blocks of the report's settings, by study
OTHER_STUDIES = "the report was of other studies"


def of_params(before: Iterable[str], now: Iterable[str], tables: str) -> str:
    """What changed between two sets of params as Snakemake writes them down; of each those which the other lacks.

    `tables` is the path of a table of a code digest's parts, with `{digest}` for it.
    """
    old_spec, old_code, old_others = _sorted_out(before)
    spec, code, others = _sorted_out(now)
    found: list[str] = []
    if old_spec and spec:
        found += _of_settings(json.loads(old_spec), json.loads(spec))
    elif old_spec or spec:
        found.append("settings were not recorded" if spec else "settings are read no more")
    if old_code != code:
        found += of_code(old_code, code, tables)
    if old_others != others:
        found.append(f"{_quoted(old_others)} -> {_quoted(others)}")
    return listed(found)


def _of_settings(before: dict[str, object], now: dict[str, object]) -> list[str]:
    """Differences of settings; a report of other studies says no more than that."""
    if _reported(before) != _reported(now):
        return [OTHER_STUDIES]
    return list(differences(before, now)) or ["the order of settings"]


def _reported(settings: dict[str, object]) -> set[str]:
    """Studies in the settings of the report; those of other rules lack its blocks."""
    blocks = [settings.get(name) for name in OF_STUDIES]
    return {study for block in blocks if isinstance(block, dict) for study in block}


def _sorted_out(params: Iterable[str]) -> tuple[str, str, list[object]]:
    """Settings as JSON, the digest of code, either empty if there is none, and what is neither."""
    values = [ast.literal_eval(text) for text in params]
    spec = next((value for value in values if isinstance(value, str) and value.startswith("{")), "")
    code = next((value for value in values if isinstance(value, str) and DIGEST.fullmatch(value)), "")
    return spec, code, [value for value in values if value not in (spec, code)]


def listed(found: list[str]) -> str:
    """The first of some differences, and how many more there are."""
    more = [f"and {len(found) - MOST} more"] if len(found) > MOST else []
    return "; ".join([*found[:MOST], *more])


def differences(before: object, now: object, key: str = "") -> Iterator[str]:
    """Each value of nested settings that is another, by its path."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name in dict.fromkeys([*before, *now]):
            yield from differences(before.get(name, ABSENT), now.get(name, ABSENT), f"{key}.{name}" if key else name)
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for number, (one, other) in enumerate(zip(before, now, strict=True)):
            yield from differences(one, other, f"{key}[{number}]")
    elif before is ABSENT or now is ABSENT or type(before) is not type(now) or before != now:
        yield f"{key}: {_quoted(before)} -> {_quoted(now)}"


def _quoted(value: object) -> str:
    text = "nothing" if value is ABSENT else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}.."


# Which modules and files a digest of code stands for


def of_code(before: str, now: str, tables: str) -> Iterator[str]:
    """Each module and file that is another, by the table that was kept of the digest `before`."""
    old, new = _kept(Path(tables.format(digest=before))), parts_of(now)
    if old is None:
        yield "code (which was not recorded)"
        return
    changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    for name in sorted(changed):
        what = f"code of {name}" if name.endswith(".py") else f"file {name}"
        yield what if name in old and name in new else f"{what}, which is new" if name in new else f"no more {what}"
    if not changed:
        yield "the order in which code is imported"


def _kept(table: Path) -> dict[str, str] | None:
    try:
        return TypeAdapter(dict[str, str]).validate_json(table.read_bytes())
    except (OSError, ValidationError):
        return None


def keep_parts(digest: str, tables: str) -> None:
    """Keep the table of a digest's parts, where none is kept yet."""
    table, parts = Path(tables.format(digest=digest)), parts_of(digest)
    if parts and not table.exists():
        write_json(table, parts)
