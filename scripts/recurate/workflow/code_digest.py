"""Digests of code, so that Snakemake runs again what an edit touches and nothing else.

Snakemake does not see edits in imported modules. Each rule therefore carries a hash of the syntax trees of its script,
of the components that its settings name, and of everything that these import, be it from this library or from the
folder of a user's own component; and of the bytes of the files that components open. What does not run does not count:
comments, docstrings and layout, imports for annotations, and the adapter at the end of a script. A module counts where
something is imported from it; the packages above it, whose `__init__` only define what is imported from them, do not.
"""

from __future__ import annotations

import ast
import atexit
import hashlib
import os
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from recurate.files.fingerprints import spec_digest
from recurate.files.writing import read_sealed, write_sealed
from recurate.foundation.errors import RecurateError
from recurate.foundation.places import roots
from recurate.workflow.file_notes import noted_digest

SCRIPTS = Path(__file__).parents[2]
NOTES = Path(".snakemake/recurate-digests.json")
ImportStatement = ast.Import | ast.ImportFrom
Note = tuple[str, str, tuple[str, ...]]  # of a module: hash of its bytes, hash of its meaning, files that it imports


class KeptNotes(BaseModel):
    """Notes by path of a module, and what they depend on beside it."""

    model_config = ConfigDict(extra="forbid")  # the name of a key may be damaged
    valid: str
    notes: dict[str, Note]


def code_digest(script: str | Path, components: Iterable[str | Path] = (), files: Iterable[str] = ()) -> str:
    """Digest (16 hex digits) of `script`, of the modules of the `components` that it loads, and of all they import.

    With it count the bytes of the `files` that the components open, in the order given.
    """
    digests: dict[str, str] = {}  # in the order in which they are come upon, which tells two modules apart that swap
    pending = [str(Path(path).resolve()) for path in (script, *sorted(set(components), key=_place))]
    while pending:  # a job has some fifty modules, and a graph hundreds of jobs: plain text is faster than paths
        path = pending.pop()
        if path not in digests:
            digests[path], imports = _module(path, os.stat(path).st_mtime_ns)
            pending.extend(imports)
    digests |= {path: noted_digest(path) for path in files if os.path.isfile(path)}
    digest = hashlib.sha256("".join(digests.values()).encode()).hexdigest()[:16]
    _parts[digest] = digests
    return digest


_parts: dict[str, dict[str, str]] = {}  # of every digest: hashes of its modules and files, by path


def parts_of(digest: str) -> dict[str, str]:
    """Hashes (16 hex digits) that a digest of this process was made of, by name of module or file; empty if it is not.

    Modules of the library have their path from its folder as name, all others that from the project's.
    """
    return {_named(path): part[:16] for path, part in _parts.get(digest, {}).items()}


def _named(path: str) -> str:
    return path.removeprefix(f"{SCRIPTS}/") if path.startswith(f"{SCRIPTS}/") else os.path.relpath(path)


def _place(path: str | Path) -> str:
    """Name of a module that does not change when the project moves."""
    return os.path.relpath(path, SCRIPTS)


@cache
def _module(path: str, _modified: int) -> tuple[str, tuple[str, ...]]:
    """Hash of one module's meaning, and the files of the modules it imports anywhere, also inside functions."""
    notes, text = _notes(), Path(path).read_bytes()
    content = hashlib.sha256(text).hexdigest()
    if path in notes and notes[path][0] == content:
        return notes[path][1:]
    words: list[str] = []
    imports: list[ImportStatement] = []
    _read(ast.parse(text, filename=path), words, imports)
    files = dict.fromkeys(str(file.resolve()) for node in imports for file in imported_files(node, Path(path)))
    module = hashlib.sha256("".join(words).encode()).hexdigest(), tuple(files)
    if path.startswith(f"{SCRIPTS}/"):  # where imports of others lead may change without them, by a link for one
        notes[path] = (content, *module)
    return module


