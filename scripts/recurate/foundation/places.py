"""Which folder a relative path starts from, and where the project's own files lie.

One rule: a relative path starts at the working directory, wherever it is written. Study files, the configuration and
components of a user's own, which a project may keep in its folder, are looked for there as well, after the working
directory; what the project ships beside them is found there alone.
"""

from __future__ import annotations

import os
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2]
PROJECT = SCRIPTS.parent  # the folder of the Snakefile, unless the library was installed alone


def roots() -> list[Path]:
    """Folders that absolute imports in own code may start from, in this order."""
    return list(dict.fromkeys((Path.cwd(), PROJECT)))


def shipped(name: str | Path) -> Path:
    """A file of the project's folder, relative to the working directory if it lies below that."""
    path, here = PROJECT / name, Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def found(name: str | Path) -> Path:
    """A file of the working directory, or that of the project if only there is one; an absolute path stays."""
    path = Path(name)
    return shipped(name) if not os.path.exists(path) and os.path.exists(PROJECT / name) else path
