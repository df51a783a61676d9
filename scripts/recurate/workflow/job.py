"""The bridge between a rule and a script's `main`."""

from __future__ import annotations

import errno
import fcntl
import gc
import hashlib
import inspect
import json
import os
import signal
import sys
import threading
import traceback
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from types import FrameType
from typing import Protocol, TextIO

from pydantic import BaseModel, ValidationError

from recurate.files import records
from recurate.files.fingerprints import spec_digest
from recurate.files.locks import WITHOUT_LOCKS, open_to_lock
from recurate.files.paths import parse_seeds
from recurate.foundation.errors import RecurateError
from recurate.foundation.guard import failure, place_in_own_code
from recurate.study.config import RESULTS, Config
from recurate.workflow.command_line import check_library

LOCKS = ".recurate-jobs.lock"  # in the results folder; a byte of it is locked by every job at work
OF_CONFIGURATION = ("device", "data_folders", "save_every")  # what scripts may take of it
TOUCHES = "touches"  # a rule's name for inputs that must be there and count, but that its script does not open


class Names(Protocol):
    """Paths or values of a job; those with a name can be asked for by it."""

    def items(self) -> Iterator[tuple[str, object]]:
        """Names and values."""

    def __iter__(self) -> Iterator[str]:
        """All values, also those without a name."""


class Job(Protocol):
    """What Snakemake tells a script of its job."""

    rule: str
    input: Names
    output: Names
    params: Names
    wildcards: Names
    log: Sequence[str]
    threads: int
    config: Mapping[str, object]
    scriptdir: str


class Tee:
    """Writes to a log file and to a terminal, if there is one."""

    def __init__(self, log: TextIO, terminal: TextIO) -> None:
        self.log, self.terminal = log, terminal

    def write(self, text: str) -> int:
        if self.terminal.isatty():
            self.terminal.write(text)
        return self.log.write(text)

    def flush(self) -> None:
        self.log.flush()
        if self.terminal.isatty():
            self.terminal.flush()

    def isatty(self) -> bool:
        return self.terminal.isatty()


def arguments(main: object, job: Job) -> dict[str, object]:
    """Values for the parameters of `main`, by name: a job's inputs, outputs and params, and its circumstances.

    Circumstances are the wildcards, of which `seeds` and `generation` become numbers (0 where there is no generation),
    the job's `threads`, and `device`, `data_folders` and `save_every` as configured. `spec` becomes an object of the
    class that `main` names. An input that a job does without is None, or no path where `main` takes several.

    Raises RecurateError for an input, output or param that `main` does not take, but for inputs named `touches`; for
    one that has the name of a circumstance, another's or none; and for a parameter of `main` that the rule does not
    give.
    """
    takes = typing.get_type_hints(main)
    takes.pop("return", None)
    given = _given(job, takes)
    if isinstance(text := given.get("spec"), str) and "spec" in takes:
        given["spec"] = _read_spec(text, takes["spec"])
    circumstances = _circumstances(job)
    for name in given:
        if name not in takes:
            raise RecurateError(f"rule {job.rule} gives {name!r}, which its script does not take")
        if name in circumstances:
            raise RecurateError(f"rule {job.rule} gives {name!r}, which is the name of a wildcard or circumstance too")
    for name in takes:
        if name not in given and name not in circumstances:
            raise RecurateError(f"rule {job.rule} does not give {name!r}, which its script takes")
    return {name: given[name] if name in given else circumstances[name] for name in takes}


def _given(job: Job, takes: Mapping[str, object]) -> dict[str, object]:
    """What a rule gives by name, but for what only tells Snakemake when to run a job: `touches` and, often, `code`."""
    for part, names in (("input", job.input), ("output", job.output)):
        if len(_flat(names)) != len(_flat(dict(names.items()).values())):
            raise RecurateError(f"rule {job.rule} gives an {part} without a name, which its script cannot take")
    inputs, outputs, params = _files(job.input, takes), _files(job.output, takes), dict(job.params.items())
    inputs.pop(TOUCHES, None)
    if "code" not in takes:
        params.pop("code", None)
    for name in [*outputs, *params]:
        if (name in inputs) + (name in outputs) + (name in params) > 1:
            raise RecurateError(f"rule {job.rule} gives {name!r} twice, as input, output or param")
    return {**inputs, **outputs, **params}


def _flat(values: Iterable[object]) -> list[str]:
    """Paths, those in lists one by one."""
    lists = [[value] if isinstance(value, str) or not isinstance(value, Iterable) else value for value in values]
    return [str(path) for paths in lists for path in paths]


def _circumstances(job: Job) -> dict[str, object]:
    wildcards = {name: str(value) for name, value in job.wildcards.items()}
    circumstances: dict[str, object] = {
        **wildcards,
        "generation": int(wildcards.get("generation", 0)),
        **{name: job.config.get(name, Config.model_fields[name].default) for name in OF_CONFIGURATION},
        "threads": job.threads,
    }
    if "seeds" in wildcards:
        circumstances["seeds"] = parse_seeds(wildcards["seeds"])
    return circumstances


