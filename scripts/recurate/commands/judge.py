"""Judge the claims of published runs anew from their tables, without training; `run.json` stays as it is.

Usage: python scripts/manage.py judge [STUDY_FOLDER ..]
Without folders: every study in results/published.

Trained studies are judged from `metrics.csv` and `forecast.csv`. Of simulated ones no replicates are published: means
and standard errors are those of the present `claims.csv`, and that a mean rests on few replicates is taken from there.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from pathlib import Path

from recurate.closed_form.tables import LAW_COLUMNS, RATE_COLUMNS
from recurate.commands.redraw import RESULTS, of_today
from recurate.files.paths import RUN
from recurate.files.series import Series, by_arm
from recurate.files.tables import FORECAST_COLUMNS, METRIC_COLUMNS, read_rows, write_rows
from recurate.files.writing import read_json, remedy
from recurate.foundation.errors import RecurateError
from recurate.study.reading import as_study
from recurate.study.simulated import SimulatedStudy
from recurate.study.trained import Study
from recurate.study.yaml_files import read_mapping
from recurate.theory import agreement
from recurate.theory.bounds import chosen_variance
from recurate.theory.checking import check_claims
from recurate.theory.verdicts import CLAIM_COLUMNS, DECIDABLE, VACUOUS, ArmRow, ClaimRow, counted, settled
from recurate.workflow.stage_settings import StageSettings
from recurate.workflow.studies import Studies, Wildcards

# Commits of published runs in which the variance among n answers was divided by n, not by n - 1.
BIASED_AMONG_ANSWERS = ("28bec53fca9c700714db5aa8d67e034dba439c9c",)
MADE_UNBIASED = "with the unbiased variance among answers"
OF_ANSWERS = chosen_variance(by_prompt=True)
AS_FOUND = "as found when the replicates were at hand"
Former = Mapping[tuple[str, str, int], Mapping[str, str]]


def main(arguments: list[str]) -> int:
    """Judge the studies whose folders are given, or all published ones; one that cannot be judged does not stop it."""
    folders = [Path(given) for given in arguments] or sorted(p.parent for p in RESULTS.glob("published/*/*/claims.csv"))
    errors = [] if folders else [f"error: no study is published in {RESULTS}/published"]
    for folder in folders:
        try:
            rows = judged(folder)
        except RecurateError as error:
            errors.append(f"error: {error}")
            continue
        write_rows(folder / "claims.csv", CLAIM_COLUMNS, rows)
        for source, count in counts(rows).items():
            print(f"{folder}: {source}: {count}")
    if errors:
        sys.exit("\n".join(errors))
    return 0


def counts(rows: list[ClaimRow]) -> dict[str, str]:
    """How many rows of each source have which verdict, in words."""
    verdicts: dict[str, list[str]] = {}
    for row in rows:
        verdicts.setdefault(row["source"], []).append(row["verdict"])
    return {
        source: ", ".join(f"{count} {word}" for word, count in counted(found).items() if count)
        for source, found in verdicts.items()
    }


def judged(folder: Path) -> list[ClaimRow]:
    """The claims table of a published study, judged anew. Raises RecurateError if a table cannot be read."""
    settings = folder / "config.yaml"
    study = as_study(of_today(read_mapping(settings)), str(settings))
    if isinstance(study, SimulatedStudy):
        return [ClaimRow(study=folder.name, **row) for row in settled(_agreed(folder, study))]
    reads = StageSettings(Studies({folder.name: study})).trained_claims(Wildcards(study=folder.name))
    sources = {
        "forecast": by_arm(read_rows(folder / "forecast.csv", FORECAST_COLUMNS, study.arms)),
        "measured": by_arm(read_rows(folder / "metrics.csv", METRIC_COLUMNS, study.arms)),
    }
    corrected = _unbiased(folder, study, sources["measured"])
    rows = check_claims(reads.observed(folder.name, sources), reads.claims)
    for row in rows:
        if row["arm"] in corrected and row["source"] == "measured" and row["verdict"] in DECIDABLE:
            row["note"] = "; ".join(filter(None, [row["note"], MADE_UNBIASED]))
    return rows


def _unbiased(folder: Path, study: Study, measured: Series) -> set[str]:
    """Correct the variances among answers of runs that divided by the number of answers; the arms that have any."""
    if _commit(folder.parent / RUN) not in BIASED_AMONG_ANSWERS:
        return set()
    arms = {arm for arm, values in measured.items() if OF_ANSWERS in values}
    for arm in arms:
        sampler = study.arms[arm].sampler or study.origins[study.arms[arm].origin].sampler
        assert sampler.answers, arm
        factor = sampler.answers / (sampler.answers - 1)
        measured[arm][OF_ANSWERS] = measured[arm][OF_ANSWERS] * factor
    return arms


def _commit(run: Path) -> object:
    """The commit that made a published run; None where nothing says so."""
    written = read_json(run) if run.is_file() else None
    return written.get("commit") if isinstance(written, dict) else None


def _agreed(folder: Path, study: SimulatedStudy) -> list[ArmRow]:
    """Rows of a simulated study beside its laws, published numbers and rates, their verdicts to come."""
    former, seeds = _former(folder / "claims.csv"), len(study.seeds)
    loops = {name: arm.replicates for name, arm in study.arms.items()}
    rows = list[ArmRow]()
    for law in read_rows(folder / "laws.csv", LAW_COLUMNS, study.arms):
        key = law["arm"], f"law_{law['metric']}", int(law["generation"])
        if key not in former:
            table = folder / "claims.csv"
            raise RecurateError(f"{table}: has no row {key[1]} of arm {key[0]}, generation {key[2]}; {remedy(table)}")
        row = former[key]
        measured, error = float(row["measured"]), float(row["standard_error"])
        of = agreement.Replicated(seeds, loops[law["arm"]])
        rows.append(agreement.beside_law(law, of, measured, error, _few(row)))
    for number in study.published:
        found = former.get((number.arm, f"published_{number.measure}", number.generation))
        if found is not None:
            measured, error = float(found["measured"]), float(found["standard_error"])
            of = agreement.Replicated(seeds, loops[number.arm])
            rows.append(agreement.beside_published(number, of, measured, error))
    if (rates := folder / "rates.csv").is_file():
        rows += agreement.with_rates(read_rows(rates, RATE_COLUMNS, study.arms), study.generations, seeds, loops)
    return rows


def _few(row: Mapping[str, str]) -> str:
    """That the mean rests on few replicates, if that was found."""
    reason = row["note"].partition(";")[0]
    if row["verdict"] != VACUOUS or "rests on fewer" not in reason:
        return ""
    return reason if reason.endswith(AS_FOUND) else f"{reason}, {AS_FOUND}"


def _former(path: Path) -> Former:
    """Rows of a claims table of this or of the former form, by arm, claim and generation."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, strict=True))
        if any(None in row or None in row.values() for row in rows):
            raise ValueError("a row has too few or too many values")
        for name in ("measured", "standard_error"):
            list(map(float, (row[name] for row in rows)))  # raises ValueError for what is no number
        return {(row["arm"], row["claim"], int(row["generation"])): row for row in rows}
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, ValueError) as error:
        raise RecurateError(f"{path}: cannot be read as a table of claims ({error}); {remedy(path)}") from error
