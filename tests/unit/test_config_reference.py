"""What is generated from the classes says what they say."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from recurate.commands.reference import texts

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", texts(), ids=str)
def test_generated_texts_are_up_to_date(path: Path) -> None:
    written, wanted = (ROOT / path).read_text(), texts()[path]
    difference = "\n".join(difflib.unified_diff(written.splitlines(), wanted.splitlines(), "written", "wanted"))
    assert not difference, f"run python scripts/manage.py reference\n{difference}"


def test_the_readme_is_short() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 220
    assert max(map(len, lines)) <= 120
