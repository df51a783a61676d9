"""What is written down of a run when it starts: its command, commit and machine."""

from __future__ import annotations

import os
import platform
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import psutil
from pydantic import JsonValue

from recurate.files.paths import LOGS, place_of
from recurate.files.runs import Run, runs, write
from recurate.foundation.errors import RecurateError
from recurate.foundation.places import PROJECT
from recurate.workflow.project import Project

OF_THE_LOGGER = ("--logger", "recurate", "--logger-recurate-brief")


def note_run(project: Project, logs: Iterable[str]) -> None:
    """Write down that jobs with these logs are to run. Raises RecurateError."""
    words = [word for word in sys.argv[1:] if word not in OF_THE_LOGGER]
    status = _git("status", "--porcelain", "-z")
    changed = sorted(entry[3:] for entry in (status or "").split("\0") if entry)
    write(
        project.config.results,
        Run(
            started=time.time(),
            command=shlex.join(["snakemake", *words]),
            commit=_git("rev-parse", "HEAD"),
            changed=changed,
            host=socket.gethostname(),
            hardware=hardware(),
            config=project.config.model_dump(mode="json"),
            jobs=sorted(logs),
        ),
    )


def check_scale(project: Project, logs: Iterable[str]) -> None:
    """Raise RecurateError where jobs with these logs would lay results of one scale over those of another."""
    results, scale = project.config.results, project.config.scale
    made_at = {study: run.config.get("scale") for run in runs(results) for study in _studies(results, run.jobs)}
    for study in sorted(_studies(results, logs) & set(project.studies.all)):
        folder = Path(project.layout.in_study("config.yaml").format(study=study)).parent
        if made_at.get(study, scale) != scale and any(path.is_file() for path in folder.rglob("*")):
            raise RecurateError(
                f"{folder} holds the scale {made_at[study]}, asked for is {scale}; name another folder, such as "
                f"--config scale={scale} results={scale}, or delete {folder}"
            )


def _studies(results: str, logs: Iterable[str]) -> set[str]:
    """Studies that jobs with these logs belong to."""
    places = (place_of(os.path.relpath(log, f"{results}/{LOGS}")) for log in logs)
    return {place.study for place in places if place}


def _git(*arguments: str) -> str | None:
    """What git says of the project's folder; None where it is not asked with success."""
    try:
        done = subprocess.run(
            ["git", "-C", str(PROJECT), *arguments], capture_output=True, encoding="utf-8", errors="replace"
        )
    except OSError:
        return None
    return done.stdout.rstrip("\n") if done.returncode == 0 else None


def hardware() -> dict[str, JsonValue]:
    """Processor, cores, memory and system of this machine."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8", errors="replace").splitlines() if info.is_file() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }
