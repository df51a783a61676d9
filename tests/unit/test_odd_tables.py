"""Tables with a wrong cell, row or header: one sentence with file, line and column, and what helps."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from study_setup import ROOT

from recurate.closed_form.tables import LAW_COLUMNS, RATE_COLUMNS
from recurate.commands import judge, publish, redraw
from recurate.files.costs import COST_COLUMNS
from recurate.files.tables import FORECAST_COLUMNS, METRIC_COLUMNS, read_frame, read_rows, write_rows
from recurate.foundation.errors import RecurateError
from recurate.theory.effects import EFFECT_COLUMNS
from recurate.theory.verdicts import CLAIM_COLUMNS

SORTS = {
    "metrics": METRIC_COLUMNS, "forecast": FORECAST_COLUMNS, "claims": CLAIM_COLUMNS, "effects": EFFECT_COLUMNS,
    "laws": LAW_COLUMNS, "rates": RATE_COLUMNS, "cost": COST_COLUMNS,
}  # fmt: skip
TEXTS = (
    "study", "arm", "control", "claim", "source", "metric", "verdict", "note", "law", "logarithm", "rule",
)  # fmt: skip


def row(columns: tuple[str, ...], number: int) -> dict[str, str]:
    return {column: f"{column}_{number}" if column in TEXTS else str(number) for column in columns}


@pytest.mark.parametrize("sort", SORTS)
def test_every_column_that_holds_numbers_is_looked_at(tmp_path: Path, sort: str) -> None:
    columns, path = SORTS[sort], tmp_path / f"{sort}.csv"
    for column in columns:
        for wrong in ("abc", "1,5", "1 2", "0x10", "é"):
            rows = [row(columns, number) for number in range(4)]
            rows[2][column] = wrong
            write_rows(path, columns, rows)
            if column in TEXTS:
                assert read_rows(path, columns)[2][column] == wrong
                continue
            with pytest.raises(
                RecurateError, match=rf"{sort}\.csv, line 4: {column} is '{wrong}'; wanted is a"
            ) as said:
                read_rows(path, columns)
            assert str(said.value).endswith("delete the file and run the study again, which rebuilds it")


@pytest.mark.parametrize("sort", SORTS)
def test_published_tables_are_of_these_sorts(sort: str) -> None:
    for path in sorted((ROOT / "results/published").rglob(f"{sort}.csv")):
        read_rows(path, SORTS[sort])


WRITTEN = "study,arm,generation,seed,metric,value\ns,a,0,0,m,1\ns,a,1,0,m,2\ns,a,2,0,m,3\n"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("s,a,1,0,m,2", "s,a,1,0,m", "line 3: does not have 6 values"),
        ("s,a,1,0,m,2", "s,a,1,0,m,2,3", "line 3: does not have 6 values"),
        ("s,a,1,0,m,2\n", "s,a,1,0,m,2\ns,a,1,0,m,2\n", "line 4: s, a, 1, 0, m stands there twice"),
        ("s,a,1,0,m,2", "s,a,nan,0,m,2", "line 3: generation is 'nan'; wanted is a whole number"),
        ("s,a,1,0,m,2", "s,a,,0,m,2", "line 3: generation is ''; wanted is a whole number"),
        ("s,a,1,0,m,2", "s,a,1,0.5,m,2", "line 3: seed is '0.5'; wanted is a whole number"),
        ("s,a,1,0,m,2", "s,a,1,0,m,", "line 3: value is ''; wanted is a number"),
        ("s,a,1,0,m,2", "s,b,1,0,m,2", "line 3: arm is 'b'; wanted is an arm of the study, a"),
        ("s,a,1,0,m,2", "s,a\0,1,0,m,2", "cannot be read as CSV|arm is"),
        ("generation", "generations", "its header is not study,arm"),
        (WRITTEN, "", "its header is not study,arm"),
        ("s,a,2,0,m,3\n", '"s,a', "cannot be read as CSV|does not have 6 values"),
    ],
)
def test_a_damaged_table_is_named_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text(WRITTEN.replace(old, new))
    with pytest.raises(RecurateError, match=rf"metrics\.csv.*({said})"):
        read_rows(path, METRIC_COLUMNS, ["a"])


def test_bytes_that_are_no_text_are_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_bytes(WRITTEN.encode() + b"s,\xff\xfe,3,0,m,1\n")
    for read in (lambda: read_rows(path, METRIC_COLUMNS), lambda: read_frame(path, METRIC_COLUMNS, {"value": float})):
        with pytest.raises(RecurateError, match=r"metrics\.csv: cannot be read as CSV"):
            read()


def test_large_tables_are_named_with_the_line_too(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text(WRITTEN.replace("m,2", "m,two"))
    with pytest.raises(RecurateError, match="line 3: value is 'two'; wanted is a number"):
        read_frame(path, METRIC_COLUMNS, {"generation": int, "value": float})


def published(folder: Path, study: str) -> Path:
    """A copy of a published study, in a folder of published runs."""
    copy = folder / "results/published/demo" / study
    (source,) = (ROOT / "results/published").glob(f"*/{study}/config.yaml")
    shutil.copytree(source.parent, copy, ignore=shutil.ignore_patterns("figures", "data", "origins"))
    return copy


def cell(column: str, value: str) -> Callable[[list[str]], list[str]]:
    """Write a value into the column of the second row."""

    def change(lines: list[str]) -> list[str]:
        cells = lines[2].split(",")
        cells[lines[0].split(",").index(column)] = value
        return [*lines[:2], ",".join(cells), *lines[3:]]

    return change


@pytest.mark.parametrize(
    ("study", "table", "change"),
    [
        ("moons", "metrics", cell("value", "abc")),
        ("moons", "metrics", cell("seed", "abc")),
        ("moons", "metrics", cell("arm", "nobody")),
        ("moons", "forecast", cell("value", "")),
        ("moons", "forecast", lambda lines: [*lines, lines[-2]]),
        ("curated_gaussian", "laws", cell("generation", "1.5")),
        ("curated_gaussian", "laws", cell("arm", "nobody")),
        ("curated_gaussian", "claims", cell("generation", "x")),
        ("curated_gaussian", "claims", lambda lines: lines[:1] + lines[30:]),
    ],
)
def test_published_tables_are_to_be_restored_from_git(
    tmp_path: Path, study: str, table: str, change: Callable[[list[str]], list[str]]
) -> None:
    folder = published(tmp_path, study)
    path = folder / f"{table}.csv"
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")
    with pytest.raises(RecurateError, match=rf"{table}\.csv.*; restore what was published: git checkout -- .*\.csv$"):
        judge.judged(folder)


def test_so_they_are_where_figures_are_redrawn(tmp_path: Path) -> None:
    folder = published(tmp_path, "moons")
    path = folder / "metrics.csv"
    path.write_text("\n".join(cell("value", "abc")(path.read_text().splitlines())) + "\n")
    with pytest.raises(RecurateError, match=r"metrics\.csv, line 3: value is 'abc'; .*git checkout"):
        redraw.redraw(folder.parent, tmp_path / "out")


@pytest.mark.parametrize("command", ["", " ", "\t", "make\nstudy", "\x00", "make study\n"])
def test_what_was_published_names_its_command_in_a_line(command: str) -> None:
    with pytest.raises(RecurateError, match="is no command; say in one line what made the results"):
        publish.main(["ok", command])
