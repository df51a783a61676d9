"""Comparing tables says what differs, and by how much."""

from __future__ import annotations

from pathlib import Path

import pytest

from recurate.commands import compare
from recurate.foundation.errors import RecurateError

TABLE = "study,metric,value\ns,a,1.0\ns,b,2.0\n"


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("before", "after"):
        (tmp_path / name / "s").mkdir(parents=True)
        (tmp_path / name / "s/metrics.csv").write_text(TABLE)
    return tmp_path / "before", tmp_path / "after"


def compared(folders: tuple[Path, Path], *options: str) -> int:
    before, after = map(str, folders)
    return compare.main(["--before", before, "--after", after, *options, "s"])


def test_equal_tables_are_equal(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert compared(folders) == 0
    assert capsys.readouterr().out == "s/metrics.csv: equal\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            TABLE.replace("2.0", "2.5"),
            "1 cells differ; by 0.2 the most, in line 3, column value: '2.0' before, '2.5' after",
        ),
        (TABLE.replace("b,", "c,"), "by inf the most, in line 3, column metric: 'b' before, 'c' after"),
        (TABLE.replace("metric", "measure"), "columns differ: gone metric; new measure"),
        (TABLE + "s,c,3.0\n", "2 rows before, 3 after"),
        (TABLE.replace("\n", "\r\n"), "rows are equal, but not their layout"),
    ],
)
def test_a_difference_is_told(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    (folders[1] / "s/metrics.csv").write_bytes(text.encode())
    assert compared(folders) == 1
    assert words in capsys.readouterr().out


def test_last_digits_may_be_allowed_to_differ(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    (folders[1] / "s/metrics.csv").write_text(TABLE.replace("2.0", "2.0000000000000004"))
    assert compared(folders) == 1
    assert compared(folders, "--relative", "1e-12") == 0
    assert "equal within 1e-12" in capsys.readouterr().out


def test_a_table_or_a_study_that_is_missing_is_a_difference(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    (folders[1] / "s/metrics.csv").unlink()
    assert compared(folders) == 1
    (folders[0] / "s/metrics.csv").unlink()
    assert compared(folders) == 1
    assert "is not there" in (out := capsys.readouterr().out) and "there are no tables" in out


def test_a_run_that_fails_is_a_sentence_with_what_it_said(tmp_path: Path) -> None:
    (tmp_path / "config/studies").mkdir(parents=True)
    with pytest.raises(RecurateError, match="there is no study 's' in"):
        compare.build(tmp_path, tmp_path / "results", ["s"], {})
    (tmp_path / "config/studies/s.yaml").write_text("nothing: it needs\n")
    with pytest.raises(RecurateError, match=r"failed in .*"):
        compare.build(tmp_path, tmp_path / "results", ["s"], {})
