"""Run simulated studies with other seeds: false alarms, what is seen of wrong laws, and how many replicates that takes.

Usage: python scripts/manage.py calibrate [--minutes M] [--runs N] [--scale SCALE] [STUDY ..]
Without studies: all simulated ones of config/studies that have laws. Each is run N times (default 40) with seeds of its
own, in this process, but for no longer than M minutes (default 10) of processor time; its results are left alone.

For every study:
runs         how often it was run, as it is shipped
rows         comparisons that are tested in a run
independent  as how many independent ones they count: the participation ratio m^2 / sum r^2 of their m^2 correlations
alarms       share of rows that are on the wrong side by themselves, at 2.5 %, though the laws are right
contradicted share of runs in which some comparison with a law is contradicted, after Holm, though all are right
noticed      share of rows contradicted, after Holm, when all laws are made 10 % too high; by itself: before Holm
factor       by how much replicates must be multiplied so that half of the rows see that with 80 % power, after Holm

Laws whose value is 0, of which 10 % is nothing, are not counted in the last three. Arms without laws are not run, and
published rates, which are bounds for many generations and no laws of so few, are not counted.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from recurate.closed_form.recording import record
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.stages.claims import Simulated
from recurate.study.reading import read_study, study_files
from recurate.study.simulated import SimulatedStudy
from recurate.study.simulated_arm import measured
from recurate.theory.agreement import LOGARITHMS, factor_needed
from recurate.theory.pooling import independent_rows, mean_squared_correlation
from recurate.theory.power import LEVEL
from recurate.theory.verdicts import CONTRADICTED, EQUAL_WITHIN, VACUOUS, ArmRow
from recurate.workflow.stage_settings import StageSettings
from recurate.workflow.studies import Studies, Wildcards

if TYPE_CHECKING:
    from recurate.foundation.types import Array
    from recurate.theory.agreement import Values

Laws = Sequence[Mapping[str, str]]
COLUMNS = ("study", "runs", "rows", "independent", "alarms", "contradicted", "noticed", "by itself", "factor")


@dataclass
class Found:
    """What runs of a study gave: rows with right laws and with wrong ones, run by run, and values by row."""

    right: list[list[ArmRow]] = field(default_factory=list)
    wrong: list[list[ArmRow]] = field(default_factory=list)
    values: list[Values] = field(default_factory=list)
    left_out: dict[tuple[str, str, int], float] = field(default_factory=dict)


def main(arguments: list[str]) -> int:
    """Print a line for each study. Raises RecurateError if one is not simulated."""
    parser = argparse.ArgumentParser(prog="manage.py calibrate", description=__doc__.partition("\n")[0])
    parser.add_argument("studies", nargs="*")
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--scale", default="demo")
    parser.add_argument("--minutes", type=float, default=10.0)
    given = parser.parse_args(arguments)
    studies = {name: read_study(path, given.scale, {}) for name, path in study_files().items()}
    simulated = {name: study for name, study in Studies(studies).simulated.items() if laws_table(name, study)}
    if unknown := [name for name in given.studies if name not in simulated]:
        raise RecurateError(f"{unknown[0]} is no simulated study with laws; these are: {', '.join(simulated)}")
    print(*COLUMNS, sep="\t")
    for name in given.studies or simulated:
        found = repeated(name, simulated[name], given.runs, 60 * given.minutes)
        print(name, *(f"{value:.3g}" for value in summary(found)), sep="\t", flush=True)
    return 0


def repeated(name: str, study: SimulatedStudy, runs: int, seconds: float) -> Found:
    """Run a study again and again with seeds that follow on each other, for so many times or seconds."""
    found, start = Found(), time.process_time()
    for run in range(runs):
        if run and (time.process_time() - start) * (run + 1) / run > seconds:
            break
        seeds = [max(study.seeds) + 1 + run * len(study.seeds) + place for place in range(len(study.seeds))]
        once(name, study.model_copy(update={"seeds": seeds}), found)
    return found


def once(name: str, study: SimulatedStudy, found: Found) -> None:
    """Run a study once and judge it beside its laws, and beside laws that are a tenth too high."""
    settings, w = StageSettings(Studies({name: study})), Wildcards(study=name)
    reads = settings.claims(w).study
    assert isinstance(reads, Simulated)
    laws = laws_table(name, study)
    values: dict[tuple[str, str, int], Array] = {}
    rates: list[dict[str, str]] = []
    for arm in dict.fromkeys(law["arm"] for law in laws):
        of = study.arms[arm]
        loop, runs = of.loop(study.generations), settings.simulate(Wildcards(study=name, arm=arm)).runs
        means = record(of.estimator, loop, runs, measured(of, study.measures)).means
        values |= {(arm, measure, t): line[:, t] for measure, line in means.items() for t in study.recorded()}
        if study.rates:
            rates += settings.rates(w).fitted(name, arm, means)
    found.right.append(reads.compared(values, laws, rates))
    found.wrong.append(reads.compared(values, too_high(laws), []))
    found.values.append(values)
    found.left_out |= {
        (law["arm"], f"law_{law['metric']}", int(law["generation"])): float(law["order"] or 0) for law in laws
    }


def laws_table(name: str, study: SimulatedStudy) -> list[dict[str, str]]:
    """What theory says of a study, a row for every arm, law and recorded generation."""
    return StageSettings(Studies({name: study})).laws(Wildcards(study=name)).rows(name)


def too_high(laws: Laws) -> Laws:
    """Laws that are wrong by a tenth of their value; logarithms by log 1.1."""
    return [{**law, "value": repr(_raised(law["metric"], float(law["value"])))} for law in laws]


def _raised(measure: str, value: float) -> float:
    return value + math.log1p(EQUAL_WITHIN) if measure.startswith(LOGARITHMS) else (1 + EQUAL_WITHIN) * value


def summary(found: Found) -> tuple[float, ...]:
    """The numbers of a study's line, after its name."""
    tested = [[row for row in rows if row["verdict"] != VACUOUS and _is_of_law(row)] for rows in found.right]
    seen = [row for rows in found.wrong for row in rows if row["verdict"] != VACUOUS and row["margin"] > 0]
    alarms = [row["p_value"] <= LEVEL for rows in tested for row in rows]
    failing = [any(row["verdict"] == CONTRADICTED for row in rows) for rows in tested]
    factors = [factor_needed(row, found.left_out[row["arm"], row["claim"], row["generation"]]) for row in seen]
    return (
        len(found.right),
        sum(map(len, tested)) / len(tested),
        independent(found),
        _mean(alarms),
        _mean(failing),
        _mean([row["verdict"] == CONTRADICTED for row in seen]),
        _mean([row["p_value"] <= LEVEL for row in seen]),
        float(np.median(factors)) if factors else math.nan,
    )


def _is_of_law(row: ArmRow) -> bool:
    return row["claim"].startswith(("law_", "rate_of_law_"))


def _mean(found: Sequence[bool]) -> float:
    return float(np.mean(found)) if found else math.nan


def independent(found: Found) -> float:
    """As how many independent rows those beside laws count that are tested in every run."""
    always = set.intersection(
        *(
            {(row["arm"], row["claim"], row["generation"]) for row in rows if row["verdict"] != VACUOUS}
            for rows in found.right
        )
    )
    keys = [key for key in found.values[0] if (key[0], f"law_{key[1]}", key[2]) in always]
    if not keys:
        return math.nan
    table = np.concatenate([np.stack([values[key] for key in keys], axis=1) for values in found.values])
    return independent_rows(len(keys), mean_squared_correlation(table))
