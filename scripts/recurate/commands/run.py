"""Run the study in this folder, also after a crash, and say where its results are.

Usage: python scripts/manage.py run [--study "STUDY .."] [targets and options of snakemake, in any order]
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from recurate.commands.stopping import supervised
from recurate.commands.verify import gone
from recurate.commands.watched import command, environment
from recurate.commands.words import in_order, of_studies
from recurate.files.writing import TEMPORARY
from recurate.workflow.claims import claimed, held
from recurate.workflow.command_line import check_working_directory, configured

PREFIX = "recurate"  # of the names of Slurm jobs, see profiles/slurm/config.yaml
DRY = ("-n", "--dry-run", "--dryrun")


def orphans(folder: Path) -> list[str]:
    """Slurm jobs that a killed Snakemake left behind in `folder`, by number.

    Stops with a sentence if Slurm was used here and does not answer now.
    """
    if not (folder / ".snakemake/slurm_logs").exists() or shutil.which("squeue") is None:
        return []
    answer = subprocess.run(
        ["squeue", "--me", "-h", "-o", "%A|%Z|%j"], capture_output=True, encoding="utf-8", errors="replace"
    )
    if answer.returncode:
        sys.exit(
            f"error: squeue does not answer ({answer.stderr.strip()}), so jobs of an earlier run may still be at work "
            f"in {folder}; try again when it does"
        )
    jobs = [line.split("|", 2) for line in answer.stdout.splitlines()]
    return sorted({number for number, where, name in jobs if where == str(folder) and name.startswith(f"{PREFIX}_")})


def cancel(jobs: list[str], folder: Path) -> None:
    """Cancel Slurm jobs and wait until none of them is left."""
    print(f"cancelling Slurm jobs of an earlier run: {', '.join(jobs)}", flush=True)
    subprocess.run(["scancel", *jobs], check=True)
    while set(orphans(folder)) & set(jobs):
        time.sleep(1)


def clear_up(folder: Path, results: Path) -> None:
    """Remove what a killed Snakemake leaves: its Slurm jobs, its lock, half-written files; mend times."""
    if jobs := orphans(folder):
        cancel(jobs, folder)
    locks = list(folder.glob(".snakemake/locks/*.lock"))
    for left in [*locks, *(results.rglob(f"{TEMPORARY}*") if locks else ())]:
        left.unlink(missing_ok=True)
    if count := not_of_tomorrow(results):
        print(f"{count} results carry times that are yet to come, perhaps since a clock was set back: set to now")


def not_of_tomorrow(results: Path) -> int:
    """Date files that lie in the future to now, all alike; returns their number.

    Snakemake would take what is made from them for older than they are.
    """
    now = time.time_ns()
    early = [path for path in results.rglob("*") if path.is_file() and path.stat().st_mtime_ns > now]
    for path in early:
        os.utime(path, ns=(now, now))
    return len(early)


def tell_of_gone(results: Path) -> None:
    """Say which files of earlier runs are gone that nothing needed."""
    if missing := gone(results):
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        print(
            f"files that were made before are gone: {missing[0]}{more}; what was made from them is there, so nothing "
            "needed them; make verify ARGS=--rebuild makes them again"
        )


def main(arguments: list[str]) -> int:
    """Clear up and run Snakemake; returns its exit status."""
    check_working_directory()
    words = in_order(*of_studies(arguments))
    results = configured(words).results
    if set(DRY).intersection(words):
        return supervised(command(words), environment())
    with claimed(".snakemake"), claimed(results):
        clear_up(Path.cwd(), Path(results))
        status = supervised(command(words), environment(), held())
    if status == 0:
        tell_of_gone(Path(results))
    return status
