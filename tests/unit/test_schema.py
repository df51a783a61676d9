"""The schema of study files: complete, up to date, named in every file, and strict."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from study_setup import ROOT, changed

from recurate.foundation.errors import RecurateError
from recurate.study.reading import read_study

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


PLACES = [
    "title", "seeds", "seeds_per_job", "generations", "origins", "arms", "claims", "figures", "metrics", "features",
    "reference", "published", "resources", "scales", "arm_defaults", "like", "origins.gaussians.data.kind",
    "origins.gaussians.data.train", "origins.gaussians.samples", "origins.gaussians.real_samples",
    "origins.gaussians.training.steps", "origins.gaussians.training.learning_rate",
    "origins.gaussians.training.schedule", "origins.gaussians.judge", "origins.gaussians.sampler.kind",
    "arms.curated.title", "arms.curated.reward.target", "arms.curated.reward.gamma", "arms.curated.curation.choices",
    "arms.curated.curation.kept", "arms.curated.mixing", "arms.curated.mixing.lambda", "arms.curated.retraining.start",
    "arms.curated.retraining.carry_over", "arms.curated.each", "arms.curated.parameters", "arms.curated.sampler",
]  # fmt: skip
ODD = [None, True, False, "text", "2", 3, 2.5, 2.0, -1, 0, [], {}, [None], [True], ["text"], [1, 1], [-1], {"a": 1},
       {"kind": "nosuch"}, {"kind": 3}, {"A": None}, 10**40, 1e300, float("inf"), "",
       {"real_fraction": 1e-9}]  # fmt: skip
# Complaints about one value by itself; what depends on others, or on files, no schema can say.
BY_ITSELF = re.compile(
    r"Input should|at least 1 item|unknown key|is not a name|is not known|must map|must be a mapping of keys"
    r"|must be the name|numbers are|integers go|duplicate or negative|unknown kind '(?:nosuch|text|2|3)'"
)


@pytest.mark.parametrize("place", PLACES)
def test_the_schema_refuses_what_the_loader_refuses_of_a_value_by_itself_and_nothing_else(
    tmp_path: Path, place: str
) -> None:
    for value in ODD:
        study = changed((place, copy.deepcopy(value)))
        (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(study))
        try:
            read_study(tmp_path / "tiny.yaml", "demo", {})
            complaint = ""
        except RecurateError as error:
            complaint = str(error)
        if not VALIDATOR.is_valid(study):
            assert complaint, f"the loader takes {place}: {value!r}"
        elif BY_ITSELF.search(complaint) and not (place.endswith("choices") and value in (10**40, 1e300)):
            raise AssertionError(f"the schema takes {place}: {value!r}, the loader says {complaint}")
