"""Faults of one machine: killed at any moment, a full disk, damaged files, a clock that jumps."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from tiny import Copy, contents, fresh, processes_in

pytestmark = pytest.mark.workflow

FEW, MANY = 3, 25  # kills
RUN = (sys.executable, "scripts/manage.py", "run", "--cores", "2")
SAMPLES = "results/tiny/origins/gaussians/seeds-0-1/gen-000/samples.safetensors"
PROGRESS = "results/tiny/origins/gaussians/seeds-0-1/gen-000/.progress"


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes through /proc")
@pytest.mark.parametrize("kills", [FEW, pytest.param(MANY, marks=pytest.mark.long)])
def test_a_study_killed_at_random_moments_ends_in_the_same_bytes(built: Copy, tmp_path: Path, kills: int) -> None:
    expected = contents(built)
    moments = random.Random(20)
    project = fresh(tmp_path / "project")
    for _ in range(kills):
        if killed(project, moments.uniform(0.2, 9)):
            continue
        assert contents(project) == expected, "a run that was faster than its killer"
        shutil.rmtree(project.folder / "results")
    done = project.run(sys.executable, "scripts/manage.py", "run", "--cores", "2")
    assert done.returncode == 0, done.stdout
    assert contents(project) == expected
    assert list((project.folder / "results").rglob(".tmp*")) == []


def killed(project: Copy, seconds: float) -> bool:
    """Start the study, and after `seconds` kill -9 Snakemake and all its jobs; False if it ended before."""
    run = project.start()
    with contextlib.suppress(subprocess.TimeoutExpired):
        output = run.communicate(timeout=seconds)[0]
        assert run.returncode == 0, output
        return False
    project.kill(run)
    return True


def same_bytes(some: Copy, every: Copy) -> None:
    """Files of a study that is built in part are those of the built one."""
    found, expected = contents(some), contents(every)
    assert found and found == {path: expected[path] for path in found}


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounts a small file system, as root")
def test_a_disk_that_fills_up_loses_nothing(built: Copy, unbuilt: Copy) -> None:
    results = unbuilt.folder / "results"
    results.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(results)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        full = unbuilt.run(*RUN, "results/tiny/metrics.csv")
        assert full.returncode != 0
        assert "No space left on device" in full.stdout
        assert "Traceback" not in full.stdout
        subprocess.run(["mount", "-o", "remount,size=64m", str(results)], check=True)
        done = unbuilt.run(*RUN, "results/tiny/metrics.csv")
        assert done.returncode == 0, done.stdout
        same_bytes(unbuilt, built)
    finally:
        subprocess.run(["umount", str(results)], check=True)


ARM = "results/tiny/arms/mixed/seeds-0-1"


def truncated(folder: Path) -> None:
    path = folder / ARM / "gen-001/samples.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def flipped(folder: Path) -> None:
    path = folder / ARM / "gen-001/samples.safetensors"
    content = bytearray(path.read_bytes())
    content[-100] ^= 4
    path.write_bytes(content)


def exchanged(folder: Path) -> None:
    first, second = (folder / ARM / f"gen-00{number}/samples.safetensors" for number in (1, 2))
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        pytest.param(truncated, "does not hold the bytes that sample_arm wrote", marks=pytest.mark.long),
        pytest.param(flipped, "does not hold the bytes that sample_arm wrote", marks=pytest.mark.long),
        (exchanged, f"does not hold the bytes that sample_arm wrote, but those of {ARM}/gen-002/samples.safetensors"),
    ],
)
def test_a_damaged_file_is_found_before_it_is_used_and_rebuilt_on_request(
    built: Copy, project: Copy, damage: Callable[[Path], None], said: str
) -> None:
    written = {path: path.stat().st_mtime_ns for path in (project.folder / ARM).rglob("samples.safetensors")}
    damage(project.folder)
    for path, at in written.items():
        os.utime(path, ns=(at, at))  # what happens to a disk leaves no new time
    table = f"{ARM}/gen-001/metrics.csv"
    refused = project.snakemake("--force", table)
    assert refused.returncode != 0
    assert f"error: {ARM}/gen-001/samples.safetensors {said}" in refused.stdout.replace("\n", " "), refused.stdout
    assert "make verify ARGS=--rebuild" in refused.stdout
    found = project.run(sys.executable, "scripts/manage.py", "verify")
    assert found.returncode == 1
    assert f"{ARM}/gen-001/samples.safetensors {said}" in found.stdout
    rebuilt = project.run(sys.executable, "scripts/manage.py", "verify", "--rebuild")
    assert rebuilt.returncode == 0, rebuilt.stdout
    assert (
        project.run(sys.executable, "scripts/manage.py", "verify").stdout
        == "every recorded file is as it was written\n"
    )
    assert project.planned() == {}, "what was made from it stands"
    assert project.snakemake(table).returncode == 0
    assert contents(project) == contents(built)


def test_what_is_gone_or_has_a_damaged_record_is_named_and_made_again(built: Copy, project: Copy) -> None:
    samples, model = (f"{ARM}/gen-001/{name}.safetensors" for name in ("samples", "model"))
    (project.folder / samples).unlink()
    (project.folder / f"{ARM}/gen-001/.model.safetensors.record").write_text("{")
    named = f"{model} has a damaged record, .model.safetensors.record\n{samples} is gone\n"
    needed = project.run(sys.executable, "scripts/manage.py", "run", "--cores", "2")
    assert needed.returncode == 0, needed.stdout
    assert f"files that were made before are gone: {samples}; " in needed.stdout
    found = project.run(sys.executable, "scripts/manage.py", "verify")
    assert (found.returncode, found.stdout) == (1, named)
    rebuilt = project.run(sys.executable, "scripts/manage.py", "verify", "--rebuild")
    assert rebuilt.returncode == 0, rebuilt.stdout
    assert rebuilt.stdout.startswith(named)
    assert rebuilt.stdout.endswith("every recorded file is as it was written\n")
    assert project.planned() == {}, "what was made from it stands"
    assert contents(project) == contents(built)


def in_training(project: Copy) -> subprocess.Popen[str]:
    """Start the study; returns when its origin has a private checkpoint, of which one is written in every moment."""
    project.snakemake("results/tiny/origins/gaussians/real.safetensors")
    with (project.folder / "config/config.yaml").open("a") as file:
        file.write("save_every: 0.01\n")
    run = project.start(SAMPLES)
    while not list((project.folder / PROGRESS).glob("[!.]*.safetensors")):
        assert run.poll() is None
        time.sleep(0.001)
    return run


def test_a_private_checkpoint_that_cannot_be_read_is_not_used(built: Copy, unbuilt: Copy) -> None:
    unbuilt.kill(in_training(unbuilt))
    for checkpoint in (unbuilt.folder / PROGRESS).glob("[!.]*.safetensors"):
        checkpoint.write_bytes(checkpoint.read_bytes()[:500])
    done = unbuilt.run(*RUN, SAMPLES)
    assert done.returncode == 0, done.stdout
    same_bytes(unbuilt, built)


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes through /proc")
def test_a_job_that_outlived_snakemake_is_waited_for(built: Copy, unbuilt: Copy) -> None:
    run = in_training(unbuilt)
    processes = [psutil.Process(pid) for pid in processes_in(unbuilt.folder)]
    (job,) = [process for process in processes if any(part.endswith(".train.py") for part in process.cmdline())]
    for process in processes:
        if process.pid != job.pid:
            process.kill()
    run.wait()
    job.suspend()  # it lives on and does not end; before, the system would have ended it with the last of its group
    again = unbuilt.start(SAMPLES)
    assert again.stdout is not None
    said = ""
    while "waiting: another copy of the job" not in said:
        line = again.stdout.readline()
        assert line, said
        said += line
    assert job.is_running()
    job.resume()
    output = again.communicate()[0]
    assert again.returncode == 0, output
    same_bytes(unbuilt, built)


def test_a_clock_that_jumped_back_trains_nothing_again(built: Copy, unbuilt: Copy) -> None:
    curated = f"{ARM}/gen-000/curated.safetensors"
    assert unbuilt.snakemake(SAMPLES).returncode == 0
    for path in (unbuilt.folder / "results").rglob("*"):
        written = path.stat().st_mtime + 86_400
        os.utime(path, (written, written))
    done = unbuilt.run(*RUN, curated)
    assert done.returncode == 0, done.stdout
    assert "train_origin" not in done.stdout
    same_bytes(unbuilt, built)
    assert unbuilt.planned(curated) == {}
