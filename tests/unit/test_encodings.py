"""Text is UTF-8 wherever it is read and written, whatever the locale says."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
OPENING = ("open", "fdopen", "read_text", "write_text", "TemporaryFile", "NamedTemporaryFile")
OTHERS = ("Image", "gzip", "tarfile", "os", "zipfile")  # what these open is no text, or only with a mode that says so
STARTING = ("run", "Popen", "check_output", "getoutput")
AS_TEXT = ("text", "universal_newlines")


def without_encoding(source: str) -> Iterator[int]:
    """Lines in which text is opened, or asked of a program, and no encoding is named."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or any(word.arg == "encoding" for word in node.keywords):
            continue
        if asks_for_text(node) or opens_text(node):
            yield node.lineno


def asks_for_text(call: ast.Call) -> bool:
    """Whether a call starts a program and takes what it says as text."""
    starts = isinstance(call.func, ast.Attribute) and call.func.attr in STARTING
    return starts and any(word.arg in AS_TEXT for word in call.keywords)


def opens_text(call: ast.Call) -> bool:
    """Whether a call opens a file as text."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    owner = getattr(call.func.value, "id", "") if isinstance(call.func, ast.Attribute) else ""
    modes = [*call.args, *(word.value for word in call.keywords if word.arg == "mode")]
    binary = any(isinstance(mode, ast.Constant) and isinstance(mode.value, str) and "b" in mode.value for mode in modes)
    temporary = name.endswith("TemporaryFile") and not modes  # which are binary by default
    ours = isinstance(call.func, ast.Name) and name.endswith("_text")  # which name it
    return name in OPENING and not ours and owner not in OTHERS and not binary and not temporary


def test_no_text_is_opened_in_the_encoding_of_the_locale() -> None:
    found = [
        f"{path.relative_to(SCRIPTS)}:{line}"
        for path in sorted(SCRIPTS.rglob("*.py"))
        for line in without_encoding(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("self.path.read_text()", True),
        ("path.open('w')", True),
        ("open(path, newline='')", True),
        ("subprocess.run(command, text=True)", True),
        ("path.open('rb')", False),
        ("path.write_text(x, encoding='utf-8')", False),
        ("tempfile.TemporaryFile()", False),
        ("tempfile.TemporaryFile('w+')", True),
        ("subprocess.run(command, encoding='utf-8')", False),
    ],
)
def test_what_names_no_encoding_is_seen(line: str, found: bool) -> None:
    assert bool(list(without_encoding(line))) is found


def test_letters_beyond_ascii_are_read_and_written_in_a_locale_without_them(tmp_path: Path) -> None:
    study = tmp_path / "config/studies/tiny.yaml"
    study.parent.mkdir(parents=True)
    study.write_text("title: crêpes for λ = ½\n", encoding="utf-8")
    code = (
        "import sys; from pathlib import Path\n"
        "from recurate.files.tables import read_rows, write_rows\n"
        "from recurate.files.writing import read_json, write_json, write_text\n"
        "from recurate.study.reading import read_mapping\n"
        "title = read_mapping(Path('config/studies/tiny.yaml'))['title']\n"
        "write_rows('t.csv', ['title'], [{'title': title}]); write_json('c.json', title); write_text('t.txt', title)\n"
        "assert read_rows('t.csv', ['title']) == [{'title': title}] and read_json('c.json') == title\n"
    )
    ascii_only = {"PYTHONPATH": str(SCRIPTS), "LC_ALL": "C", "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=ascii_only, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert (tmp_path / "t.txt").read_text(encoding="utf-8") == "crêpes for λ = ½"
