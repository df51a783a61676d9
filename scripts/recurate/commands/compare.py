"""Build the tables of a commit and those of the present tree on this machine, and say which rows differ.

Usage: python scripts/manage.py compare [--commit REV] [--miniatures] [STUDY ..]
Without studies: mixture, moons, digits and all closed-form ones. Exit status 1 if a table differs.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from recurate.foundation.errors import RecurateError

BEFORE = "e6edcde"  # the last commit of the former house
TABLES = ("metrics.csv", "forecast.csv", "laws.csv", "rates.csv", "claims.csv")
STUDIES = (
    "mixture", "moons", "digits", "shumailov_gaussian", "shumailov_discrete", "shumailov_mixture",
    "alemohammad_gaussian", "gerstgrasser_regression", "kazdan_gaussian", "kazdan_kde", "wang_contamination",
    "wang_biased", "curated_gaussian",
)  # fmt: skip
JUDGE = {"kind": "small_cnn", "channels": 8, "features": 32, "epochs": 1, "minimum_accuracy": 0.5}
# Studies of the other families, as small as they can be; by keys that both trees know.
MINIATURES: Mapping[str, object] = {
    "mnist_class": {
        "generations": 1,
        "seeds": 1,
        "origins": {"mnist": {"judge": JUDGE, "training": {"steps": 60}, "samples": 200}},
        "published": [],
        "arm_defaults": {"curation": {"kept": 100}, "retraining": {"steps": 20}},
    },
    "shumailov_vae": {
        "generations": 1,
        "seeds": 2,
        "origins": {"mnist": {"judge": JUDGE, "training": {"steps": 60}, "samples": 200}},
        "published": [],
        "arm_defaults": {"curation": {"kept": 100}, "retraining": {"steps": 20}},
    },
    "wang_diffusion": {
        "generations": 1,
        "seeds": 1,
        "origins": {"mnist": {"judge": JUDGE, "training": {"steps": 60}, "samples": 300}},
        "published": [],
        "arm_defaults": {"retraining": {"steps": 20}},
    },
    "shumailov_language": {
        "generations": 1,
        "seeds": 1,
        "origins": {"brown": {"training": {"steps": 60}, "samples": 128}},
        "published": [],
        "arm_defaults": {"curation": {"kept": 32}, "retraining": {"steps": 20}},
    },
}
Row = dict[str, str]


def main(arguments: Sequence[str]) -> int:
    """Build and compare; returns 1 if something differs by more than is allowed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("studies", nargs="*", help="by default those named above")
    parser.add_argument("--commit", default=BEFORE, help="what the present tree is compared with")
    parser.add_argument("--miniatures", action="store_true", help="small runs of a study of every other family instead")
    parser.add_argument("--before", type=Path, help="results of that commit which are there already")
    parser.add_argument("--after", type=Path, help="results of the present tree which are there already")
    parser.add_argument("--relative", type=float, default=0.0, help="relative difference of numbers that is allowed")
    given = parser.parse_args(arguments)
    studies = given.studies or list(MINIATURES if given.miniatures else STUDIES)
    overrides = {name: MINIATURES[name] for name in studies if given.miniatures and name in MINIATURES}
    with tempfile.TemporaryDirectory() as folder:
        before, after = given.before, given.after
        if before is None:
            before = Path(folder) / "before"
            with checked_out(given.commit, Path(folder) / "tree") as tree:
                build(tree, before, studies, overrides)
        if after is None:
            after = Path(folder) / "after"
            build(Path.cwd(), after, studies, overrides)
        tables = [table for study in studies for table in compare_study(before / study, after / study, given.relative)]
    print(*(f"{table.name}: {table.verdict}" for table in tables), sep="\n")
    return int(not all(table.is_equal for table in tables))


@contextmanager
def checked_out(commit: str, folder: Path) -> Iterator[Path]:
    """A work tree of a commit, in a folder that must not be there yet."""
    _run(["git", "worktree", "add", "--quiet", "--detach", str(folder), commit], Path.cwd())
    try:
        yield folder
    finally:
        _run(["git", "worktree", "remove", "--force", str(folder)], Path.cwd())


