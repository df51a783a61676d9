"""A small real study, built once, and copies of it to edit."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock
from tiny import Copy, fresh


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The study, built once by whichever of several processes of pytest comes first; tests must not change it."""
    place = tmp_path_factory.getbasetemp()
    folder = (place.parent if os.environ.get("PYTEST_XDIST_WORKER") else place) / "built/project"
    with FileLock(f"{folder.parent}.lock"):
        if not folder.exists():
            copy = fresh(folder.with_name("in_the_making"))
            done = copy.snakemake()
            assert done.returncode == 0, done.stdout
            copy.folder.rename(folder)
    return Copy(folder)


@pytest.fixture
def project(built: Copy, tmp_path: Path) -> Copy:
    """A copy of the built study with all modification times kept."""
    shutil.copytree(built.folder, tmp_path / "project")
    return Copy(tmp_path / "project")


@pytest.fixture
def unbuilt(tmp_path: Path) -> Copy:
    """The study's code and settings, nothing built."""
    return fresh(tmp_path / "project")


@pytest.fixture(scope="module")
def unbuilt_once(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """One copy for many dry runs that write nothing; each test writes its own study file."""
    return fresh(tmp_path_factory.mktemp("unbuilt") / "project")
