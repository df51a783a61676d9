"""The same study gives the same bytes, also when it was killed on the way."""

from __future__ import annotations

import sys

import pytest
from tiny import Copy

pytestmark = pytest.mark.workflow


def test_the_lock_of_a_killed_run_is_removed(project: Copy) -> None:
    lock = project.folder / ".snakemake/locks/0.output.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text("results/tiny/metrics.csv\n")
    done = project.run(sys.executable, "scripts/manage.py", "run", "--cores", "1")
    assert done.returncode == 0, done.stdout
    assert "report:" in done.stdout
