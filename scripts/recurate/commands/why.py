"""Why something runs again: which settings, modules and files are others than when it was made, with their values.

Usage: python scripts/manage.py why [TARGET ..] [options of snakemake]
Targets are studies or files; without any, what `make study` would make.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from recurate.commands.words import in_order
from recurate.foundation.places import shipped
from recurate.workflow.reasons import WHY

PLAN = ("--quiet", "rules", "progress", "host", "reason", "--dry-run")


def main(arguments: list[str]) -> int:
    """Print a line for every kind of reason; returns Snakemake's exit status."""
    if {"-h", "--help"} & set(arguments):
        print(__doc__, end="")
        return 0
    snakemake = [str(Path(sys.executable).with_name("snakemake")), "--snakefile", str(shipped("Snakefile"))]
    plan = subprocess.run(
        [*snakemake, *PLAN, *in_order(arguments)], capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    lines = [line for line in plan.stderr.splitlines() if line.startswith(WHY)]
    if plan.returncode:
        print(plan.stdout, plan.stderr, sep="", end="", file=sys.stderr)
    else:
        print(*lines or ["nothing runs again"], sep="\n")
    return plan.returncode
