"""Whether the folders of the configuration are ones that results and data can be written to."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from recurate.data import Data, PublishedData
from recurate.files.paths import BENCHMARKS, LOGS
from recurate.foundation.components import component_class, kinds
from recurate.foundation.errors import RecurateError
from recurate.foundation.places import PROJECT
from recurate.foundation.quoting import quoted

OWN = (
    "config", "docs", "envs", "profiles", "rules", "scripts", "tests", "results/published",
    ".ci", ".git", ".github", ".snakemake", ".venv",
)  # fmt: skip
SYSTEM, MEMORY = ("/proc", "/sys", "/dev"), "/dev/shm"  # which root may write to, but not make folders in
OF_RESULTS = (LOGS, BENCHMARKS)


def check_folder(key: str, folder: str) -> None:
    """Raise RecurateError for a folder, named by `key`, that holds the project's own files or cannot be written to."""
    where = f"config/config.yaml: {key}: {quoted(folder)}"
    try:
        path = Path(folder).resolve()
        existing = next(parent for parent in (path, *path.parents) if os.path.lexists(parent))
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise RecurateError(f"{where} is no folder that can be used ({error}); name another") from error
    if any(os.path.islink(parent) and not os.path.exists(parent) for parent in (Path(folder), *Path(folder).parents)):
        raise RecurateError(f"{where} is a link to nothing; make the folder, or name another")
    if any(map(path.is_relative_to, SYSTEM)) and not path.is_relative_to(MEMORY):
        raise RecurateError(f"{where} belongs to the system; name a folder of its own, such as {key}")
    for root in {Path.cwd().resolve(), *([PROJECT] if (PROJECT / "Snakefile").is_file() else [])}:
        if root.is_relative_to(path) or any(path.is_relative_to(root / own) for own in OWN):
            raise RecurateError(f"{where} holds the project's own files; name a folder of its own, such as {key}")
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        raise RecurateError(f"{where}: {existing} is not a folder that can be written to; name another")


def check_apart(results: str, data: str, studies: Collection[str]) -> None:
    """Raise RecurateError where data would lie among the files of a study; results below data do no harm."""
    at, of_data = Path(results).resolve(), Path(data).resolve()
    taken = [at / name for name in (*studies, *OF_RESULTS)]
    if of_data == at or any(of_data.is_relative_to(folder) for folder in taken):
        raise RecurateError(
            f"config/config.yaml: data: {quoted(data)} is where results lie, in {quoted(results)}; name another folder"
        )


def check_data_folders(folders: Mapping[str, str]) -> None:
    """Raise RecurateError for folders of a data set that is none of the published ones and not the user's own."""
    if not (folders := {kind: folder for kind, folder in folders.items() if not kind.endswith(".py")}):
        return
    published = [kind for kind in kinds(Data) if issubclass(component_class(Data, kind), PublishedData)]
    for kind in folders:
        if kind not in published:
            raise RecurateError(
                f"config/config.yaml: data_folders: there is no published data set {quoted(kind)}; known are "
                f"{', '.join(published)}"
            )
