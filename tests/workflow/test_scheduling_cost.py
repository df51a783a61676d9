"""What Snakemake itself does while jobs run."""

from __future__ import annotations

import pytest
from tiny import Copy

pytestmark = pytest.mark.workflow


def test_waiting_jobs_are_looked_at_when_a_job_has_ended_and_not_over_and_over(project: Copy) -> None:
    curated = [f"results/tiny/arms/mixed/seeds-0-1/gen-{n:03}/curated.safetensors" for n in (0, 1, 2)]
    done = project.snakemake("--cores", "1", "--verbose", "--force", *curated)
    assert done.returncode == 0, done.stdout
    looks, jobs = (done.stdout.count(text) for text in ("Ready jobs: ", "Finished jobid: "))
    assert jobs >= len(curated)
    assert 1 <= looks <= jobs + 1
