"""What the Snakefile has to do with the command line: the targets it names, and sentences that end it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from recurate.foundation.errors import RecurateError

Result = TypeVar("Result")


def targets(studies: Iterable[str]) -> list[str]:
    """Targets of the running `snakemake` command; empty where Snakemake runs otherwise.

    Snakemake itself hands targets over only after parsing. Its own parser reads the command line here, and because
    that takes a tenth of a second, only if a word is there that is neither an option nor a study.
    """
    words = sys.argv[1:]
    if Path(sys.argv[0]).name != "snakemake" or not any(w[0].isalpha() and w not in studies for w in words if w):
        return []
    from snakemake.cli import get_argument_parser

    return list(get_argument_parser().parse_known_args(words)[0].targets)


def or_stop(call: Callable[..., Result], *arguments: Any) -> Result:
    """What a call returns; a RecurateError, a mistake in the settings, ends Snakemake with a sentence a line."""
    try:
        return call(*arguments)
    except RecurateError as error:
        sys.exit("\n".join(f"error: {line}" for line in str(error).splitlines()))
