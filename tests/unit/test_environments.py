"""The environments agree with the lock, and every dependency is accounted for."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PACKAGE_OF_MODULE = {
    "PIL": "pillow",
    "cleanfid": "clean-fid",
    "jinja2": "jinja2",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))


def pins(lines: list[str]) -> dict[str, str]:
    """Versions by lower-case package name, from lines `name==version` or `name=version`."""
    found = (re.fullmatch(r"([A-Za-z0-9_.-]+?)==?([^=>]+)", line.strip()) for line in lines)
    return {match[1].lower().replace("_", "-"): match[2] for match in found if match}


def locked() -> dict[str, str]:
    return pins([line for path in (ROOT / "envs").glob("lock*.txt") for line in path.read_text().splitlines()])


def imported_modules() -> set[str]:
    """Top-level modules that scripts import, outside the standard library and the project."""
    names: set[str] = set()
    for path in (ROOT / "scripts").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                names.add(node.module.split(".")[0])
    local = {
        path.stem for folder in ("scripts", "tests") for path in (ROOT / folder).rglob("*.py")
    }  # benchmarks use both
    return names - set(sys.stdlib_module_names) - local - {"recurate"}


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_a_conda_environment_pins_what_the_lock_pins(path: Path) -> None:
    entries = yaml.safe_load(path.read_text())["dependencies"]
    nested = [line for entry in entries if isinstance(entry, dict) for line in entry["pip"]]
    found = pins([entry for entry in entries if isinstance(entry, str)] + nested)
    assert len(found) > 5
    assert found == {name: locked()[name] for name in found}


def test_every_rule_with_a_script_names_an_environment_that_exists() -> None:
    text = "\n".join(path.read_text() for path in sorted((ROOT / "rules").glob("*.smk")))
    names = re.findall(r'^ +conda:\n +(?:"\.\./envs/(\w+)\.yaml"|environment\("(\w+)"\))$', text, re.MULTILINE)
    inherited = len(re.findall(r"^ *use rule ", text, re.MULTILINE))
    assert len(names) + inherited == len(re.findall(r"^ *(?:rule \w+|rule|use rule .*):$", text, re.MULTILINE)) - 1 > 20
    by_origin = {"language", "pretrained"}  # in place of those that rules name
    assert {written or asked for written, asked in names} == {path.stem for path in ENVIRONMENTS} - by_origin


def test_every_imported_package_is_locked_and_explained() -> None:
    explained = set(re.findall(r"^\| ([a-z][a-z0-9-]+) \|", (ROOT / "docs/dependencies.md").read_text(), re.MULTILINE))
    packages = {PACKAGE_OF_MODULE.get(name, name).replace("_", "-") for name in imported_modules()}
    assert len(packages) > 10
    assert packages <= explained
    assert explained - {"package"} <= set(locked())
