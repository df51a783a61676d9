"""Code digests see every change of meaning in what a script runs, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurate.files.fingerprints import spec_digest
from recurate.foundation import components
from recurate.workflow.code_digest import FAMILY_OF_KEY, code_digest, kinds_in
from recurate.workflow.project import code_digest as digest

SCRIPTS = Path(digest.__file__).parents[1]
KINDS = {
    "train": [("models", "mlp"), ("objectives", "flow_matching")],
    "sample": [("models", "mlp"), ("samplers", "ode")],
    "curate": [("data", "eight_gaussians"), ("rewards", "clipped_distance"), ("curation", "bradley_terry")],
    "measure": [("metrics", "sliced_wasserstein")],
    "prepare_real": [("data", "eight_gaussians")],
    "forecast": [],
    "check_claims": [],
}
SAME_MEANING = [
    ("x = 1", "x = 1  # why"),
    ("x = [1,\n     2]", "x = [1, 2]"),
    ("x = (1)", "x = 1"),
    ("x = 'a'", 'x = "a"'),
    ("def f():\n    return 1", "def f():\n    '''What.'''\n    return 1"),
    ("class A:\n    '''What.'''\n    b = 1", "class A:\n    '''How.'''\n    b = 1"),
    ("async def f():\n    return 1", "async def f():\n    'Doc.'\n    return 1"),
    ("'''Module.'''\nx = 1", "x = 1"),
]
OTHER_MEANING = [
    ("x = 1", "x = 2"),
    ("x = 1", "x = 1.0"),
    ("x = 1", "x = True"),
    ("x = '1'", "x = 1"),
    ("x = a + b", "x = a - b"),
    ("x = a + b", "x = b + a"),
    ("x = -a", "x = +a"),
    ("x = a[1:]", "x = a[:1]"),
    ("x = a[:1]", "x = a[::1]"),
    ("def f(a): pass", "def f(*a): pass"),
    ("def f(*a): pass", "def f(**a): pass"),
    ("def f(a, b=1): pass", "def f(a, *, b=1): pass"),
    ("def f(a): pass", "def f(a, /): pass"),
    ("f(a, *b)", "f(*a, b)"),
    ("f(a=b)", "f(b=a)"),
    ("if a:\n    b()\n    c()", "if a:\n    b()\nelse:\n    c()"),
    ("for a in b:\n    c()\n    d()", "for a in b:\n    c()\nelse:\n    d()"),
    ("try:\n    a()\nfinally:\n    b()", "try:\n    a()\n    b()\nfinally:\n    pass"),
    ("try:\n    a()\nexcept E:\n    b()\nelse:\n    c()", "try:\n    a()\nexcept E:\n    b()\nfinally:\n    c()"),
    ("x = {a: b}", "x = {a, b}"),
    ("x = 'docstring'", "x = 'other'"),
    ("def f():\n    x = 1\n    'a string, no docstring'", "def f():\n    x = 1"),
    ("from a import b", "from a import b as c"),
    ("import a.b", "import a.c"),
    ("from . import a", "from .. import a"),
    ("x = f'{a}'", "x = f'{a!r}'"),
    ("x = f'{a:3}'", "x = f'{a:4}'"),
    ("def f(): return", "def f(): return None"),
    ("@a\ndef f(): pass", "def f(): pass"),
    ("x = a if b else c", "x = c if b else a"),
    ("raise a", "raise a from b"),
    ("x: int = 1", "x: float = 1"),
    ("def f():\n    yield a", "def f():\n    yield from a"),
]


def append(path: Path, text: str) -> None:
    """Edit a file, with a time stamp that no clock is too coarse for."""
    before = path.stat().st_mtime_ns
    path.write_text(path.read_text() + text)
    os.utime(path, ns=(before + 1_000_000_000, before + 1_000_000_000))


def digests(scripts: Path) -> dict[str, str]:
    return {name: code_digest(scripts / f"{name}.py", kinds) for name, kinds in KINDS.items()}


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of scripts/ whose digests the module computes."""
    copy = shutil.copytree(SCRIPTS, tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(digest, "SCRIPTS", copy)
    return copy


@pytest.fixture
def changed_by(scripts: Path) -> Callable[[str, str], set[str]]:
    """Names of the scripts whose digest changes when `text` is appended to a file."""
    before = digests(scripts)

    def changed(file: str, text: str) -> set[str]:
        append(scripts / file, text)
        after = digests(scripts)
        return {name for name in before if after[name] != before[name]}

    return changed


def digest_of(folder: Path, text: str) -> str:
    path = folder / f"script_{len(list(folder.iterdir()))}.py"
    path.write_text(text)
    return code_digest(path)


@pytest.mark.parametrize(("one", "other"), SAME_MEANING)
def test_comments_docstrings_and_layout_do_not_count(tmp_path: Path, one: str, other: str) -> None:
    assert digest_of(tmp_path, one) == digest_of(tmp_path, other)


@pytest.mark.parametrize(("one", "other"), OTHER_MEANING)
def test_code_that_means_something_else_has_another_digest(tmp_path: Path, one: str, other: str) -> None:
    assert digest_of(tmp_path, one) != digest_of(tmp_path, other)


@pytest.mark.parametrize(
    "file", ["train.py", "recurate/training/trainer.py", "recurate/training/objectives/flow_matching.py"]
)
def test_prose_in_script_module_or_component_changes_no_digest(
    changed_by: Callable[[str, str], set[str]], file: str
) -> None:
    assert changed_by(file, "\n\n# A remark.\n") == set()


@pytest.mark.parametrize(
    ("file", "affected"),
    [
        ("train.py", {"train"}),
        ("recurate/training/trainer.py", {"train"}),
        ("recurate/training/objectives/flow_matching.py", {"train"}),
        ("recurate/training/objectives/__init__.py", {"train"}),
        ("recurate/models/mlp.py", {"train", "sample"}),
        ("recurate/sampling/ode.py", {"sample"}),
        ("recurate/curation/bradley_terry.py", {"curate"}),
        ("recurate/curation/rewards/clipped_distance.py", {"curate"}),
        ("recurate/data/eight_gaussians.py", {"prepare_real", "curate"}),
        ("recurate/measuring/metrics/sliced_wasserstein.py", {"measure"}),
        ("recurate/measuring/every_arm.py", {"measure"}),
        ("recurate/theory/forecast.py", {"forecast"}),
        ("recurate/curation/parts/keep_operator.py", {"forecast"}),
        ("recurate/theory/claims.py", {"check_claims"}),
        ("recurate/files/paths.py", set(KINDS)),
        ("recurate/files/store.py", set(KINDS)),
        ("recurate/sampling/unrelated.py", set()),
        ("recurate/curation/rewards/class_probability.py", set()),
        ("recurate/measuring/metrics/precision_recall.py", set()),
        ("recurate/study/config.py", set()),
        ("recurate/workflow/project.py", set()),
    ],
)
def test_an_edit_changes_the_digests_of_what_runs_it_and_no_other(
    scripts: Path, changed_by: Callable[[str, str], set[str]], file: str, affected: set[str]
) -> None:
    (scripts / file).touch()
    assert changed_by(file, "\nADDED = 1\n") == affected


def test_a_module_imported_inside_a_function_counts(scripts: Path) -> None:
    script = scripts / "own.py"
    script.write_text("def f():\n    from recurate.theory import bounds\n    return bounds\n")
    before = code_digest(script)
    append(scripts / "recurate/theory/bounds.py", "\nADDED = 1\n")
    assert code_digest(script) != before


@pytest.mark.parametrize(
    "line",
    ["import recurate.theory.bounds", "import recurate.theory.bounds as b", "from recurate.theory.bounds import *"],
)
def test_every_way_of_importing_counts(scripts: Path, line: str) -> None:
    script = scripts / "own.py"
    script.write_text(f"{line}\n")
    before = code_digest(script)
    append(scripts / "recurate/theory/bounds.py", "\nADDED = 1\n")
    assert code_digest(script) != before


def test_a_module_of_the_user_counts_with_what_it_imports(scripts: Path, tmp_path: Path) -> None:
    own = tmp_path / "own_reward.py"
    own.write_text("from recurate.curation.rewards import Reward\nfrom recurate.theory.bounds import *\n")
    states = [code_digest(scripts / "curate.py", [("rewards", str(own))])]
    for edited in (own, scripts / "recurate/theory/bounds.py"):
        append(edited, "\nADDED = 1\n")
        states.append(code_digest(scripts / "curate.py", [("rewards", str(own))]))
    assert len(set(states)) == 3


def test_the_digest_does_not_depend_on_the_order_of_kinds_or_on_the_folder(scripts: Path) -> None:
    kinds = KINDS["curate"]
    here = code_digest(scripts / "curate.py", kinds)
    assert code_digest(scripts / "curate.py", reversed(kinds)) == here
    command = (
        "import json, sys; from recurate.workflow.code_digest import code_digest\n"
        "print(code_digest('curate.py', json.loads(sys.argv[1])))"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", command, json.dumps(kinds)],
        cwd=SCRIPTS,
        capture_output=True,
        text=True,
        check=True,
    )
    assert elsewhere.stdout.strip() == here


def test_computing_a_digest_imports_no_component() -> None:
    command = (
        "import sys; from recurate.workflow.code_digest import code_digest as d\n"
        "d('train.py', [('models', 'mlp'), ('metrics', 'precision_recall')])\n"
        "assert not {'torch', 'numpy', 'recurate.models.mlp'} & set(sys.modules), 'imported'"
    )
    subprocess.run([sys.executable, "-c", command], cwd=SCRIPTS, check=True)


def test_every_family_of_components_has_a_key() -> None:
    assert set(FAMILY_OF_KEY.values()) == set(components.FAMILIES)


def test_kinds_are_found_by_key_also_in_lists() -> None:
    spec = {"reward": {"kind": "a", "gamma": 1}, "judge": None, "samples": 3, "metrics": [{"kind": "b"}, {"kind": "c"}]}
    assert kinds_in(spec) == [("rewards", "a"), ("metrics", "b"), ("metrics", "c")]


@given(st.dictionaries(st.text(max_size=3), st.integers() | st.booleans() | st.none(), max_size=5))
def test_the_digest_of_settings_ignores_the_order_of_keys(spec: dict[str, object]) -> None:
    assert spec_digest(spec) == spec_digest(dict(reversed(spec.items())))


@pytest.mark.parametrize(
    "other", [{"a": 2}, {"a": "1"}, {"a": True}, {"a": 1.5}, {"b": 1}, {"a": 1, "b": None}, {"a": [1]}]
)
def test_other_settings_have_another_digest(other: dict[str, object]) -> None:
    assert spec_digest(other) != spec_digest({"a": 1})


def test_digests_are_noted_and_an_edit_is_seen(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    command = (
        "import sys; from recurate import digest\n"
        "if len(sys.argv) > 1: digest.ast.parse = None\n"
        "print(digest.code_digest('script.py'))"
    )

    def asked(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
        python = [sys.executable, "-c", command, *arguments]
        return subprocess.run(python, cwd=tmp_path, env=environment, capture_output=True, text=True)

    script.write_text("from recurate import mixing\n")
    (tmp_path / ".snakemake").mkdir()
    first = asked()
    assert asked("without reading a module").stdout == first.stdout != ""
    written = script.stat().st_mtime_ns
    script.write_text("from recurate import mixing as m\n")
    os.utime(script, ns=(written, written))  # as an archive with fixed times would leave it
    assert asked("without reading a module").returncode != 0
    assert asked().stdout not in ("", first.stdout)
    (tmp_path / digest.NOTES).write_text('{"half')
    assert asked().stdout not in ("", first.stdout)
