"""One run at a time in a folder, from whatever checkout, and the dead stand in nobody's way."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from recurate.files.writing import read_json, write_json
from recurate.foundation.errors import RecurateError
from recurate.workflow import claims
from recurate.workflow.claims import LOCK, WORD, at_work, claim_for, claimed, held, myself

DEAD = 2**22 + 1  # more than the number of any process
SCRIPTS = Path(__file__).parents[2] / "scripts"
HOLD = (
    "import sys; from recurate.workflow.claims import claimed\n"
    "with claimed(sys.argv[1], together=len(sys.argv) > 2):\n"
    "    print('held', flush=True); sys.stdin.read()\n"
)
TRY = (
    "import sys; from recurate.foundation.errors import RecurateError; from recurate.workflow.claims import claimed\n"
    "try:\n"
    "    with claimed(sys.argv[1]): print('free')\n"
    "except RecurateError as error: print(error)\n"
)


def python(code: str, *arguments: str, **how: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=True, **how)  # type: ignore[call-overload]


@contextmanager
def another(folder: Path, *how: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that has claimed the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), *how],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_the_second_is_told_who_is_at_work_since_when(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    with another(folder) as process, pytest.raises(RecurateError) as refused, claimed(folder):
        pass
    said = str(refused.value)
    assert said.startswith(f"{folder}: {claims.user()} on {socket.gethostname()} since 20")
    assert f"(process {process.pid}, -c {folder})" in said
    assert said.endswith("is at work there; wait for it or stop it")


@pytest.mark.parametrize("how", ["link", "relative", "with_dots"])
def test_a_folder_is_the_same_however_it_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    (tmp_path / "clone").mkdir()
    (tmp_path / "clone/link").symlink_to(folder)
    monkeypatch.chdir(tmp_path / "clone")
    name = {"link": Path("link"), "relative": Path("../results"), "with_dots": tmp_path / "clone/../results"}[how]
    with another(folder), pytest.raises(RecurateError, match="is at work there"), claimed(name):
        pass


def test_other_folders_are_free(tmp_path: Path) -> None:
    with another(tmp_path / "one"), claimed(tmp_path / "two"):
        assert (tmp_path / "two" / WORD).exists()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_the_dead_stand_in_nobody_s_way(tmp_path: Path, end: signal.Signals) -> None:
    with another(tmp_path) as process:
        process.send_signal(end)
        process.wait()
        assert (tmp_path / WORD).exists()
        with claimed(tmp_path):
            assert read_json(tmp_path / WORD)["process"] == os.getpid()  # type: ignore[index, call-overload]


def test_what_is_claimed_is_let_go_and_no_word_stays(tmp_path: Path) -> None:
    for _ in range(2):
        with claimed(tmp_path):
            pass
        assert [path.name for path in tmp_path.iterdir()] == [LOCK]
    assert held() == ()


@pytest.mark.parametrize("word", ["", "{", "[]", "null", "{}", '{"host": 3}', "\x00\x01", '{"host": "here", "proc'])
def test_a_word_that_cannot_be_read_is_as_good_as_none(tmp_path: Path, word: str) -> None:
    (tmp_path / WORD).write_text(word)
    with claimed(tmp_path):
        pass
    with another(tmp_path):
        (tmp_path / WORD).write_text(word)
        with pytest.raises(RecurateError, match="somebody is at work there"), claimed(tmp_path):
            pass


def test_a_process_that_works_for_another_has_what_that_has_and_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with claimed(tmp_path), claimed(tmp_path):  # also for itself
        assert "is at work there" in python(TRY, str(tmp_path)).stdout
        assert python(TRY, str(tmp_path), pass_fds=held()).stdout == "free\n"
        assert (tmp_path / WORD).exists()
        worker = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=held())
    leave_word(tmp_path, host=socket.gethostname(), process=DEAD)
    try:
        living = rf"\(process {worker.pid}: what process {DEAD}, make study, started before it died\) is at work there"
        assert f"(process {worker.pid}: what process {DEAD}, " in str(at_work(tmp_path))
        with pytest.raises(RecurateError, match=living), claimed(tmp_path):
            pass
        monkeypatch.setattr(claims, "_working_at", lambda _: [])  # as if it were another user's
        unseen = rf"\(what process {DEAD}, make study, started before it died\) is at work there"
        with pytest.raises(RecurateError, match=unseen), claimed(tmp_path):
            pass
    finally:
        worker.kill()
        worker.wait()
    with claimed(tmp_path):
        pass


def test_a_dead_process_that_nobody_has_waited_for_is_dead() -> None:
    assert claims._lives(os.getpid()) and not claims._lives(DEAD)
    child = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.read()  # until it ends
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not claims._lives(child.pid)
    child.wait()


def test_many_share_a_folder_and_whoever_wants_it_alone_waits(tmp_path: Path) -> None:
    with another(tmp_path, "together"):
        with claimed(tmp_path, together=True):
            pass
        with pytest.raises(RecurateError, match="is at work there"), claimed(tmp_path):
            pass
    with another(tmp_path), pytest.raises(RecurateError, match="is at work there"), claimed(tmp_path, together=True):
        pass


@pytest.mark.parametrize("how", [(), ("together",)], ids=["alone", "together"])
def test_who_is_at_work_is_told_to_whoever_asks(tmp_path: Path, how: tuple[str, ...]) -> None:
    assert at_work(tmp_path) is None
    with another(tmp_path, *how) as process:
        assert f"(process {process.pid}, -c {tmp_path}" in str(at_work(tmp_path))
    assert at_work(tmp_path) is None


def leave_word(folder: Path, host: str = "elsewhere", job: str | None = None, process: int = 4) -> None:
    """What a run leaves that was killed, perhaps inside a Slurm job."""
    word = {
        **vars(myself()),
        "host": host,
        "slurm_job": job,
        "process": process,
        "user": "ana",
        "command": "make study",
    }
    write_json(folder / WORD, word)


def refused(folder: Path) -> None:
    said = r"ana on elsewhere since .* \(process 4, make study\) was at work .*; make sure that it has, then delete "
    with pytest.raises(RecurateError, match=said), claimed(folder):
        pass


def test_a_run_of_another_host_is_respected_until_its_word_is_deleted(tmp_path: Path) -> None:
    leave_word(tmp_path)
    refused(tmp_path)
    (tmp_path / WORD).unlink()
    with claimed(tmp_path):
        pass


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Slurm whose squeue prints a file."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/squeue").write_text(f"#!/bin/sh\ncat {tmp_path}/queue\n")
    (tmp_path / "bin/squeue").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    return tmp_path / "queue"


def test_a_run_inside_a_slurm_job_is_respected_until_the_job_ends(tmp_path: Path, queue: Path) -> None:
    leave_word(tmp_path, job="77")
    queue.write_text("RUNNING\n")
    refused(tmp_path)
    queue.unlink()  # squeue fails
    refused(tmp_path)
    queue.write_text("")
    with claimed(tmp_path):
        pass


def test_a_slurm_job_that_was_put_back_into_the_queue_goes_on(
    tmp_path: Path, queue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_word(tmp_path, job="77")
    queue.write_text("RUNNING\n")
    refused(tmp_path)
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    with claimed(tmp_path):
        pass


def test_where_there_are_no_locks_the_word_of_a_living_process_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", without)
    here, living = socket.gethostname(), os.getppid()
    leave_word(tmp_path, host=here, process=living)
    with (
        pytest.raises(RecurateError, match=rf"process {living}, .* may be at work there; if not, delete "),
        claimed(tmp_path),
    ):
        pass
    leave_word(tmp_path, host=here, process=DEAD)
    with claimed(tmp_path):
        pass


def test_a_folder_below_a_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(RecurateError, match=r"file/results: cannot be written \(Not a directory\); name another folder"),
        claimed(tmp_path / "file/results"),
    ):
        pass


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may look into."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, as root")
@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_a_folder_of_another_user_is_a_sentence(open_folder: Path, mode: int) -> None:
    folder = open_folder / "results"
    folder.mkdir(mode)
    try:
        os.seteuid(65534)
        with (
            pytest.raises(
                RecurateError, match=r"results: cannot be written \(Permission denied\); name another folder"
            ),
            claimed(folder),
        ):
            pass
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, as root")
def test_a_folder_that_several_may_write_is_claimed_by_each_in_turn(open_folder: Path) -> None:
    folder = open_folder / "results"
    folder.mkdir()
    folder.chmod(0o777)
    with claimed(folder):
        pass
    try:
        os.seteuid(65534)
        with claimed(folder):
            pass
    finally:
        os.seteuid(0)


def test_a_snakemake_that_is_to_lock_nothing_claims_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    claim_for(SimpleNamespace(execution_settings=SimpleNamespace(lock=False)), "results")
    assert list(tmp_path.iterdir()) == []
