"""What documents name is there, and their command lines are ones that Snakemake can read."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*sorted(ROOT.glob("docs/**/*.md")), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md"))]
FOLDERS = ("", "scripts/", "scripts/recurate/")
FOREIGN = ("my_rewards/", "mine/", "stages/SCRIPT.py", "results/STUDY/")  # of the reader's own, or standing for many


@pytest.fixture(params=DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def text(request: pytest.FixtureRequest) -> str:
    path: Path = request.param
    return path.read_text()


def test_a_file_that_a_document_names_is_there(text: str) -> None:
    named = set(re.findall(r"`((?:\w+/)*\w+\.(?:py|smk|yaml))`", text))
    found = {name for name in named if any(list(ROOT.glob(folder + name)) for folder in FOLDERS)}
    assert {name for name in named - found if not name.startswith(FOREIGN)} == set()


def test_what_a_document_imports_or_calls_by_its_whole_name_is_there(text: str) -> None:
    names = re.findall(r"`(recurate(?:\.\w+)+)`", text)
    names += [f"{module}.{name}" for module, name in re.findall(r"from (recurate[\w.]+) import (\w+)", text)]
    for whole in names:
        module, _, name = whole.rpartition(".")
        try:
            importlib.import_module(whole)
        except ModuleNotFoundError:
            assert hasattr(importlib.import_module(module), name), whole


def test_targets_after_config_stand_behind_two_dashes(text: str) -> None:
    """For Snakemake takes all that follows `--config` for settings, up to the next option."""
    for line in re.findall(r"snakemake [^`\n]*--config [^`\n#]*", text):
        after = line.partition("--config ")[2].split(" -- ")[0]
        plain = re.sub(r"'[^']*'", "a=b", after).split()
        settings = [word for word in plain if not word.startswith("-")]
        assert all("=" in word for word in settings), line


def test_nothing_is_left_of_a_merge(text: str) -> None:
    assert not re.search(r"^(<{7}|={7}|>{7})( |$)", text, re.MULTILINE)
