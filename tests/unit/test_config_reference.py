"""config/README.md says what the code says."""

from __future__ import annotations

import difflib
import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_config_reference_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("write_config_reference", ROOT / "scripts/write_config_reference.py")
    assert spec is not None and spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    written, wanted = (ROOT / "config/README.md").read_text(), generator.reference()
    difference = "\n".join(difflib.unified_diff(written.splitlines(), wanted.splitlines(), "written", "wanted"))
    assert not difference, f"run python scripts/write_config_reference.py\n{difference}"
