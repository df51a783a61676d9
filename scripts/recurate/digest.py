"""Digests of settings and of code, so that Snakemake re-runs what an edit touches and nothing else.

Snakemake does not see edits in imported modules. Each rule therefore carries a hash of the syntax trees of its script
and of everything that script imports from this library; comments, docstrings and layout are not part of a syntax
tree's meaning and do not count.
"""

from __future__ import annotations

import ast
import atexit
import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

LIBRARY = Path(__file__).parent
NOTES = Path(".snakemake/recurate-digests.json")
FAMILY_OF_KEY = {
    "data": "data",
    "judge": "judges",
    "model": "models",
    "objective": "objectives",
    "sampler": "samplers",
    "reward": "rewards",
    "curation": "curation",
    "features": "features",
    "metrics": "metrics",
    "estimator": "estimators",
}


def spec_digest(spec: Any) -> str:
    """SHA-256 (first 16 hex digits) of plain settings, independent of the order of keys."""
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:16]


def code_digest(script: str | Path, kinds: Iterable[tuple[str, str]] = ()) -> str:
    """Digest of `script`, of the component modules it will load, and of all they import from the library.

    `kinds` are pairs of a component family and a kind, such as ("rewards", "clipped_distance").
    """
    from recurate.components import module_file

    seen: dict[Path, str] = {}
    pending = [Path(script), *(module_file(family, kind) for family, kind in kinds)]
    while pending:
        path = pending.pop()
        if path not in seen:
            seen[path], imports = _module(path, path.stat().st_mtime_ns)
            pending.extend(imports)
    return hashlib.sha256("".join(sorted(seen.values())).encode()).hexdigest()[:16]


def kinds_in(spec: dict[str, Any]) -> list[tuple[str, str]]:
    """Component kinds that a stage's settings name at any depth, found by their keys."""
    found: list[tuple[str, str]] = []
    for key, value in spec.items():
        parts = [part for part in (value if isinstance(value, list) else [value]) if isinstance(part, dict)]
        if key in FAMILY_OF_KEY:
            found += [(FAMILY_OF_KEY[key], part["kind"]) for part in parts]
        found += [inner for part in parts for inner in kinds_in(part)]
    return found


@cache
def _module(path: Path, _modified: int) -> tuple[str, tuple[Path, ...]]:
    """Hash of one module's meaning, and the library modules it imports anywhere, also inside functions."""
    notes, text = _notes(), path.read_bytes()
    content = hashlib.sha256(text).hexdigest()
    if notes.get(str(path), [None])[0] != content:
        words: list[str] = []
        imports: list[ast.Import | ast.ImportFrom] = []
        _read(ast.parse(text, filename=str(path)), words, imports)
        digest = hashlib.sha256("".join(words).encode()).hexdigest()
        notes[str(path)] = [content, digest, sorted({str(file) for node in imports for file in _imported_files(node)})]
    _, digest, files = notes[str(path)]
    return digest, tuple(Path(file) for file in files)


@cache
def _notes() -> dict[str, list[Any]]:
    """What `_module` found before, by path and content; kept beside Snakemake's own notes on this folder.

    Every Slurm job parses the Snakefile again, and reading the trees takes a quarter of a second.
    """
    modules = [str(path) for path in sorted(LIBRARY.rglob("*.py"))]
    valid = spec_digest([sys.version_info[:2], hashlib.sha256(Path(__file__).read_bytes()).hexdigest(), modules])
    try:
        kept = json.loads(NOTES.read_text()) if NOTES.exists() else {}
    except ValueError:  # half of a file, after a power failure: the notes are made anew
        kept = {}
    notes: dict[str, list[Any]] = kept.get(valid, {})
    before = dict(notes)

    def keep() -> None:
        if notes != before and os.access(NOTES.parent, os.W_OK):
            temporary = NOTES.with_suffix(f".{os.getpid()}")
            temporary.write_text(json.dumps({valid: notes}))
            temporary.replace(NOTES)

    atexit.register(keep)
    return notes


def _read(node: ast.AST, words: list[str], imports: list[ast.Import | ast.ImportFrom]) -> None:
    """Append a tree's node types and values to `words` and its import statements to `imports`.

    Left out are docstrings, positions, empty fields (which vary with Python), and what follows from the rest. One pass
    and no generators, because every parse of the Snakefile reads the trees of some fifty modules.
    """
    words.append(f"({type(node).__name__}")
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        imports.append(node)
    for name in node._fields:
        value = getattr(node, name, None)
        if value is None or name in ("ctx", "kind") or value == []:
            continue
        words.append(f" {name}=")  # without it a[1:] would equal a[:1], and an else branch the end of its if
        if isinstance(value, ast.AST):
            _read(value, words, imports)
        elif isinstance(value, list):
            for item in value[1:] if name == "body" and _has_docstring(value) else value:
                if isinstance(item, ast.AST):
                    _read(item, words, imports)
                else:
                    words.append(f" {item!r}")
        else:
            words.append(repr(value))
    words.append(")")


def _has_docstring(body: list[Any]) -> bool:
    first = body[0] if body else None
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)


def _imported_files(node: ast.Import | ast.ImportFrom) -> Iterator[Path]:
    """Files of the library modules that an import statement names."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield from _library_files(alias.name)
    elif node.module and node.level == 0:
        yield from _library_files(node.module)
        for alias in node.names:
            yield from _library_files(f"{node.module}.{alias.name}")


def _library_files(name: str) -> Iterator[Path]:
    """The module's file and the `__init__.py` of its packages, if `name` is a module of this library."""
    parts = name.split(".")
    if parts[0] != "recurate":
        return
    folder = LIBRARY
    yield folder / "__init__.py"
    for part in parts[1:]:
        if (folder / part / "__init__.py").is_file():
            folder = folder / part
            yield folder / "__init__.py"
        elif (folder / f"{part}.py").is_file():
            yield folder / f"{part}.py"
