"""What the files of shipped studies say stands in their resolved settings, whatever lies over what."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from study_setup import ROOT

from recurate.study.reading import read_study
from recurate.study.yaml_files import read_mapping

STUDIES = sorted((ROOT / "config/studies").glob("*.yaml"))
SAID = {path.stem: read_mapping(path) for path in STUDIES}
Leaves = dict[tuple[str, ...], Any]


def leaves(block: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """What is no mapping, by its keys; titles may have values filled in."""
    for key, value in (block or {}).items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        elif key not in ("title", "panel"):
            yield (*path, key), value


def block_of(name: str, scale: str, *keys: str) -> list[Any]:
    """A block as the file says it, and over that as it says it of the scale."""
    said: list[Any] = [SAID[name], SAID[name].get("scales", {}).get(scale, {})]
    for key in keys:
        said = [(block or {}).get(key, {}) for block in said]
    return said


def said_of(*blocks: Any) -> Leaves:
    """Of every key what is said last; a component of another kind has nothing of what was said of the former."""
    said: Leaves = {}
    for block in blocks:
        latter = dict(leaves(block))
        others = [path[:-1] for path, kind in latter.items() if path[-1] == "kind" and said.get(path, kind) != kind]
        said = {path: value for path, value in said.items() if not any(path[: len(p)] == p for p in others)} | latter
    return said


def compare(said: Leaves, resolved: Any, where: str) -> None:
    """Whatever is said and has a place in the resolved settings stands there."""
    for path, value in said.items():
        found = resolved
        for key in path:
            found = found.get(key, value) if isinstance(found, dict) else value
        assert found == value, f"{where}: {'.'.join(path)}"


@pytest.mark.parametrize("scale", ["demo", "paper"])
@pytest.mark.parametrize("name", [name for name, said in SAID.items() if "like" not in said])
def test_what_a_study_file_says_is_what_it_resolves_to(name: str, scale: str) -> None:
    resolved = read_study(ROOT / f"config/studies/{name}.yaml", scale, {}).model_dump(mode="json")
    for origin in SAID[name].get("origins", {}):
        compare(said_of(*block_of(name, scale, "origins", origin)), resolved["origins"][origin], origin)
    defaults = block_of(name, scale, "arm_defaults")
    written = dict.fromkeys(arm for block in block_of(name, scale, "arms") for arm in block)
    points = 0
    for arm in written:
        blocks = block_of(name, scale, "arms", arm)
        each = {
            ".".join(path): values for path, values in said_of(*[(b or {}).get("each", {}) for b in blocks]).items()
        }
        points += math.prod(map(len, each.values()))
        varied = {tuple(key.split(".")) for key in each}
        said = {
            path: value
            for path, value in said_of(*defaults, *blocks).items()
            if path[0] != "each" and path not in varied and path[-1] != "kind"
        }
        made = [found for found in resolved["arms"] if found == arm or (each and found.startswith(f"{arm}_"))]
        assert made, arm
        for found in made:
            compare(said, resolved["arms"][found], found)
    assert len(resolved["arms"]) == points, "an arm for every combination of what `each` lists"


@pytest.mark.parametrize("scale", ["demo", "paper"])
def test_values_of_each_stand_in_the_arms_that_they_made(scale: str) -> None:
    for name in SAID:
        study = read_study(ROOT / f"config/studies/{name}.yaml", scale, {})
        for key, arm in study.arms.items():
            settings = arm.model_dump(mode="json")
            told = {path[-1]: value for path, value in leaves(settings) if path[0] != "parameters"}
            for parameter, value in arm.parameters.items():
                assert told.get(parameter.rpartition(".")[2], value) == value, f"{name}, {key}: {parameter}"
