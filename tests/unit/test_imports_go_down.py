"""A package imports only packages named above it in docs/architecture.md, and no two modules import each other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "scripts/recurate"


def order() -> list[str]:
    """Packages from the ground up, as the table in docs/architecture.md has them."""
    text = (ROOT / "docs/architecture.md").read_text()
    return re.findall(r"^\| `(\w+)` \|", text[text.index("## Packages, in their order") :], re.MULTILINE)


def modules(library: Path) -> dict[str, Path]:
    """Files of a library by the names of their modules, without that of the library; a package is its `__init__`."""
    names = {path: path.relative_to(library).with_suffix("").parts for path in sorted(library.rglob("*.py"))}
    return {".".join(parts).removesuffix("__init__").rstrip("."): path for path, parts in names.items()}


def imported(path: Path, known: set[str]) -> Iterator[str]:
    """Modules of the library that a file imports anywhere: in functions and for annotations too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.startswith("recurate."):
                inner = name.removeprefix("recurate.")
                yield inner if inner in known else inner.rpartition(".")[0]


def arrows(library: Path) -> dict[str, set[str]]:
    """Which modules each module imports."""
    files = modules(library)
    return {name: set(imported(path, set(files))) - {"", name} for name, path in files.items() if name}


def complaints(library: Path, packages: list[str]) -> list[str]:
    """What breaks the order of packages, and circles of modules, or of the parts of a package."""
    graph = arrows(library)
    place = {package: number for number, package in enumerate(packages)}
    found = [f"{name} lies in no package of the list" for name in graph if name.partition(".")[0] not in place]
    for name, targets in graph.items():
        for target in targets:
            here, there = name.partition(".")[0], target.partition(".")[0]
            if here != there and place.get(there, -1) >= place.get(here, len(place)):
                found.append(f"{name} imports {target}, which stands below it")
    return found + circles(graph) + circles(between_parts(graph))


def between_parts(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """The same between subpackages of a package, such as estimators and laws."""
    parts = {name: ".".join(name.split(".")[:2]) for name in graph if name.count(".") == 2}
    merged: dict[str, set[str]] = {part: set() for part in parts.values()}
    for name, part in parts.items():
        merged[part] |= {parts[target] for target in graph[name] if target in parts} - {part}
    return merged


def circles(graph: dict[str, set[str]]) -> list[str]:
    """A circle, if there is one."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [" -> ".join(reversed(error.args[1]))]
    return []


def test_every_import_of_the_library_goes_down_and_none_in_a_circle() -> None:
    assert complaints(LIBRARY, order()) == []


def test_no_module_lies_flat_and_every_package_is_in_the_list() -> None:
    assert [path.name for path in LIBRARY.glob("*.py")] == ["__init__.py"]
    assert {path.name for path in LIBRARY.iterdir() if (path / "__init__.py").exists()} == set(order())


def test_what_a_package_s_init_holds_has_no_effect_at_import() -> None:
    allowed = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.If)
    for path in LIBRARY.rglob("__init__.py"):
        docstring, *body = ast.parse(path.read_text()).body
        assert isinstance(docstring, ast.Expr), path
        for node in body:
            assert isinstance(node, allowed), f"{path}:{node.lineno}"
            assert not isinstance(node, ast.If) or ast.unparse(node.test) == "TYPE_CHECKING", f"{path}:{node.lineno}"


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"a/x.py": "def f():\n    from recurate.b import y"}, "a.x imports b.y, which stands below it"),
        ({"a/x.py": "if TYPE_CHECKING:\n    from recurate.b.y import z"}, "a.x imports b.y, which stands below it"),
        ({"a/x.py": "import recurate.b.y"}, "a.x imports b.y, which stands below it"),
        ({"b/y.py": "from recurate.b import z", "b/z.py": "from recurate.b.y import f"}, "b.y -> b.z -> b.y"),
        ({"b/__init__.py": "from recurate.b.y import f", "b/y.py": "from recurate.b import g"}, "b -> b.y -> b"),
        ({"c/x.py": ""}, "c.x lies in no package of the list"),
        (
            {"b/p/x.py": "from recurate.b.q.x import f", "b/q/x.py": "", "b/q/y.py": "from recurate.b.p import y",
             "b/p/y.py": "", "b/p/__init__.py": "", "b/q/__init__.py": ""},
            "b.p -> b.q -> b.p",
        ),
    ],
)  # fmt: skip
def test_an_import_that_goes_up_or_round_is_found(tmp_path: Path, files: dict[str, str], complaint: str) -> None:
    whole = {"a/__init__.py": "", "b/__init__.py": "", "b/y.py": "from recurate.a import x", "a/x.py": "", **files}
    for name, text in whole.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = complaints(tmp_path, ["a", "b"])
    assert any(set(complaint.split(" -> ")) == set(line.split(" -> ")) for line in found), found


def test_a_tree_in_order_gives_no_complaint(tmp_path: Path) -> None:
    for name, text in {
        "a/__init__.py": "",
        "a/x.py": "",
        "b/__init__.py": "",
        "b/y.py": "from recurate.a import x",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert complaints(tmp_path, ["a", "b"]) == []
