"""Components of a user's own: the examples of docs/extending, and copies of them with something changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from recurate.foundation.components import Component, load
from recurate.study.families import FAMILIES

EXAMPLES = Path(__file__).parents[2] / "docs/extending/examples"
BASES = {base.__name__.lower(): base for base in FAMILIES}


def text(family: str, *changes: tuple[str, str]) -> str:
    """An example with texts, which must be there, replaced."""
    found = (EXAMPLES / f"{family}.py").read_text()
    for old, new in changes:
        assert old in found, (family, old)
        found = found.replace(old, new)
    return found


def made(folder: Path, family: str, *changes: tuple[str, str], **settings: Any) -> Any:
    """A component of a family, from an example with changes."""
    return written(folder, family, text(family, *changes), **settings)


def written(folder: Path, family: str, code: str, **settings: Any) -> Any:
    """A component of a family, from a module's text."""
    own = folder / f"version_{len(list(folder.glob('version_*')))}"  # a module is imported once
    own.mkdir()
    path = own / "own.py"
    path.write_text(code)
    return load(BASES[family], {"kind": str(path), **needed(folder, family), **settings})


def needed(folder: Path, family: str) -> dict[str, Any]:
    """Settings that an example has no default for."""
    if family == "data":
        np.savetxt(folder / "points.csv", np.random.default_rng(0).normal(size=(60, 2)), delimiter=",")
        return {"table": str(folder / "points.csv")}
    return {"kept": 20} if family == "curation" else {}


def families() -> list[type[Component]]:
    """Every family."""
    return list(BASES.values())
