"""Targets that a Snakemake command line names, known while the Snakefile is parsed."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path


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
