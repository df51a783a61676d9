"""Copy the tables and figures of a finished run to results/published/, with what they were made by.

Usage: python scripts/manage.py publish [--from FOLDER] NAME COMMAND [STUDY ..]
For example: publish demo "make study", or publish --from paper loops-paper "snakemake --config ..".
Without studies, the default ones; without a folder, that of the configuration.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

from recurate.files.costs import finished
from recurate.files.paths import NAME, PUBLISHED, RUN, RUN_NAME
from recurate.files.writing import TEMPORARY, write_json
from recurate.foundation.errors import RecurateError
from recurate.study.reading import as_study, read_config
from recurate.study.trained import Study
from recurate.study.yaml_files import read_mapping
from recurate.workflow.running import hardware

KEPT = ("claims.csv", "arms.csv", "config.yaml", "figures/*.png", "figures/*.gif", "figures/*.txt")
TRAINED = ("metrics.csv", "forecast.csv", "effects.csv")
SIMULATED = ("laws.csv", "rates.csv")  # not every replicate: the metrics of hundreds take many megabytes
CARDS = "origins/*/*.json"


def publish(results: Path, data: Path, studies: list[str], target: Path, command: str) -> None:
    """Copy what is kept of every study to `target`, with the cards of its `data`, and write `run.json` there.

    What was published before under that name stays until all of this is complete.

    Raises RecurateError if the code is not committed or a study has no claims table, which is made last.
    """
    commit = _git("rev-parse", "HEAD")
    if changed_but(results, target.parent):
        raise RecurateError("the working tree has uncommitted changes, so no commit made these results; commit first")
    for study in studies:
        if not (NAME.fullmatch(study) and (results / study / "claims.csv").is_file()):
            raise RecurateError(f"{results / study}: is no finished study; run snakemake {study} first")
    costs = {study: job_costs(results / study) for study in studies}
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target, prefix=TEMPORARY) as made:
        for study in studies:
            _copy_study(results / study, data, Path(made, study))
        for study in studies:
            _put_in_place(Path(made, study), target / study, Path(made, f"former-{study}"))
        write_json(target / RUN, {"command": command, "commit": commit, "hardware": hardware(), "jobs": costs})


def _copy_study(source: Path, data: Path, target: Path) -> None:
    """Copy what is kept of a study, and the cards of its `data`."""
    simulated = (source / "laws.csv").is_file()
    patterns = (*KEPT, *(SIMULATED if simulated else TRAINED), CARDS)
    for path in [path for pattern in patterns for path in sorted(source.glob(pattern))]:
        _copy(path, target / path.relative_to(source))
    for card in _cards(source / "config.yaml", data):
        _copy(card, target / "data" / card.name)


def _put_in_place(made: Path, place: Path, former: Path) -> None:
    """Move a published study to its place, and what was there, if anything, to `former`, which will be removed."""
    if place.exists():
        print(f"{place}: takes the place of what was published there")
        place.rename(former)
    try:
        made.rename(place)
    except OSError:
        if former.exists():
            former.rename(place)
        raise


def changed_but(*folders: Path) -> list[str]:
    """Paths of the working tree that no commit holds as they are, but for what lies in folders of results."""
    entries = _git("status", "--porcelain", "--untracked-files=all", "-z").split("\0")
    paths = [entry[3:] for entry in entries if entry]
    return [path for path in paths if not any(Path(path).is_relative_to(folder) for folder in folders)]


def _cards(resolved: Path, data: Path) -> list[Path]:
    """Cards of the shared data sets that a study's resolved settings name."""
    study = as_study(read_mapping(resolved), str(resolved))
    origins = study.origins.values() if isinstance(study, Study) else ()
    cards = {data / f"{origin.data.kind}.json" for origin in origins}
    return sorted(card for card in cards if card.is_file())


def _copy(source: Path, destination: Path) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, destination)


def job_costs(folder: Path) -> dict[str, dict[str, float]]:
    """Sums of a study's jobs by kind of file: their number, seconds, MB of their files; and the MB of the largest."""
    costs: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for job in finished(folder):
        for kind in ("all", job.kind):
            cost = costs[kind]
            cost["jobs"] += 1
            cost["seconds"] += job.measured.seconds
            cost["cpu_seconds"] += job.measured.cpu_seconds
            cost["gpu_seconds"] += job.measured.seconds if job.on_gpu else 0.0
            cost["max_memory_mb"] = max(cost["max_memory_mb"], job.measured.memory_mb)
            cost["disk_mb"] += job.disk_mb
    return {kind: {key: round(value, 1) for key, value in cost.items()} for kind, cost in sorted(costs.items())}


def _git(*arguments: str) -> str:
    try:
        return subprocess.run(
            ["git", *arguments], check=True, capture_output=True, encoding="utf-8", errors="surrogateescape"
        ).stdout.rstrip()
    except (OSError, subprocess.CalledProcessError) as error:
        told = getattr(error, "stderr", None) or str(error)
        raise RecurateError(f"git does not say which commit this is ({told.strip()}); publish from a clone") from error


def main(arguments: list[str]) -> int:
    """Publish the default studies, or those that are given, under the name that is given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="results", type=Path, help="folder of results, if not that of the configuration")
    parser.add_argument("name", help="name of the run, a folder in results/published")
    parser.add_argument("command", help="what made the results, as it was typed")
    parser.add_argument("studies", nargs="*", help="by default those of the configuration")
    given = parser.parse_args(arguments)
    if not RUN_NAME.fullmatch(given.name):
        raise RecurateError(
            f"{given.name!r}: is no name of a run; use lower-case letters, digits, - and _, a letter first, at most 100"
        )
    if not given.command.strip() or not given.command.isprintable():
        raise RecurateError(f"{given.command!r}: is no command; say in one line what made the results, as it was typed")
    config = read_config()
    target = Path(config.results) / PUBLISHED / given.name
    studies = list(dict.fromkeys(given.studies or config.studies))
    publish(given.results or Path(config.results), Path(config.data), studies, target, given.command)
    print(target)
    return 0