def build(tree: Path, results: Path, studies: Sequence[str], overrides: Mapping[str, object]) -> None:
    """Run studies of a tree with this interpreter's Snakemake, results elsewhere, data sets shared.

    Raises RecurateError for a study that the tree does not have, and if a run fails.
    """
    if absent := [name for name in studies if not (tree / f"config/studies/{name}.yaml").is_file()]:
        raise RecurateError(f"there is no study {absent[0]!r} in {tree / 'config/studies'}; compare others")
    snakemake = str(Path(sys.executable).with_name("snakemake"))
    config = [f"results={results}", f"data={Path.cwd() / 'data'}", f"overrides={json.dumps(overrides)}"]
    targets = [f"{results}/{study}/{name}" for study in studies for name in ("metrics.csv", "claims.csv")]
    command = [snakemake, "--quiet", "host", "reason", "rules", "progress", "--config", *config, "--", *targets]
    _run(command, tree)


def _run(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, encoding="utf-8", errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode:
        raise RecurateError(f"{' '.join(command)} failed in {folder}:\n{done.stdout}")


@dataclass(frozen=True)
class Comparison:
    """A table before and after: whether its numbers are the same, and a verdict in words."""

    name: str
    is_equal: bool
    verdict: str


def compare_study(before: Path, after: Path, relative: float = 0.0) -> list[Comparison]:
    """A comparison for every table that one of two folders of a study holds; none there are is a difference."""
    names = [name for name in TABLES if (before / name).exists() or (after / name).exists()]
    if not names:
        return [Comparison(after.name, False, "there are no tables")]
    return [compare_table(f"{after.name}/{name}", before / name, after / name, relative) for name in names]


def compare_table(name: str, before: Path, after: Path, relative: float = 0.0) -> Comparison:
    """Compare two tables; they are equal where they hold the same bytes, or numbers that are close enough."""
    for path in (before, after):
        if not path.exists():
            return Comparison(name, False, f"{path} is not there")
    if before.read_bytes() == after.read_bytes():
        return Comparison(name, True, "equal")
    (old_columns, old), (new_columns, new) = _read(before), _read(after)
    if old_columns != new_columns:
        gone, come = (sorted(set(a) - set(b)) for a, b in ((old_columns, new_columns), (new_columns, old_columns)))
        verdict = f"columns differ: gone {', '.join(gone) or 'none'}; new {', '.join(come) or 'none'}"
        return Comparison(name, False, verdict)
    if len(old) != len(new):
        return Comparison(name, False, f"{len(old)} rows before, {len(new)} after")
    return _compare_rows(name, old_columns, old, new, relative)


def _compare_rows(name: str, columns: Sequence[str], old: list[Row], new: list[Row], relative: float) -> Comparison:
    apart = [
        (_distance(first[column], second[column]), number, column)
        for number, (first, second) in enumerate(zip(old, new, strict=True), start=2)
        for column in columns
        if first[column] != second[column]
    ]
    if not apart:
        return Comparison(name, False, "rows are equal, but not their layout")
    largest, number, column = max(apart)
    if largest <= relative:
        return Comparison(name, True, f"equal within {relative:g} (largest relative difference {largest:.2g})")
    first, second = old[number - 2][column], new[number - 2][column]
    verdict = (
        f"{len(apart)} cells differ; by {largest:.3g} the most, in line {number}, column {column}: {first!r} before, "
        f"{second!r} after"
    )
    return Comparison(name, False, verdict)


def _read(path: Path) -> tuple[list[str], list[Row]]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        return list(reader.fieldnames or ()), list(reader)


def _distance(first: str, second: str) -> float:
    """Relative difference of two numbers; infinite where one is none."""
    try:
        one, other = float(first), float(second)
    except ValueError:
        return math.inf
    scale = max(abs(one), abs(other))
    return abs(one - other) / scale if math.isfinite(scale) and scale > 0 else math.inf
