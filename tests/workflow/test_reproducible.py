"""The same study gives the same bytes, also when it was killed on the way."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny import Copy, environment

pytestmark = pytest.mark.workflow


def contents(project: Copy) -> dict[str, bytes]:
    """Bytes of every sample set, curated set, model, card and table, by path."""
    results = project.folder / "results"
    files = (p for p in sorted(results.rglob("*")) if p.suffix in (".safetensors", ".csv", ".json", ".yaml", ".pdf"))
    return {str(path.relative_to(results)): path.read_bytes() for path in files if "benchmarks" not in path.parts}


def processes_in(folder: Path) -> list[int]:
    """Processes that work in a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").resolve() == folder.resolve():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def kill_everything_when(project: Copy, pattern: str) -> None:
    """Start the study, and kill -9 Snakemake and all its jobs as soon as a result matches `pattern`."""
    run = subprocess.Popen(
        [sys.executable, "scripts/study.py", "--cores", "2"],
        cwd=project.folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while not list((project.folder / "results").glob(pattern)):
        assert run.poll() is None, f"the study ended before {pattern} was there"
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGKILL)
    for process in processes_in(project.folder):
        with contextlib.suppress(ProcessLookupError):  # it may have ended by itself meanwhile
            os.kill(process, signal.SIGKILL)
    run.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes through /proc")
def test_a_study_killed_twice_ends_in_the_same_bytes(built: Copy, unbuilt: Copy) -> None:
    kill_everything_when(unbuilt, "tiny/origins/*/*/gen-000/samples.safetensors")
    kill_everything_when(unbuilt, "tiny/arms/*/*/gen-001/model.safetensors")
    half_written = unbuilt.folder / "results/tiny/arms/.tmp-half.safetensors"
    half_written.write_text("what a process killed while writing leaves")
    assert not (unbuilt.folder / "results/report.html").exists()
    done = unbuilt.run(sys.executable, "scripts/study.py", "--cores", "2")
    assert done.returncode == 0, done.stdout
    expected, found = contents(built), contents(unbuilt)
    assert found.keys() == expected.keys()
    assert [path for path in expected if found[path] != expected[path]] == []
    assert list((unbuilt.folder / "results").rglob(".tmp-*")) == []


def test_a_second_run_in_the_same_folder_is_refused(project: Copy) -> None:
    fake = project.folder / "bin/snakemake"
    fake.parent.mkdir()
    fake.write_text("import time\ntime.sleep(60)\n")
    other = subprocess.Popen([sys.executable, str(fake)], cwd=project.folder)
    try:
        refused = project.run(sys.executable, "scripts/study.py", "-n")
    finally:
        other.kill()
        other.wait()
    assert refused.returncode == 1
    assert f"error: Snakemake (process {other.pid}) is at work" in refused.stdout


def test_the_lock_of_a_killed_run_is_removed(project: Copy) -> None:
    lock = project.folder / ".snakemake/locks/0.output.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text("results/tiny/metrics.csv\n")
    done = project.run(sys.executable, "scripts/study.py", "--cores", "1")
    assert done.returncode == 0, done.stdout
    assert "report:" in done.stdout
