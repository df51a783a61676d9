"""Why a job runs again, in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recurate.workflow import code_digest, reasons

SPEC = {"reward": {"kind": "clipped_distance", "gamma": 2.0}, "curation": {"choices": 4}, "metrics": [1, 2]}


def changed(**blocks: Any) -> dict[str, Any]:
    return {**SPEC, **blocks}


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (changed(curation={"choices": 8}), "curation.choices: 4 -> 8"),
        (changed(curation={"choices": 4.0}), "curation.choices: 4 -> 4.0"),
        (changed(curation={"choices": float("inf")}), "curation.choices: 4 -> Infinity"),
        (changed(curation={"choices": 4, "kept": None}), "curation.kept: nothing -> null"),
        (changed(curation={}), "curation.choices: 4 -> nothing"),
        (changed(curation=None), 'curation: {"choices": 4} -> null'),
        (changed(metrics=[1, 3]), "metrics[1]: 2 -> 3"),
        (changed(metrics=[1]), "metrics: [1, 2] -> [1]"),
        (changed(metrics=[1, True]), "metrics[1]: 2 -> true"),
        (
            changed(reward={"kind": "mine.py", "gamma": 3.0}),
            'reward.kind: "clipped_distance" -> "mine.py"; reward.gamma: 2.0 -> 3.0',
        ),
        (dict(reversed(SPEC.items())), "the order of settings"),
        (changed(metrics="x" * 100), f'metrics: [1, 2] -> "{"x" * 59}..'),
    ],
)
def test_settings_are_told_by_key_with_both_values(now: dict[str, Any], said: str) -> None:
    assert reasons.of_params([repr(json.dumps(SPEC))], [repr(json.dumps(now))], "{digest}") == said


def test_many_differences_are_counted() -> None:
    before, now = dict.fromkeys("abcdefg", 1), dict.fromkeys("abcdefg", 2)
    text = reasons.of_params([repr(json.dumps(before))], [repr(json.dumps(now))], "")
    assert text == "a: 1 -> 2; b: 1 -> 2; c: 1 -> 2; d: 1 -> 2; and 3 more"


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({"mine": 1, "pics": 2}, {"mine": 1}, "the report was of other studies"),
        ({"mine": 1}, {"mine": 3, "pics": 2}, "the report was of other studies"),
        ({"pics": 1}, {"mine": 1}, "the report was of other studies"),
        ({"mine": {"title": 1}}, {"mine": {"title": 2}}, "studies.mine.title: 1 -> 2"),
    ],
)
def test_a_report_of_other_studies_says_no_more_than_that(before: Any, now: Any, said: str) -> None:
    specs = [[repr(json.dumps({"studies": studies, "simulated": {}}))] for studies in (before, now)]
    assert reasons.of_params(*specs, "") == said
    specs = [[repr(json.dumps({"simulated": studies, "studies": {"a": 1}}))] for studies in (before, now)]
    assert reasons.of_params(*specs, "") == said.replace("studies.mine", "simulated.mine")


def test_code_is_told_by_module_and_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tables = str(tmp_path / ".code/{digest}.json")
    (tmp_path / "own.py").write_text("from .first import A\n")
    (tmp_path / "first.py").write_text("A = 1\n")
    (tmp_path / "second.py").write_text("A = 1\n")
    (tmp_path / "words.txt").write_text("good")
    script = code_digest.SCRIPTS / "gather.py"
    before = code_digest.code_digest(script, ["own.py"], ["words.txt"])
    reasons.keep_parts(before, tables)
    (tmp_path / "own.py").write_text("from .second import A\n")
    (tmp_path / "words.txt").write_text("bad")
    now = code_digest.code_digest(script, ["own.py"], ["words.txt"])
    assert reasons.of_params([repr(before)], [repr(now)], tables) == (
        "no more code of first.py; code of own.py; code of second.py, which is new; file words.txt"
    )
    assert reasons.of_params([repr("0" * 16)], [repr(now)], tables) == "code (which was not recorded)"
    (tmp_path / f".code/{before}.json").write_text("[")
    assert reasons.of_params([repr(before)], [repr(now)], tables) == "code (which was not recorded)"


def test_params_that_are_neither_settings_nor_code_are_shown() -> None:
    assert reasons.of_params([repr(["arm"])], [repr(["arm", "seed"])], "") == '[["arm"]] -> [["arm", "seed"]]'


def test_settings_that_a_record_lacks_are_said_to_be_missing() -> None:
    assert reasons.of_params([], [repr(json.dumps(SPEC))], "") == "settings were not recorded"
