"""A small real study, built once, and copies of it to edit."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tiny import Copy, fresh


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The study, built once; tests must not change it."""
    copy = fresh(tmp_path_factory.mktemp("built") / "project")
    done = copy.snakemake()
    assert done.returncode == 0, done.stdout
    return copy


@pytest.fixture
def project(built: Copy, tmp_path: Path) -> Copy:
    """A copy of the built study with all modification times kept."""
    shutil.copytree(built.folder, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__"))
    return Copy(tmp_path / "project")


@pytest.fixture
def unbuilt(tmp_path: Path) -> Copy:
    """The study's code and settings, nothing built."""
    return fresh(tmp_path / "project")


@pytest.fixture(scope="module")
def unbuilt_once(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """One copy for many dry runs that write nothing; each test writes its own study file."""
    return fresh(tmp_path_factory.mktemp("unbuilt") / "project")
