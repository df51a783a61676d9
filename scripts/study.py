"""Run the study in this folder, also after a crash, and say where its results are.

Usage: python scripts/study.py [arguments of snakemake]
"""

import subprocess
import sys
from pathlib import Path

import psutil
import yaml

from recurate.store import TEMPORARY


def others_at_work(folder: Path) -> list[int]:
    """Process numbers of other Snakemake runs whose working directory is `folder`."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        command = " ".join(process.info["cmdline"] or ())
        if process.pid != psutil.Process().pid and process.info["cwd"] == str(folder) and "bin/snakemake" in command:
            found.append(process.pid)
    return found


def clear_up(folder: Path, results: Path) -> None:
    """Remove the lock and the half-written files of a killed Snakemake; stop with a sentence if one is at work here."""
    if others := others_at_work(folder):
        sys.exit(f"error: Snakemake (process {others[0]}) is at work in {folder}; wait for it or stop it")
    locks = list(folder.glob(".snakemake/locks/*.lock"))
    for left in [*locks, *(results.rglob(f"{TEMPORARY}*") if locks else ())]:
        left.unlink(missing_ok=True)


def main(arguments: list[str]) -> int:
    """Clear up, run Snakemake, report; returns its exit status."""
    results = yaml.safe_load(Path("config/config.yaml").read_text())["results"]
    clear_up(Path.cwd(), Path(results))
    snakemake = Path(sys.executable).with_name("snakemake")
    status = subprocess.run([str(snakemake), *arguments], check=False).returncode
    if status == 0:
        print(f"report:  {results}/report.html\nfigures: {results}/*/figures/\ntables:  {results}/*/*.csv")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
