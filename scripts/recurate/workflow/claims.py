"""Who is at work in a folder: one run at a time, also from other checkouts and hosts, and nobody after a crash.

A run locks a file in the folder, for as long as it lives, and leaves word there of who it is. The lock decides: what
is left of a run that died stands in nobody's way. Where locks do not reach, such as between hosts on some file systems,
the word does.
"""

from __future__ import annotations

import atexit
import fcntl
import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
from pydantic import BaseModel, ValidationError

from recurate.files.locks import WITHOUT_LOCKS, open_to_lock
from recurate.files.writing import read_json, write_json
from recurate.foundation.errors import RecurateError

LOCK, WORD = ".recurate-run.lock", ".recurate-run.json"
HELD = "RECURATE_CLAIMS"  # descriptors of the locks that a process holds for those that it starts


class Holder(BaseModel):
    """Who is at work."""

    host: str
    process: int
    user: str
    since: str
    command: str
    slurm_job: str | None = None

    def __str__(self) -> str:
        return self.called(f"process {self.process}, {self.command}")

    def called(self, processes: str) -> str:
        """Who it is, with the processes that are at work."""
        return f"{self.user} on {self.host} since {self.since} ({processes})"


def myself() -> Holder:
    """This process."""
    return Holder(
        host=socket.gethostname(),
        process=os.getpid(),
        user=user(),
        since=time.strftime("%Y-%m-%d %H:%M:%S"),
        command=" ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:200],
        slurm_job=os.environ.get("SLURM_JOB_ID"),
    )


def user() -> str:
    """Name of who runs this process, or the number where it has none, as in containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


@contextmanager
def claimed(folder: str | Path, together: bool = False) -> Iterator[None]:
    """Have a folder for oneself, or together with others that want no more; nothing to do if a parent process has it.

    Raises RecurateError, with who is at work there, if somebody is, and if the folder cannot be written.
    """
    folder = Path(folder)
    if _has_been_handed_on(folder):
        yield
        return
    with open_to_lock(folder / LOCK) as file:
        _lock(folder, file.fileno(), fcntl.LOCK_SH if together else fcntl.LOCK_EX)
        write_json(folder / WORD, vars(myself()))
        process, before = os.getpid(), os.environ.get(HELD, "")
        os.environ[HELD] = f"{before} {file.fileno()}".strip()
        try:
            yield
        finally:
            if os.getpid() == process:  # what it forked holds nothing
                (folder / WORD).unlink(missing_ok=True)
                os.environ[HELD] = before


def claim_until_exit(folder: str | Path, together: bool = False) -> None:
    """The same for as long as this process lives."""
    stack = ExitStack()
    stack.enter_context(claimed(folder, together))
    atexit.register(stack.close)


def held() -> tuple[int, ...]:
    """Descriptors of the locks of this process, to be handed on to a process that works for it."""
    numbers = [int(number) for number in os.environ.get(HELD, "").split() if number.isdigit()]
    return tuple(number for number in numbers if _status(number))


def claim_for(workflow: object, results: str) -> None:
    """Claim the results folder for a Snakemake that is about to start, and a share of the checkout's own notes.

    Not for one that was told to lock nothing (`--nolock`). Raises RecurateError if somebody is at work there.
    """
    settings = getattr(workflow, "execution_settings", None)
    if getattr(settings, "lock", True):
        claim_until_exit(".snakemake", together=True)
        claim_until_exit(results)


def at_work(folder: Path) -> str | None:
    """Who has a folder, alone or together with others, if anybody has."""
    if not (folder / LOCK).exists():
        return None
    with open_to_lock(folder / LOCK) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return None if error.errno in WITHOUT_LOCKS else _told(folder, _left_word(folder))
    return None


def _has_been_handed_on(folder: Path) -> bool:
    """Whether a parent process has the lock of a folder and handed it on."""
    lock = _status(folder / LOCK)
    return lock is not None and any(os.path.samestat(os.fstat(number), lock) for number in held())


def _status(file: int | Path) -> os.stat_result | None:
    """Of a file or a descriptor, if it is there and may be looked at."""
    try:
        return os.stat(file)
    except OSError:
        return None


def _lock(folder: Path, descriptor: int, kind: int) -> None:
    """Take the lock of a folder. Raises RecurateError if another has it, or may have it where locks do not reach."""
    holder = _left_word(folder)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise RecurateError(
            f"{folder.resolve()}: {_told(folder, holder)} is at work there; wait for it or stop it"
        ) from error
    except OSError as error:
        if error.errno not in WITHOUT_LOCKS:
            raise
        if holder and holder.host == socket.gethostname() and _lives(holder.process):
            raise RecurateError(
                f"{folder.resolve()}: {holder} may be at work there; if not, delete {folder / WORD}"
            ) from error
    if kind == fcntl.LOCK_EX and holder and holder.host != socket.gethostname() and not job_has_ended(holder.slurm_job):
        raise RecurateError(
            f"{folder.resolve()}: {holder} was at work there and did not say that it ended; make sure that it has, "
            f"then delete {folder / WORD}"
        )


def _told(folder: Path, holder: Holder | None) -> str:
    """Who has the lock of a folder: whoever left word or, where that one is dead, what it started and left behind."""
    if holder is None:
        return "somebody"
    if holder.host != socket.gethostname() or _lives(holder.process):
        return str(holder)
    numbers = ", ".join(map(str, _working_at(folder / LOCK)))
    started = f"what process {holder.process}, {holder.command}, started before it died"
    return holder.called(f"process {numbers}: {started}" if numbers else started)


def _lives(process: int) -> bool:
    """Whether a process of this host has not ended; one that is only left to be waited for has."""
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.Error as error:
        return not isinstance(error, psutil.NoSuchProcess)


def _working_at(lock: Path) -> list[int]:
    """Other processes that have a lock's file open, as far as this user may see."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # it ended meanwhile, or is another user's
            if any(file.path == str(lock.resolve()) for file in process.open_files()):
                found.append(process.pid)
    return [number for number in found if number != os.getpid()]


def _left_word(folder: Path) -> Holder | None:
    """Who left word of being at work, dead or alive; what cannot be read says nothing."""
    try:
        return Holder.model_validate(read_json(folder / WORD))
    except (RecurateError, ValidationError):
        return None


def job_has_ended(job: str | None) -> bool:
    """Whether the Slurm job that a run was started in is known to be over, or is this one, put back and restarted."""
    if job is None or shutil.which("squeue") is None:
        return False
    if job == os.environ.get("SLURM_JOB_ID"):
        return True
    command = ["squeue", "-h", "-j", job, "-o", "%T"]
    answer = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
    return not answer.stdout.strip() and (answer.returncode == 0 or "Invalid job id" in answer.stderr)
