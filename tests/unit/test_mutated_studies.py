"""Shipped study files with something changed at random are read, or refused in sentences that name them."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from study_setup import ROOT

from recurate.foundation.errors import RecurateError
from recurate.study.config import SCALES
from recurate.workflow.project import Project

SHIPPED = sorted((ROOT / "config/studies").glob("*.yaml"))
VALUES: list[Any] = [
    None, True, 0, -1, 2.5, "", " ", "x", "a.py", "01", [], [None], {}, {"kind": "x"}, {"kind": None}, {"kind": [1]},
    {"a": {"b": {"c": 1}}}, 10**20, 1e300, float("inf"), float("nan"), "\u00e9" * 50, [1, 2, 3], {"x": [{"y": None}]},
    {"each": {}}, {"each": {"a.b": [1]}}, "$x$", "{x}", "a\nb", "../x", "/etc/passwd", ["a", "a"], {"lambda": 1},
]  # fmt: skip
KEYS = ["each", "like", "scales", "kind", "loop", "arm_defaults", "origin", "mixing", "title", "", "a.b", "A"]
Place = tuple[Any, ...]  # keys and numbers that lead to a value


def places(block: Any, path: Place = ()) -> Iterator[Place]:
    """Ways to every value of a study file."""
    parts = block.items() if isinstance(block, dict) else enumerate(block) if isinstance(block, list) else ()
    for key, value in parts:
        yield (*path, key)
        yield from places(value, (*path, key))


def at(block: Any, path: Place) -> Any:
    for key in path:
        block = block[key]
    return block


def mutated(study: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """A copy of a study in which one value or key is gone, doubled, misspelt, of another type, elsewhere or nested."""
    study = copy.deepcopy(study)
    ways = list(places(study))
    *path, key = draw.choice(ways)
    block = at(study, tuple(path))
    value = block[key]
    others: dict[str, Any] = {
        "value": draw.choice(VALUES), "elsewhere": copy.deepcopy(at(study, draw.choice(ways))), "nested": {"a": value},
        "listed": [value, value], "text": str(value), "deep": value,
    }  # fmt: skip
    for _ in range(draw.choice([3, 60, 150])):
        others["deep"] = {"a": others["deep"]}
    how = draw.choice(["gone", "misspelt", "key", *others])
    if how in others:
        block[key] = others[how]
        return study
    if how == "key":
        (block if isinstance(block, dict) else study)[draw.choice(KEYS)] = draw.choice(VALUES)
        return study
    del block[key]
    if how == "misspelt" and isinstance(block, dict):
        block[f"{key}{draw.choice('aexz_')}"] = value
    return study


class Plain(yaml.SafeDumper):
    """Writes no aliases, so that a change is in one place."""

    def ignore_aliases(self, data: object) -> bool:
        return True


@pytest.mark.parametrize("seed", range(120))
def test_what_is_written_wrongly_is_said_in_sentences(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    shipped = draw.choice(SHIPPED)
    study = yaml.safe_load(shipped.read_text(encoding="utf-8"))
    if draw.random() < 0.3:
        study = {"like": shipped.stem, **{key: value for key, value in study.items() if draw.random() < 0.5}}
    for _ in range(draw.choice([1, 1, 3])):
        study = mutated(study, draw)
    file = tmp_path / "mutated.yaml"
    file.write_text(yaml.dump(study, Dumper=Plain, sort_keys=False))
    for scale in SCALES:
        config = {"studies": ["mutated"], "scale": scale, "results": f"{tmp_path}/results"}
        try:
            project = Project(config, str(tmp_path))
        except RecurateError as error:
            lines = str(error).splitlines()
        else:
            assert project.targets.complete("mutated")
            continue
        assert lines and all(line.startswith(f"{file}: ") and len(line) < 1500 for line in lines), lines
