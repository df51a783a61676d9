"""Published tables are judged anew from their numbers, and the documents count what the tables say."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from recurate.commands import judge
from recurate.files.tables import METRIC_COLUMNS, read_rows, write_rows
from recurate.foundation.errors import RecurateError
from recurate.theory.verdicts import CLAIM_COLUMNS, VERDICTS

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "results/published"
TABLES = sorted(PUBLISHED.glob("*/*/claims.csv"))
FORMER = (
    "study", "arm", "claim", "source", "generation", "measured", "bound", "slack", "standard_error", "verdict", "note",
)  # fmt: skip


def as_text(rows: list[dict[str, object]]) -> list[dict[str, str]]:
    return [{name: str(row[name]) for name in CLAIM_COLUMNS} for row in rows]


@pytest.mark.parametrize(
    "table", ["demo/mixture", "loops-demo/wang_biased", "loops-paper/wang_contamination", "language-demo/wang_language"]
)
def test_published_tables_are_those_that_judging_gives(table: str) -> None:
    assert as_text(judge.judged(PUBLISHED / table)) == read_rows(PUBLISHED / table / "claims.csv", CLAIM_COLUMNS)


def test_a_row_of_one_generation_is_students_test_by_scipy() -> None:
    """`cifar10_confidence`, uncurated: the mean of three seeds before and after one generation."""
    folder = PUBLISHED / "cifar10-demo/cifar10_confidence"
    values = {
        (row["generation"], row["seed"]): float(row["value"])
        for row in read_rows(folder / "metrics.csv", METRIC_COLUMNS)
        if (row["arm"], row["metric"]) == ("uncurated", "exp_reward_mean")
    }
    change = np.array([values["1", seed] - values["0", seed] for seed in ("0", "1", "2")])
    test = stats.ttest_1samp(change, 0.0)
    (row,) = [
        row
        for row in read_rows(folder / "claims.csv", CLAIM_COLUMNS)
        if (row["arm"], row["claim"], row["source"]) == ("uncurated", "lemma_2_2", "measured")
    ]
    assert float(row["p_value"]) == pytest.approx(test.pvalue, rel=1e-4)
    interval = test.confidence_interval(0.95)
    assert (float(row["lower"]), float(row["upper"])) == (pytest.approx(interval.low), pytest.approx(interval.high))
    assert (row["n"], row["verdict"]) == ("3", "contradicted")


def test_a_table_of_the_former_form_is_judged_to_the_same(tmp_path: Path) -> None:
    """Means and errors of a simulated study come from there; that a mean rests on few replicates too."""
    source, folder = PUBLISHED / "loops-demo/shumailov_discrete", tmp_path / "run/shumailov_discrete"
    folder.mkdir(parents=True)
    for name in ("config.yaml", "laws.csv"):
        shutil.copyfile(source / name, folder / name)
    published = read_rows(source / "claims.csv", CLAIM_COLUMNS)
    former = [{name: row[name] for name in FORMER} for row in published]
    for row in former:
        row["verdict"] = row["verdict"] if row["verdict"] == "vacuous" else "holds"
    write_rows(folder / "claims.csv", FORMER, former)
    few = "the mean rests on fewer than 5 of 50 seeds"
    assert few in {row["note"].partition(";")[0] for row in published if row["verdict"] == "vacuous"}
    wanted = [{**row, "note": row["note"].replace(few, f"{few}, {judge.AS_FOUND}")} for row in published]
    assert as_text(judge.judged(folder)) == wanted


def test_variances_that_were_divided_by_the_number_of_answers_are_corrected_for_that_run_alone(tmp_path: Path) -> None:
    """Derived independently: slacks of .0015, .0017, -.0047 with the unbiased variance, .0158, .0164, .0092 without."""
    source = PUBLISHED / "language-demo"
    shutil.copytree(source / "shumailov_language", tmp_path / "shumailov_language")
    slacks = {}
    for commit in (json.loads((source / "run.json").read_text())["commit"], "another"):
        (tmp_path / "run.json").write_text(json.dumps({"commit": commit}))
        rows = judge.judged(tmp_path / "shumailov_language")
        slacks[commit] = [row["slack"] for row in rows if row["source"] == "measured" and row["p_value"] >= 0]
    unbiased, biased = slacks.values()
    assert unbiased == pytest.approx([0.0015, 0.0017, -0.0047], abs=6e-5)
    assert biased == pytest.approx([0.0158, 0.0164, 0.0092], abs=6e-5)


def test_a_folder_that_is_no_study_does_not_stop_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "no_study").mkdir()
    shutil.copytree(PUBLISHED / "demo/digits", tmp_path / "digits")
    with pytest.raises(SystemExit, match=r"error: .*no_study"):
        judge.main([str(tmp_path / "no_study"), str(tmp_path / "digits")])
    assert "digits: measured: 8 supported, 4 contradicted, 20 vacuous, 48 not applicable" in capsys.readouterr().out
    with pytest.raises(RecurateError):
        judge.judged(tmp_path / "no_study")


@pytest.mark.parametrize("path", TABLES, ids=lambda path: f"{path.parts[-3]}-{path.parts[-2]}")
def test_every_published_row_has_a_verdict_a_number_of_seeds_and_where_it_was_tested_an_interval(path: Path) -> None:
    for row in read_rows(path, CLAIM_COLUMNS):
        assert row["verdict"] in VERDICTS and int(row["n"]) > 0
        if row["verdict"] in VERDICTS[:3]:
            assert float(row["lower"]) <= float(row["slack"]) <= float(row["upper"])
            assert float(row["detectable"]) >= 0


def test_the_page_on_limits_counts_what_the_tables_say() -> None:
    text = (ROOT / "docs/limits.md").read_text()
    told = {
        (run, study): [int(count.replace(",", "")) for count in counts.split("|")]
        for run, study, counts in re.findall(
            r"^\| ([\w-]+) \| `(\w+)` \| [\d,]+ \| ((?:[\d,]+ \| ){3}[\d,]+) \|", text, re.M
        )
    }
    found = {}
    for path in TABLES:
        with path.open() as file:
            count = Counter(row["verdict"] for row in csv.DictReader(file) if row["source"] == "measured")
        if any(count[word] for word in VERDICTS[:3]):
            found[path.parts[-3], path.parts[-2]] = [count[word] for word in VERDICTS[:4]]
    assert told == found
