"""The bridge between a rule and a script's `main`."""

from __future__ import annotations

import errno
import inspect
import json
import sys
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, TextIO

from recurate.files import records
from recurate.files.fingerprints import spec_digest
from recurate.files.paths import parse_seeds
from recurate.foundation.errors import RecurateError


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


def arguments(main: Callable[..., Any], snakemake: Any) -> dict[str, Any]:
    """Values for the parameters of `main`, by name, from a job's inputs, outputs, params and wildcards.

    `seeds` and `generation` become numbers; `device`, `data_folders` and `save_every` are the configured ones, and
    `threads` the job's.
    """
    known: dict[str, Any] = {
        **snakemake.wildcards,
        "device": snakemake.config["device"],
        "data_folders": snakemake.config.get("data_folders", {}),
        "threads": snakemake.threads,
    }
    if "save_every" in snakemake.config:
        known["save_every"] = snakemake.config["save_every"]
    if "seeds" in known:
        known["seeds"] = parse_seeds(known["seeds"])
    if "generation" in known:
        known["generation"] = int(known["generation"])
    for group in (snakemake.params, snakemake.input, snakemake.output):
        known.update({name: value if group is snakemake.params else _paths(value) for name, value in group.items()})
    if "spec" in known:
        known["spec"] = json.loads(known["spec"])
    known = {name: value for name, value in known.items() if value != []}  # an input that this job does without
    return {name: known[name] for name in inspect.signature(main).parameters if name in known}


def run(main: Callable[..., Any], snakemake: Any) -> None:
    """Call `main` for a job; its output goes to the job's log, a RecurateError becomes one sentence and exit code 1.

    Inputs are compared with their records before, outputs get theirs after.
    """
    try:
        _logged(main, snakemake)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        sys.exit(f"error: {error.filename or snakemake.log[0]}: {error.strerror}; free some and run again")


def _logged(main: Callable[..., Any], snakemake: Any) -> None:
    log = Path(snakemake.log[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", buffering=1) as file:
        tee = Tee(file, sys.stderr)
        try:
            with redirect_stdout(tee), redirect_stderr(tee):  # type: ignore[type-var]
                inputs = records.check(dict.fromkeys(snakemake.input))
                records.forget(snakemake.output)
                main(**arguments(main, snakemake))
                records.write(snakemake.output, _described(snakemake, inputs))
        except RecurateError as error:
            print(f"error: {error}", file=file)
            sys.exit(f"error: {error}")
        except Exception:
            traceback.print_exc(file=file)
            raise


def _described(snakemake: Any, inputs: dict[str, str]) -> dict[str, Any]:
    """What a record says of a job: rule, wildcards, log, digests of its inputs, settings, and of settings and code."""
    params = dict(snakemake.params.items())
    spec = params.get("spec")
    spec = json.loads(spec) if isinstance(spec, str) else spec
    return {
        "rule": snakemake.rule,
        "wildcards": dict(snakemake.wildcards.items()),
        "log": snakemake.log[0],
        "inputs": inputs,
        "spec": spec,
        "spec_digest": spec_digest(spec),
        "code_digest": params.get("code"),
    }


def _paths(value: Any) -> Any:
    return str(value) if isinstance(value, str) else [str(path) for path in value]
