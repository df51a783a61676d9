"""Code digests see every change of meaning in what a script runs, and nothing else."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurate.files.fingerprints import spec_digest
from recurate.workflow import code_digest as digest
from recurate.workflow.code_digest import code_digest

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts"
# Of every rule its script and the modules of the components that its settings name, in a small study on points.
LOADED = {
    "data": "data/eight_gaussians", "judge": "curation/judges/small_cnn", "model": "models/mlp",
    "objective": "training/objectives/flow_matching", "sampler": "sampling/ode",
    "reward": "curation/rewards/clipped_distance", "curation": "curation/bradley_terry",
    "features": "measuring/features/judge", "metric": "measuring/metrics/sliced_wasserstein",
    "estimator": "closed_form/estimators/gaussian", "figure": "figures/trajectory", "animation": "figures/animation",
}  # fmt: skip
RULES = {
    "fetch": ("prepare_real", "data"),
    "fetch_inception": ("fetch_inception",),
    "real_data": ("prepare_real", "data"),
    "judge": ("train_judge", "judge"),
    "reference": ("reference", "features judge"),
    "nearness": ("nearness", "features judge"),
    "train_origin": ("train", "model objective"),
    "train_arm": ("train", "model objective"),
    "sample_origin": ("sample", "model sampler"),
    "sample_arm": ("sample", "model sampler"),
    "curate": ("curate", "data reward curation"),
    "extract_origin": ("extract", "features judge"),
    "extract_arm": ("extract", "features judge"),
    "measure": ("measure", "metric"),
    "gather": ("gather",),
    "forecast": ("forecast", "curation"),
    "claims": ("claims", "curation"),
    "effects": ("effects",),
    "traverse": ("traverse", "model"),
    "draw": ("draw", "figure"),
    "animate": ("draw", "animation reward curation"),
    "resolved_config": ("resolve_config",),
    "account": ("account",),
    "report": ("report",),
    "simulate": ("simulate", "estimator reward curation"),
    "laws": ("laws", "estimator reward curation"),
    "rates": ("rates", "estimator"),
}
TRAIN, SAMPLE, EXTRACT = ({f"{stage}_origin", f"{stage}_arm"} for stage in ("train", "sample", "extract"))
REAL, DRAW = {"fetch", "real_data"}, {"draw", "animate"}
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
    """Code digest of every rule."""
    return {
        rule: code_digest(
            scripts / f"{script}.py",
            [scripts / "recurate" / f"{LOADED[name]}.py" for names in components for name in names.split()],
        )
        for rule, (script, *components) in RULES.items()
    }


def test_every_rule_has_a_row() -> None:
    rules = "\n".join(path.read_text() for path in sorted((ROOT / "rules").glob("*.smk")))
    named = set(re.findall(r"^ *(?:use rule \w+ as |rule )(\w+)(?: with)?:", rules, re.MULTILINE)) - {"data"}
    assert named | {"fetch"} == set(RULES)
    inherited = {own: parent for parent, own in re.findall(r"^use rule (\w+) as (\w+) with:", rules, re.MULTILINE)}
    for rule, (script, *_) in RULES.items():
        if rule != "fetch":
            written = inherited.get(rule, rule)
            block = re.search(rf"^rule {written}:.*?(?=^rule |\Z)", rules, re.MULTILINE | re.DOTALL)
            assert block is not None and f"scripts/{script}.py" in block[0], rule


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
        ("train.py", TRAIN),
        ("prepare_real.py", REAL),
        ("draw.py", DRAW),
        ("recurate/training/trainer.py", TRAIN),
        ("recurate/training/state.py", TRAIN),
        ("recurate/training/objectives/flow_matching.py", TRAIN),
        ("recurate/training/objectives/__init__.py", TRAIN),
        ("recurate/stages/train.py", TRAIN),
        ("recurate/models/mlp.py", TRAIN | SAMPLE | {"traverse"}),
        ("recurate/sampling/ode.py", SAMPLE),
        ("recurate/sampling/__init__.py", SAMPLE | {"traverse"}),
        ("recurate/sampling/unrelated.py", set()),
        ("recurate/curation/bradley_terry.py", {"curate", "forecast", "claims", "simulate", "laws", "animate"}),
        ("recurate/curation/rewards/clipped_distance.py", {"curate", "simulate", "laws", "animate"}),
        ("recurate/curation/rewards/class_probability.py", set()),
        ("recurate/curation/judges/small_cnn.py", {"judge", "reference", "nearness"} | EXTRACT),
        ("recurate/data/eight_gaussians.py", REAL | {"curate"}),
        ("recurate/measuring/features/judge.py", {"reference", "nearness"} | EXTRACT),
        ("recurate/measuring/metrics/sliced_wasserstein.py", {"measure"}),
        ("recurate/measuring/metrics/precision_recall.py", set()),
        ("recurate/closed_form/estimators/gaussian.py", {"simulate", "laws", "rates"}),
        ("recurate/closed_form/laws/gaussian.py", {"laws", "rates"}),
        ("recurate/closed_form/laws/registry.py", {"laws", "rates"}),
        ("recurate/closed_form/estimators/kde.py", set()),
        ("recurate/closed_form/law.py", {"laws", "rates"}),
        ("recurate/closed_form/tables.py", {"laws", "rates", "claims", "report"} | DRAW),
        ("recurate/closed_form/simulate.py", {"simulate"}),
        ("recurate/theory/claims.py", {"claims", "draw"}),
        ("recurate/theory/checking.py", {"claims"}),
        ("recurate/theory/limit.py", set()),
        (
            "recurate/curation/parts/keep_operator.py",
            {"curate", "forecast", "claims", "simulate", "laws", "rates", "animate"},
        ),
        (
            "recurate/curation/parts/reward_moments.py",
            {"measure", "forecast", "curate", "simulate", "laws", "rates", "animate"},
        ),
        ("recurate/curation/rewards/__init__.py", {"curate", "simulate", "laws", "rates", "report"} | DRAW),
        ("recurate/theory/agreement.py", {"claims", "report"} | DRAW),
        ("recurate/figures/trajectory.py", {"draw"}),
        ("recurate/figures/animation.py", {"animate"}),
        ("recurate/figures/shares.py", set()),
        ("recurate/figures/parts/words.py", DRAW | {"report"}),
        ("recurate/report/report.py", {"report"}),
        ("recurate/files/costs.py", {"account", "report"}),
        ("recurate/files/writing.py", set(RULES)),
        ("recurate/files/records.py", {"account", "report"}),
        ("recurate/study/config.py", set()),
        ("recurate/study/reading.py", set()),
        ("recurate/workflow/project.py", set()),
        ("recurate/workflow/job.py", set()),
        ("recurate/workflow/code_digest.py", set()),
        ("recurate/workflow/stage_settings.py", set()),
    ],
)
def test_an_edit_changes_the_digests_of_what_runs_it_and_no_other(
    scripts: Path, changed_by: Callable[[str, str], set[str]], file: str, affected: set[str]
) -> None:
    (scripts / file).touch()
    assert changed_by(file, "\nADDED = 1\n") == affected


@pytest.mark.parametrize(
    ("module", "columns", "untouched"),
    [
        ("theory/verdicts.py", "CLAIM_COLUMNS", set(RULES) - {"claims", "report"} - DRAW),
        ("closed_form/tables.py", "LAW_COLUMNS", TRAIN | SAMPLE | {"simulate", "curate", "measure"}),
        ("closed_form/tables.py", "RATE_COLUMNS", TRAIN | SAMPLE | {"curate", "measure", "forecast"}),
    ],
)
def test_a_column_of_a_table_is_no_part_of_what_does_not_write_or_read_it(
    scripts: Path, module: str, columns: str, untouched: set[str]
) -> None:
    before = digests(scripts)
    file = scripts / "recurate" / module
    text = file.read_text()
    assert f"{columns} = (" in text
    file.write_text(text.replace(f"{columns} = (", f"{columns} = (\n    'another',", 1))
    after = digests(scripts)
    changed = {rule for rule in RULES if before[rule] != after[rule]}
    assert changed and not changed & untouched


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


def test_a_module_of_the_user_counts_with_all_that_it_imports(scripts: Path, tmp_path: Path) -> None:
    own, beside, package = tmp_path / "own_reward.py", tmp_path / "helper.py", tmp_path / "more/__init__.py"
    own.write_text(
        "from recurate.curation.rewards import Reward\nfrom recurate.theory.bounds import *\n"
        "from .helper import f\nfrom . import more\n"
    )
    beside.write_text("def f(): return 1\n")
    package.parent.mkdir()
    package.write_text("def g(): return 1\n")
    states = [code_digest(scripts / "curate.py", [own])]
    for edited in (own, beside, package, scripts / "recurate/theory/bounds.py"):
        append(edited, "\nADDED = 1\n")
        states.append(code_digest(scripts / "curate.py", [own]))
    assert len(set(states)) == 5


def test_what_does_not_run_does_not_count(scripts: Path) -> None:
    script = scripts / "own.py"
    states = []
    for checked, adapter in (("bounds", "run"), ("limit", "walk")):
        script.write_text(
            "from typing import TYPE_CHECKING\n"
            f"if TYPE_CHECKING:\n    from recurate.theory import {checked}\n"
            "def f(): return 1\n"
            f"if __name__ == '__main__':\n    from recurate.workflow import job\n    job.{adapter}(f)\n"
        )
        states.append(code_digest(script))
    append(scripts / "recurate/theory/limit.py", "\nADDED = 1\n")
    append(scripts / "recurate/workflow/job.py", "\nADDED = 1\n")
    assert {*states, code_digest(script)} == {states[0]}


def test_the_digest_does_not_depend_on_the_order_of_components_or_on_the_folder(scripts: Path) -> None:
    components = [scripts / "recurate" / f"{LOADED[name]}.py" for name in ("reward", "curation")]
    here = code_digest(scripts / "curate.py", components)
    assert code_digest(scripts / "curate.py", reversed(components)) == here
    command = (
        "import json, sys; from recurate.workflow.code_digest import code_digest\n"
        "print(code_digest('curate.py', json.loads(sys.argv[1])))"
    )
    names = [f"recurate/{LOADED[name]}.py" for name in ("reward", "curation")]
    elsewhere = subprocess.run(
        [sys.executable, "-c", command, json.dumps(names)], cwd=SCRIPTS, capture_output=True, text=True, check=True
    )
    assert elsewhere.stdout.strip() == here


def test_computing_a_digest_imports_no_component() -> None:
    command = (
        "import sys; from recurate.workflow.code_digest import code_digest as d\n"
        "d('train.py', ['recurate/models/mlp.py', 'recurate/measuring/metrics/precision_recall.py'])\n"
        "assert not {'torch', 'numpy', 'recurate.models.mlp'} & set(sys.modules), 'imported'"
    )
    subprocess.run([sys.executable, "-c", command], cwd=SCRIPTS, check=True)


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
        "import sys; from recurate.workflow import code_digest as digest\n"
        "parse = digest.ast.parse\n"
        "def own(text, filename):\n"
        "    assert 'recurate' not in filename\n"
        "    return parse(text, filename)\n"
        "if len(sys.argv) > 1: digest.ast.parse = own\n"
        "print(digest.code_digest('script.py'))"
    )

    def asked(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
        python = [sys.executable, "-c", command, *arguments]
        return subprocess.run(python, cwd=tmp_path, env=environment, capture_output=True, text=True)

    script.write_text("from recurate.mixing import ratios\n")
    (tmp_path / ".snakemake").mkdir()
    first = asked()
    assert asked("without reading the library").stdout == first.stdout != ""
    written = script.stat().st_mtime_ns
    script.write_text("from recurate.mixing import ratios as m\n")
    os.utime(script, ns=(written, written))  # as an archive with fixed times would leave it
    edited = asked().stdout
    assert edited not in ("", first.stdout)
    notes = tmp_path / digest.NOTES
    for damaged in ("", '{"half', "[]", "null", "{}", '{"valid": 1, "notes": []}', "\x00", misled(notes.read_text())):
        notes.write_text(damaged)
        again = asked()
        assert (again.stdout, again.returncode) == (edited, 0)
        assert re.fullmatch(rf"{digest.NOTES}: .*; it is made anew\n", again.stderr), damaged
        assert asked("without reading the library").stdout == edited


def misled(notes: str) -> str:
    """Notes that say of a module that it means something else."""
    card = json.loads(notes)
    path = next(iter(card["notes"]))
    card["notes"][path][1] = "0" * 64
    return json.dumps(card)


def own_component(folder: Path) -> Path:
    """A component of the user's own with two modules beside it, one of them a link."""
    (folder / "reward.py").write_text("from .first import ONE\nfrom .second import TWO\n")
    (folder / "first.py").write_text("ONE = 1\n")
    (folder / "elsewhere.py").write_text("TWO = 2\n")
    (folder / "second.py").symlink_to("elsewhere.py")
    return folder / "reward.py"


