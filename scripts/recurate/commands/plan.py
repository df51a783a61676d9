"""Tell how many jobs there are to run, and what they are expected to cost, without running any.

Usage: python scripts/manage.py plan [--study "STUDY .."] [targets and options of snakemake, in any order]
For example: plan mixture, or plan --config scale=paper results=paper.
"""

from __future__ import annotations

import subprocess

from recurate.commands.watched import command, environment
from recurate.commands.words import in_order, of_studies


def main(arguments: list[str]) -> int:
    """Let Snakemake plan; returns its exit status. Its folder may be locked by a run that is at work."""
    words = ["--dry-run", "--logger-recurate-sum", *in_order(*of_studies(arguments))]
    return subprocess.run(command(words), env=environment(), check=False).returncode
