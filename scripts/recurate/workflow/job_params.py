"""Params of a rule: its settings as text, and the digest of the code that it runs; and the files that it opens."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

from pydantic import BaseModel

from recurate.foundation.components import components_in, file_of
from recurate.foundation.errors import RecurateError
from recurate.foundation.quoting import quoted
from recurate.workflow.code_digest import SCRIPTS, code_digest
from recurate.workflow.studies import Wildcards

Settings = BaseModel | Mapping[str, object]
OfJob = Callable[[Wildcards], str]
ARMS = ("study", "origin", "arm", "figure")  # wildcards that settings may depend on; they are the same for all seeds


def own_files(settings: Callable[[Wildcards], BaseModel]) -> Callable[[Wildcards], list[str]]:
    """Files that the components in the settings of a job open, as a function of the wildcards."""

    @cache
    def of_arm(*names: str | None) -> list[str]:
        return opened_by(_read(settings, names))

    return lambda wildcards: of_arm(*_names(wildcards))


def opened_by(settings: Settings | None) -> list[str]:
    """Files that the components in these settings open, sorted; of a folder every file in it.

    Below the project's folder they are named from there, so that a copy of the project reads files of the same names.
    """
    named = {path for component in components_in(settings) for path in component.files}
    return sorted({_from_here(file) for path in named for file in _files_in(path)})


def check_opened(study: BaseModel, where: str) -> None:
    """Raise RecurateError for a file that components of a study open and Snakemake could not be told of."""
    for component in components_in(study):
        for path in component.files:
            if {"{", "}", "\n"} & set(path):
                what = f"{component.kind} opens {quoted(path)}"
                raise RecurateError(f"{where}: {what}: braces and line ends are no part of a path here; rename it")


def _files_in(path: str) -> Iterator[str]:
    if not os.path.isdir(path):
        yield path
        return
    yield from (str(file) for file in Path(path).rglob("*") if file.is_file())


def _from_here(path: str) -> str:
    return os.path.relpath(path) if os.path.isabs(path) and Path(path).is_relative_to(Path.cwd()) else path


def _names(wildcards: Wildcards) -> tuple[str | None, ...]:
    return tuple(getattr(wildcards, name, None) for name in ARMS)


@cache
def _read(settings: Callable[[Wildcards], Settings], names: tuple[str | None, ...]) -> Settings:
    return settings(Wildcards(**{key: name for key, name in zip(ARMS, names, strict=True) if name is not None}))


def params(script: str, settings: Callable[[Wildcards], Settings] | None = None) -> dict[str, OfJob]:
    """`code` and, where the script reads `settings`, `spec`, as functions of the wildcards.

    Snakemake would flatten a mapping, so that settings are JSON text. Thousands of jobs of a graph ask for the same.
    """

    @cache
    def of_arm(*names: str | None) -> tuple[str, str]:
        read = _read(settings, names) if settings else None
        plain = read.model_dump(mode="json") if isinstance(read, BaseModel) else read
        checkpoint = getattr(read, "checkpoint", None)
        files = [*opened_by(read), *([checkpoint.path] if checkpoint else [])]
        return json.dumps(plain), code_digest(SCRIPTS / script, map(file_of, components_in(read)), files)

    def of_job(wildcards: Wildcards) -> tuple[str, str]:
        return of_arm(*_names(wildcards))

    def spec(wildcards: Wildcards) -> str:
        return of_job(wildcards)[0]

    def code(wildcards: Wildcards) -> str:
        return of_job(wildcards)[1]

    return {"spec": spec, "code": code} if settings else {"code": code}
