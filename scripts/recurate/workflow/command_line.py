"""What the Snakefile has to do with Snakemake itself: targets it is called with, sentences that end it, its scheduler.

The parts of Snakemake that are touched here and not public were seen with version 9.27.1; without them nothing happens.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import ParamSpec, TypeVar

from recurate.foundation.errors import RecurateError

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
DEFAULT_RATE = (100, 1)  # jobs per seconds, Snakemake's own limit


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


def or_stop(call: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
    """What a call returns; a RecurateError, a mistake in the settings, ends Snakemake with a sentence a line."""
    try:
        return call(*arguments, **named)
    except RecurateError as error:
        sys.exit("\n".join(f"error: {line}" for line in str(error).splitlines()))


def look_at_waiting_jobs_once(workflow: object) -> bool:
    """Take Snakemake's default limit of jobs per time away; a limit of the user's own stays. Returns whether it did.

    With a limit Snakemake 9 looks at all waiting jobs again a second after every look, and once more for every job that
    has ended: after some hundreds that takes a third of a core.
    """
    scheduler = getattr(workflow, "scheduler", None)
    limiter = getattr(scheduler, "job_rate_limiter", None)
    if (getattr(limiter, "max_jobs", None), getattr(limiter, "timespan", None)) != DEFAULT_RATE:
        return False
    scheduler.job_rate_limiter = None  # type: ignore[union-attr]
    return True