@cache
def _notes() -> dict[str, Note]:
    """What `_module` found before, by path and content; kept beside Snakemake's own notes on this folder.

    Every Slurm job parses the Snakefile again, and reading the trees takes a quarter of a second.
    """
    # Names of files decide which imports are followed. `Path.rglob` takes ten times as long.
    scripts, folders = SCRIPTS, os.walk(SCRIPTS)
    modules = sorted(f"{folder}/{name}" for folder, _, names in folders for name in names if name.endswith(".py"))
    valid = spec_digest([sys.version_info[:2], hashlib.sha256(Path(__file__).read_bytes()).hexdigest(), modules])
    notes = _kept_notes(valid)
    noted = dict(notes)

    def keep() -> None:
        if notes != noted and os.access(NOTES.parent, os.W_OK):
            here = (f"{scripts}/", f"{Path.cwd()}/")
            kept = {path: note for path, note in notes.items() if path.startswith(here) and os.path.exists(path)}
            try:
                write_sealed(NOTES, {"valid": valid, "notes": kept})
            except RecurateError as error:  # only the next parse takes longer
                print(error, file=sys.stderr)

    atexit.register(keep)
    return notes


def _kept_notes(valid: str) -> dict[str, Note]:
    """Notes of an earlier run that still hold; none, with a notice, if they are damaged, for they are made anew."""
    if not NOTES.exists():
        return {}
    try:
        kept = KeptNotes.model_validate(read_sealed(NOTES, "it is made anew"))
    except RecurateError as error:
        print(error, file=sys.stderr)
        return {}
    except ValidationError:
        print(f"{NOTES}: is of another version; it is made anew", file=sys.stderr)
        return {}
    return kept.notes if kept.valid == valid else {}


def _read(node: ast.AST, words: list[str], imports: list[ImportStatement]) -> None:
    """Append a tree's node types and values to `words` and its import statements to `imports`.

    Left out are docstrings, positions, empty fields (which vary with Python), what follows from the rest, and what does
    not run. One pass and no generators, because every parse of the Snakefile reads the trees of some fifty modules.
    """
    words.append(f"({type(node).__name__}")
    if isinstance(node, ast.Import | ast.ImportFrom):
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
                if not isinstance(item, ast.AST):
                    words.append(f" {item!r}")
                elif not _never_runs(item):
                    _read(item, words, imports)
        else:
            words.append(repr(value))
    words.append(")")


def _has_docstring(body: list[ast.stmt]) -> bool:
    first = body[0] if body else None
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)


def _never_runs(node: ast.AST) -> bool:
    """Whether a statement is for type checkers alone, or is the adapter by which a rule calls a script."""
    if not isinstance(node, ast.If) or node.orelse:
        return False
    return ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING", "__name__ == '__main__'")


def imported_files(node: ImportStatement, importer: Path) -> Iterator[Path]:
    """Files of the modules that an import statement in `importer` names, the project's or its user's."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            for root in _roots(alias.name, importer):
                yield from _files(alias.name.split("."), root)
        return
    parts = node.module.split(".") if node.module else []
    for root in [importer.parents[node.level - 1]] if node.level else _roots(parts[0], importer):
        yield from _files(parts, root)
        for alias in node.names:
            yield from _files([*parts, alias.name], root)


def _roots(module: str, importer: Path) -> list[Path]:
    """Folders that an absolute import may start from: the scripts; of others the importer's and the project's."""
    if module.partition(".")[0] == "recurate":
        return [SCRIPTS]
    return [importer.parent] if importer.is_relative_to(SCRIPTS) else [importer.parent, *roots()]


def _files(parts: list[str], root: Path) -> Iterator[Path]:
    """The file of the module `parts` below `root`, if there is one: of a package its `__init__.py`.

    With a user's module come the packages that it is in.
    """
    if not root.is_relative_to(SCRIPTS):  # a user's packages may do more than define what is imported from them
        for depth in range(1, len(parts)):
            if (package := root.joinpath(*parts[:depth], "__init__.py")).is_file():
                yield package
    place = root.joinpath(*parts)
    for file in (place / "__init__.py", place.parent / f"{place.name}.py"):
        if file.is_file():
            yield file
            return
