"""A lab cluster, and projects that run on it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import Cluster, why_not


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """Two nodes with two GPUs each; with accounting unless the module's ACCOUNTING is False."""
    if reason := why_not():
        pytest.skip(reason)
    # Not below pytest's folder, which the database's user may not enter.
    with tempfile.TemporaryDirectory(prefix="recurate-lab-") as folder:
        lab = Cluster(Path(folder), accounting=getattr(request.module, "ACCOUNTING", True))
        try:
            lab.start()
            yield lab
        finally:
            lab.stop()
