"""Snakemake as `make` calls it: with the logger of this project, which Snakemake finds on the path of Python."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from recurate.foundation.places import SCRIPTS, shipped


def command(words: Sequence[str]) -> list[str]:
    """The command line of Snakemake with these words, watched unless they name another logger."""
    logger = [] if "--logger" in words else ["--logger", "recurate"]
    return [str(Path(sys.executable).with_name("snakemake")), "--snakefile", str(shipped("Snakefile")), *logger, *words]


def environment() -> dict[str, str]:
    """This process's environment, with the folder of the logger on Python's path."""
    paths = [str(SCRIPTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, **cache(), "PYTHONPATH": os.pathsep.join(paths)}


def cache() -> dict[str, str]:
    """Where Snakemake keeps sources of workflows, said if the user's own cache cannot be written, as without a home."""
    usual = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "snakemake")
    try:
        usual.mkdir(parents=True, exist_ok=True)
        is_writable = os.access(usual, os.W_OK)
    except OSError:
        is_writable = False
    return {} if is_writable else {"XDG_CACHE_HOME": str(Path.cwd() / ".snakemake/cache")}
