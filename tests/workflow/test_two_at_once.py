"""Two people, or two clones, at one results folder: the second is told who has it, and the first is not disturbed."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny import Copy, environment, fresh

from recurate.workflow.claims import LOCK, WORD

pytestmark = pytest.mark.workflow
RUN = (sys.executable, "scripts/manage.py", "run", "--cores", "1")
PLAIN = (str(Path(sys.executable).with_name("snakemake")), "--cores", "1")


@pytest.fixture
def clones(tmp_path: Path) -> tuple[Copy, Copy]:
    """Two clones that write to one folder: one by its path, one by a link."""
    shared = tmp_path / "shared"
    shared.mkdir()
    first, second = fresh(tmp_path / "first"), fresh(tmp_path / "second")
    (second.folder / "linked").symlink_to(shared)
    for clone, results in ((first, str(shared)), (second, "linked")):
        clone.edit("config/config.yaml", "results: results", f"results: {results}")
    return first, second


def at_work(clone: Copy, command: tuple[str, ...], results: Path) -> subprocess.Popen[str]:
    """A run of a clone that has begun."""
    run = subprocess.Popen(
        command, cwd=clone.folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    until = time.monotonic() + 120
    while not (results / WORD).exists():
        assert run.poll() is None, run.communicate()[0]
        assert time.monotonic() < until
        time.sleep(0.05)
    return run


@pytest.mark.parametrize("command", [RUN, pytest.param(PLAIN, marks=pytest.mark.long)], ids=["make_study", "snakemake"])
def test_whoever_comes_second_is_told_who_is_at_work(
    tmp_path: Path, clones: tuple[Copy, Copy], command: tuple[str, ...]
) -> None:
    first, second = clones
    run = at_work(first, command, tmp_path / "shared")
    try:
        for other in (RUN, PLAIN):
            refused = second.run(*other)
            assert refused.returncode == 1, refused.stdout
            assert f"error: {tmp_path / 'shared'}: " in refused.stdout, refused.stdout
            assert "is at work there; wait for it or stop it" in refused.stdout
            assert "Traceback" not in refused.stdout
            planned = second.run(*other, "-n")
            assert planned.returncode == 0, planned.stdout
        of_the_same = first.run(*RUN)
        assert of_the_same.returncode == 1, of_the_same.stdout
        assert "is at work there; wait for it or stop it" in of_the_same.stdout
    finally:
        said = run.communicate()[0]
    assert run.returncode == 0, said
    assert not (tmp_path / "shared" / WORD).exists()
    assert (tmp_path / "shared" / LOCK).exists()
    after = second.run(*PLAIN, "-n")
    assert after.returncode == 0, after.stdout
