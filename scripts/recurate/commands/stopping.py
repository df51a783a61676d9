"""A Snakemake that can be stopped: the signal reaches its jobs and itself in an order in which each ends quietly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from types import FrameType

import psutil

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TICK = 0.2  # s between two looks at what is still at work
PATIENCE = 10  # s without a job on this host, after which Snakemake is told to cancel those elsewhere
SIGNALLED = 128  # with the number of the signal, the exit status of a run that was stopped
SCRIPTS = ".snakemake/scripts/"  # where the script of every job lies while it runs


class Stop(KeyboardInterrupt):
    """A signal asked for the end."""

    def __init__(self, number: int) -> None:
        self.number = number


def supervised(command: Sequence[str], environment: Mapping[str, str], descriptors: Sequence[int] = ()) -> int:
    """Run Snakemake to its end or until a signal stops it; returns its exit status, or 128 and the signal's number.

    It has a process group of its own, so that Ctrl-C reaches it and its jobs through here alone. Signals that are
    ignored, as SIGHUP is under nohup, stay so. It inherits the open `descriptors`.
    """
    with _handled(STOPPING, _ask_to_stop):
        process = subprocess.Popen(command, env=environment, process_group=0, pass_fds=descriptors)
        try:
            with _paused_alike(process):
                return process.wait()
        except Stop as stop:
            _say("stopping")
            with _handled(STOPPING, lambda *_: process.send_signal(signal.SIGINT)):  # a second one: at once
                _end(process)
            _say("stopped; the same command goes on where it was")
            return SIGNALLED + stop.number


def _say(text: str) -> None:
    with suppress(OSError):  # the terminal may be what is gone
        print(text, file=sys.stderr, flush=True)


def _ask_to_stop(number: int, _: FrameType | None) -> None:
    raise Stop(number)


@contextmanager
def _handled(signals: Sequence[signal.Signals], handler: signal._HANDLER) -> Iterator[None]:
    former = {number: signal.getsignal(number) for number in signals}
    heeded = [number for number in signals if former[number] != signal.SIG_IGN]
    try:
        for number in heeded:
            signal.signal(number, handler)
        yield
    finally:
        for number in heeded:
            signal.signal(number, former[number])


def _paused_alike(process: subprocess.Popen[bytes]) -> AbstractContextManager[None]:
    """Ctrl-Z holds Snakemake and its jobs too, and they go on when this process does."""

    def pause(*_: object) -> None:
        os.killpg(process.pid, signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGSTOP)
        os.killpg(process.pid, signal.SIGCONT)

    return _handled((signal.SIGTSTP,), pause)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let Snakemake start nothing more, end its jobs, and wait for it.

    SIGTERM is the signal at which Snakemake waits for its jobs and at which a job ends without a word; SIGINT, at
    which it cancels what it sent to a cluster, comes when no job here is left to wait for.
    """
    process.terminate()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGCONT)  # where it was held, too
    ended, last_seen = set[psutil.Process](), time.monotonic()
    while process.poll() is None:
        for job in jobs_of(process.pid):
            last_seen = time.monotonic()
            if job not in ended:
                ended.add(job)
                with suppress(psutil.NoSuchProcess):
                    job.terminate()
        if time.monotonic() > last_seen + PATIENCE:
            last_seen = time.monotonic()
            process.send_signal(signal.SIGINT)
        time.sleep(TICK)


def jobs_of(snakemake: int) -> list[psutil.Process]:
    """Processes below a Snakemake that run the script of a job."""
    try:
        below = psutil.Process(snakemake).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [process for process in below if _runs_a_script(process)]


def _runs_a_script(process: psutil.Process) -> bool:
    """Whether it is Python with a script, and not the shell that waits for it."""
    try:
        return any(SCRIPTS in argument for argument in process.cmdline()[1:2])
    except psutil.Error:  # it ended meanwhile
        return False
