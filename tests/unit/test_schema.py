"""The schema of study files: complete, up to date, named in every file, and strict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from study_setup import ROOT, changed

STUDIES = sorted((ROOT / "config/studies").glob("*.yaml"))
NAMED = "# yaml-language-server: $schema=../schema.json"
VALIDATOR = Draft202012Validator(json.loads((ROOT / "config/schema.json").read_text()))


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(VALIDATOR.schema)


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_a_study_file_names_the_schema_first_and_keeps_to_it(path: Path) -> None:
    text = path.read_text()
    assert text.splitlines()[0] == NAMED
    assert (path.parent / NAMED.partition("=")[2]).resolve() == ROOT / "config/schema.json"
    assert [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(text))] == []


@pytest.mark.parametrize(
    "changes",
    [
        [],
        [("seeds", [0, 5])],
        [("arms.curated.reward", {"kind": "own/height.py", "slope": 2})],
        [("arms.curated.mixing", {"lambda": float("inf")})],
        [("arms.curated.each", {"mixing.lambda": [0.5, 1]})],
        [("arm_defaults", {"curation": {"choices": 2}})],
        [("scales", {"paper": {"arms": {"curated": {"curation": {"choices": 2}}}}})],
        [("figures", ["trajectory", {"kind": "own/figure.py"}])],
    ],
)
def test_what_may_be_written_is_allowed(changes: list[tuple[str, Any]]) -> None:
    assert VALIDATOR.is_valid(changed(*changes))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("generatoins", 3),
        ("seeds", "three"),
        ("origins.gaussians.data.modus", 8),
        ("origins.gaussians.data.train", "many"),
        ("origins.gaussians.data", {"kind": "nine_gaussians"}),
        ("origins.gaussians.training.step", 5),
        ("arms.curated.rewards", {"kind": "length"}),
        ("arms.curated.curation", {"choice": 4}),
        ("arms.curated.mixing.lamda", 1),
        ("arms.curated.mixing.lambda", -1),
        ("arms.curated.each", {"mixing.lambda": []}),
        ("scales", {"papper": {}}),
        ("scales", {"paper": {"arms": {"curated": {"curation": {"choice": 2}}}}}),
        ("figures", ["curves"]),
        ("figures", [{"kind": "trajectory", "rows": ["w1"]}]),
        ("metrics", [{"kind": "frechet", "feature": "judge"}]),
    ],
)
def test_a_misspelt_key_and_a_value_of_another_type_are_marked(key: str, value: object) -> None:
    assert VALIDATOR.is_valid(changed())
    assert not VALIDATOR.is_valid(changed((key, value)))


@pytest.mark.parametrize(
    ("study", "allowed"),
    [
        ({"like": "mixture", "title": "Another"}, True),
        ({"like": "mixture", "titel": "Another"}, False),
        ({"like": "kazdan_kde", "measures": ["variance"]}, True),
        ({"loop": "simulated", "origins": {}}, False),
        ({"loop": "simulated", "figures": [{"kind": "curves", "rows": ["w1"]}]}, True),
    ],
)
def test_studies_like_others_and_simulated_ones_have_their_own_keys(study: dict[str, Any], allowed: bool) -> None:
    assert VALIDATOR.is_valid(study) == allowed