def _files(names: Names, takes: Mapping[str, object]) -> dict[str, object]:
    """Paths by name: text where there is one, a list where there are several."""
    files: dict[str, object] = {}
    for name, value in names.items():
        paths = [str(path) for path in value] if not isinstance(value, str) and isinstance(value, Sequence) else value
        optional = type(None) in typing.get_args(takes.get(name))
        files[name] = None if paths == [] and optional else str(paths) if isinstance(paths, str) else paths
    return files


def _read_spec(text: str, model: type[BaseModel]) -> object:
    plain = json.loads(text)
    if not (inspect.isclass(model) and issubclass(model, BaseModel)):
        return plain
    try:
        return model.model_validate(plain)
    except ValidationError as error:  # a file of the user's own that was edited since it was planned, for one
        told = "; ".join(each["msg"].removeprefix("Value error, ") for each in error.errors())
        raise RecurateError(f"settings of the job: {told}; run the same command again") from error


def run(main: object, job: Job) -> None:
    """Call `main` for a job; its output goes to the job's log, a RecurateError becomes one sentence and exit code 1.

    Inputs are compared with their records before, outputs get theirs after. A signal ends it without a traceback.
    """
    try:
        with _ending_quietly():
            _logged(main, job)
        gc.freeze()  # what is left goes with the process; looking for garbage in it takes a third of its end
    except RecurateError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        sys.exit(f"error: {error.filename or job.log[0]}: {error.strerror}; free some and run again")


@contextmanager
def _ending_quietly() -> Iterator[None]:
    """Let signals end the job as `_end` does; where it is run in a thread of a process, they are that process's."""
    in_charge = threading.current_thread() is threading.main_thread()
    former = {number: signal.signal(number, _end) for number in (signal.SIGINT, signal.SIGTERM) if in_charge}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _end(number: int, _: FrameType | None) -> None:
    """End so that what is half-written is removed; by itself Python does that for SIGINT alone, with a traceback."""
    sys.exit(128 + number)


@contextmanager
def alone(log: str, results: str) -> Iterator[None]:
    """Hold a lock on the job with this log file; waits until no other process holds it.

    A job may be started again while its first copy lives on: after a `kill -9` of Snakemake, or on another node when
    the first does not answer, also from another checkout with the same `results`. Locks are bytes of one file there,
    for Snakemake deletes logs and results before it starts a job; a process that dies lets go of its own. File systems
    without locks let both copies work.
    """
    inner = os.path.relpath(log, results)  # checkouts may name the folder differently
    byte = int.from_bytes(hashlib.sha256(inner.encode()).digest()[:7])
    with open_to_lock(Path(results, LOCKS)) as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
        except (BlockingIOError, PermissionError):
            print(f"waiting: another copy of the job that writes {log} is at work", file=sys.stderr, flush=True)
            fcntl.lockf(file, fcntl.LOCK_EX, 1, byte)
        except OSError as error:
            if error.errno not in WITHOUT_LOCKS:
                raise
            print(f"{file.name}: {error.strerror}, so another copy of this job would not be seen", file=sys.stderr)
        yield


def _logged(main: object, job: Job) -> None:
    log = Path(job.log[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    with alone(job.log[0], _results_of(job)), log.open("w", buffering=1, encoding="utf-8") as file:
        tee = Tee(file, sys.stderr)
        try:
            with redirect_stdout(tee), redirect_stderr(tee):  # type: ignore[type-var]
                check_library(job.scriptdir)
                values = arguments(main, job)
                inputs = records.check(dict.fromkeys(job.input))
                records.forget(job.output)
                assert callable(main), "a script gives its main"
                main(**values)
                records.write(job.output, _work(job, inputs))
        except RecurateError as error:
            print(f"error: {error}", file=file)
            if error.__cause__ is not None:  # where it happened, for whoever wrote the code
                traceback.print_exception(error.__cause__, file=file)
            raise
        except (Exception, SystemExit) as error:
            sentence = _unforeseen(error, job.log[0])
            if sentence:
                print(f"error: {sentence}", file=file)
            traceback.print_exception(error, file=file)
            if sentence:
                raise RecurateError(sentence) from error
            raise


def _unforeseen(error: BaseException, log: str) -> str:
    """What is said of an error that nobody caught: of own code that no interface speaks of, such as a pool's sum."""
    if place := place_in_own_code(error):
        return f"{place} {failure(error)}"
    if isinstance(error, MemoryError):
        return f"{log}: out of memory ({error}); lower the study's sizes or take a larger machine"
    return ""


def _results_of(job: Job) -> str:
    """The results folder, as configured."""
    return str(job.config.get("results", RESULTS))


def _work(job: Job, inputs: dict[str, str]) -> records.Work:
    """What a record says of a job."""
    params = dict(job.params.items())
    text, code = params.pop("spec", None), params.pop("code", None)
    spec = json.loads(text) if isinstance(text, str) else None
    return records.Work(
        rule=job.rule,
        wildcards={name: str(value) for name, value in job.wildcards.items()},
        log=job.log[0],
        inputs=inputs,
        spec=spec,
        spec_digest=spec_digest(spec),
        code_digest=code if isinstance(code, str) else None,
        params=json.loads(json.dumps(params)),
    )
