"""Run the study in this folder, also after a crash, and say where its results are.

Usage: python scripts/study.py [arguments of snakemake]
"""

import subprocess
import sys
from pathlib import Path

import psutil
import yaml


def others_at_work(folder: Path) -> list[int]:
    """Process numbers of other Snakemake runs whose working directory is `folder`."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        command = " ".join(process.info["cmdline"] or ())
        if process.pid != psutil.Process().pid and process.info["cwd"] == str(folder) and "bin/snakemake" in command:
            found.append(process.pid)
    return found


def remove_stale_locks(folder: Path) -> None:
    """Remove the lock that a killed Snakemake left; stop with a sentence if one is still at work here."""
    if others := others_at_work(folder):
        sys.exit(f"error: Snakemake (process {others[0]}) is at work in {folder}; wait for it or stop it")
    for lock in folder.glob(".snakemake/locks/*.lock"):
        lock.unlink()


def main(arguments: list[str]) -> int:
    """Unlock, run Snakemake, report; returns its exit status."""
    remove_stale_locks(Path.cwd())
    snakemake = Path(sys.executable).with_name("snakemake")
    status = subprocess.run([str(snakemake), *arguments], check=False).returncode
    if status == 0:
        results = yaml.safe_load(Path("config/config.yaml").read_text())["results"]
        print(f"report:  {results}/report.html\nfigures: {results}/*/figures/\ntables:  {results}/*/*.csv")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
