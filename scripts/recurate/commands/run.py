"""Run the study in this folder, also after a crash, and say where its results are.

Usage: python scripts/manage.py run [arguments of snakemake]
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from recurate.files.writing import TEMPORARY
from recurate.study.reading import read_config

PREFIX = "recurate"  # of the names of Slurm jobs, see profiles/slurm/config.yaml
RUNNING = Path(".snakemake/recurate-run.json")


def others_at_work(folder: Path) -> list[int]:
    """Process numbers of other Snakemake runs on this host whose working directory is `folder`."""
    processes = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        command = " ".join(process.info["cmdline"] or ())
        if process.pid != psutil.Process().pid and process.info["cwd"] == str(folder) and "bin/snakemake" in command:
            processes.append(process.pid)
    return processes


def refuse_a_second(folder: Path) -> None:
    """Stop with a sentence if a run is at work in `folder`, here or, as far as can be known, on another host."""
    if others := others_at_work(folder):
        sys.exit(f"error: Snakemake (process {others[0]}) is at work in {folder}; wait for it or stop it")
    if RUNNING.exists():
        run = json.loads(RUNNING.read_text(encoding="utf-8"))
        if run["host"] != socket.gethostname() and not job_has_ended(run["slurm_job"]):
            sys.exit(
                f"error: a run was started here on {run['host']} (process {run['process']}) and did not say that it "
                f"ended; make sure that it has, then delete {RUNNING}"
            )


def job_has_ended(job: str | None) -> bool:
    """Whether the Slurm job that a run was started in is known to be over, or is this one, put back and restarted."""
    if job is None or shutil.which("squeue") is None:
        return False
    if job == os.environ.get("SLURM_JOB_ID"):
        return True
    answer = subprocess.run(
        ["squeue", "-h", "-j", job, "-o", "%T"], capture_output=True, encoding="utf-8", errors="replace"
    )
    return not answer.stdout.strip() and (answer.returncode == 0 or "Invalid job id" in answer.stderr)


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
    refuse_a_second(folder)
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


@contextmanager
def announced() -> Iterator[None]:
    """Leave word in the folder of who runs, for others who share it from other hosts."""
    RUNNING.parent.mkdir(exist_ok=True)
    run = {"host": socket.gethostname(), "process": os.getpid(), "slurm_job": os.environ.get("SLURM_JOB_ID")}
    RUNNING.write_text(json.dumps(run), encoding="utf-8")
    try:
        yield
    finally:
        RUNNING.unlink(missing_ok=True)


def main(arguments: list[str]) -> int:
    """Clear up, run Snakemake, report; returns its exit status."""
    given = [argument.removeprefix("results=") for argument in arguments if argument.startswith("results=")]
    results = given[0] if given else read_config().results
    clear_up(Path.cwd(), Path(results))
    snakemake = Path(sys.executable).with_name("snakemake")
    with announced():
        status = subprocess.run([str(snakemake), *arguments], check=False).returncode
    if status == 0 and Path(results, "report.html").exists():
        print(f"report:  {results}/report.html\nfigures: {results}/*/figures/\ntables:  {results}/*/*.csv")
    return status
