"""The command behind `make study`: one run at a time, and the way back after a crash."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from recurate.commands import run as study


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def squeue(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Slurm of shell scripts: squeue prints a file's lines, scancel notes its arguments and removes the lines."""
    commands = here / "bin"
    commands.mkdir()
    queue, noted = here / "queue", here / "cancelled"
    for name, body in (
        ("squeue", f"cat {queue}"),
        ("scancel", f'echo "$*" > {noted}; for job in "$@"; do sed -i "/^$job|/d" {queue}; done'),
    ):
        (commands / name).write_text(f"#!/bin/sh\n{body}\n")
        (commands / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}:{os.environ['PATH']}")
    (here / ".snakemake/slurm_logs").mkdir(parents=True)
    return queue


def test_jobs_of_this_folder_with_our_name_are_cancelled_and_no_others(here: Path, squeue: Path) -> None:
    mine = [f"{number}|{here}|recurate_5f" for number in (11, 12)]
    others = [f"13|{here}|mine", f"14|{here}-2|recurate_5f", "15|/else|where"]
    squeue.write_text("\n".join([*mine, *others]) + "\n")
    study.clear_up(here, here / "results")
    assert (here / "cancelled").read_text() == "11 12\n"
    assert squeue.read_text().splitlines() == others


def test_without_jobs_left_nothing_is_cancelled(here: Path, squeue: Path) -> None:
    squeue.write_text("")
    study.clear_up(here, here / "results")
    assert not (here / "cancelled").exists()


def test_a_slurm_that_does_not_answer_stops_the_run(here: Path, squeue: Path) -> None:
    with pytest.raises(SystemExit, match=r"squeue does not answer \(.*No such file.*try again when it does"):
        study.clear_up(here, here / "results")


def test_where_slurm_was_never_used_it_is_not_asked(here: Path, squeue: Path) -> None:
    (here / ".snakemake/slurm_logs").rmdir()
    study.clear_up(here, here / "results")


def test_a_lock_and_half_written_files_are_removed_and_whole_ones_stay(here: Path) -> None:
    lock, half, whole = (
        here / name for name in (".snakemake/locks/0.input.lock", "results/a/.tmp-x.csv", "results/a/x.csv")
    )
    for path in (lock, half, whole):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    study.clear_up(here, here / "results")
    assert [path.exists() for path in (lock, half, whole)] == [False, False, True]


def test_results_of_tomorrow_are_dated_to_now_and_others_stay(here: Path) -> None:
    now = time.time()
    for name, at in (("yesterday", now - 86_400), ("tomorrow", now + 86_400), ("later", now + 90_000)):
        (here / name).touch()
        os.utime(here / name, (at, at))
    study.clear_up(here, here)
    times = {path.name: path.stat().st_mtime for path in here.iterdir()}
    assert times["yesterday"] == now - 86_400
    assert now <= times["tomorrow"] == times["later"] <= time.time()