def test_two_modules_that_exchange_their_contents_are_a_change(tmp_path: Path) -> None:
    component = own_component(tmp_path)
    before = code_digest(SCRIPTS / "curate.py", [component])
    contents = [(tmp_path / name).read_text() for name in ("first.py", "elsewhere.py")]
    for name, content in zip(("elsewhere.py", "first.py"), contents, strict=True):
        (tmp_path / name).write_text(content)
    assert code_digest(SCRIPTS / "curate.py", [component]) != before


def test_a_link_that_leads_elsewhere_is_a_change_in_another_process(tmp_path: Path) -> None:
    """The importing module is as it was, so that what was noted of it must not be believed."""
    component = own_component(tmp_path)
    program = (
        f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); from recurate.workflow.code_digest import code_digest; "
    )
    program += f"print(code_digest({str(SCRIPTS / 'curate.py')!r}, [{str(component)!r}]))"

    def digest_of_process() -> str:
        (tmp_path / ".snakemake").mkdir(exist_ok=True)
        return subprocess.run([sys.executable, "-c", program], cwd=tmp_path, text=True, check=True, stdout=-1).stdout

    before = digest_of_process()
    assert digest_of_process() == before
    (tmp_path / "other.py").write_text("TWO = 3\n")
    (tmp_path / "second.py").unlink()
    (tmp_path / "second.py").symlink_to("other.py")
    assert digest_of_process() != before


def test_a_neighbour_that_is_imported_from_the_projects_folder_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/reward.py").write_text("from mine.shift import S\n")
    (tmp_path / "mine/shift.py").write_text("S = 1\n")
    before = code_digest(SCRIPTS / "curate.py", ["mine/reward.py"])
    (tmp_path / "mine/shift.py").write_text("S = 10\n")
    assert (edited := code_digest(SCRIPTS / "curate.py", ["mine/reward.py"])) != before
    (tmp_path / "mine/__init__.py").write_text("import mine.shift\nmine.shift.S = 3\n")
    digest._module.cache_clear()  # as in another process
    assert code_digest(SCRIPTS / "curate.py", ["mine/reward.py"]) != edited
