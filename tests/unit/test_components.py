"""Components: found by module name or by path, and refused with a sentence."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from recurate.curation.rewards import Reward
from recurate.curation.rewards.clipped_distance import ClippedDistance
from recurate.data.text import Text
from recurate.foundation.components import Component, Settings, component_class, import_kind, kinds, load, module_file
from recurate.foundation.errors import RecurateError
from recurate.measuring.features.inception import Inception
from recurate.measuring.metrics import Metric
from recurate.measuring.metrics.perplexity_spread import PerplexitySpread
from recurate.mixing.simulated import SimulatedMixing
from recurate.mixing.trained import Mixing
from recurate.study.families import FAMILIES
from recurate.study.simulated import Rates
from recurate.study.trained import Study
from recurate.workflow.code_digest import code_digest

OWN_REWARD = '''
from pydantic import Field
from recurate.curation.rewards import Reward


class Height(Reward):
    """Prefers the upper half plane."""

    slope: float = Field(1.0, gt=0, description="reward per unit")

    @property
    def supremum(self):
        return 0.0

    def __call__(self, x, judge):
        return self.slope * x[:, 1].clip(max=0)
'''


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "height.py"
    path.write_text(OWN_REWARD)
    return path


@pytest.mark.parametrize("base", FAMILIES)
def test_every_shipped_module_holds_one_class_with_described_keys(base: type[Component]) -> None:
    assert kinds(base)
    for kind in kinds(base):
        found = component_class(base, kind)
        assert found.__doc__
        assert all(field.description for field in found.model_fields.values()), kind


def test_a_shipped_kind_is_loaded_with_its_keys() -> None:
    reward = load(Reward, {"kind": "clipped_distance", "target": [1.0, 2.0]})
    assert isinstance(reward, ClippedDistance)
    assert reward.target == (1.0, 2.0)


def test_a_component_already_built_is_taken_as_it_is() -> None:
    reward = ClippedDistance(kind="clipped_distance", target=(0.0,))
    assert load(Reward, reward) is reward


def test_a_reward_of_the_user_loads_from_its_path_and_works(own: Path) -> None:
    reward = load(Reward, {"kind": str(own), "slope": 3})
    np.testing.assert_array_equal(reward(np.array([[0.0, 1], [0, -2]]), None), [0, -6])
    assert type(load(Reward, {"kind": str(own)})) is type(reward)


def test_keys_of_a_user_s_reward_are_validated_like_ours(own: Path) -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        load(Reward, {"kind": str(own), "slope": -1})
    with pytest.raises(ValidationError, match="unknown key 'slop'; known are kind, slope"):
        load(Reward, {"kind": str(own), "slop": 1})


def test_a_study_takes_a_user_s_reward_and_dumps_its_path(own: Path) -> None:
    training = {"steps": 1}
    origin = {
        "data": {"kind": "two_moons"},
        "model": {"kind": "mlp"},
        "objective": {"kind": "flow_matching"},
        "training": training,
        "sampler": {"kind": "ode"},
        "samples": 10,
    }
    arm = {
        "origin": "moons",
        "reward": {"kind": str(own), "slope": 2.0},
        "curation": {"kind": "bradley_terry", "kept": 1},
        "mixing": {"real_fraction": 0},
        "retraining": training,
    }
    fields = {"title": "t", "answers": "a", "seeds": 1, "generations": 1}
    study = Study.model_validate({**fields, "origins": {"moons": origin}, "arms": {"own": arm}})
    assert study.model_dump(mode="json")["arms"]["own"]["reward"] == {"kind": str(own), "slope": 2.0}


def test_files_of_the_same_name_in_two_folders_are_two_kinds(own: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / own.name
    other.write_text(OWN_REWARD.replace("Height", "Depth"))
    names = {component_class(Reward, str(path)).__name__ for path in (own, other)}
    assert names == {"Height", "Depth"}


def test_names_for_one_class_count_once(own: Path) -> None:
    own.write_text(OWN_REWARD + "\n\nTallness = Height\n")
    assert component_class(Reward, str(own)).__name__ == "Height"


def test_classes_imported_from_the_library_do_not_count(own: Path) -> None:
    own.write_text("from recurate.curation.rewards.clipped_distance import ClippedDistance\n" + OWN_REWARD)
    assert component_class(Reward, str(own)).__name__ == "Height"


@pytest.mark.parametrize(
    ("text", "count"), [("x = 1\n", 0), (OWN_REWARD + OWN_REWARD.replace("Height", "Depth"), 2)], ids=["none", "two"]
)
def test_a_module_without_exactly_one_class_is_refused(own: Path, text: str, count: int) -> None:
    own.write_text(text)
    with pytest.raises(RecurateError, match=rf"{own} must define exactly one subclass of Reward, it has {count}"):
        component_class(Reward, str(own))


def test_a_component_of_another_family_does_not_count(own: Path) -> None:
    with pytest.raises(RecurateError, match="exactly one subclass of Metric, it has 0"):
        component_class(Metric, str(own))


def test_a_class_with_methods_missing_is_refused_with_their_names(own: Path) -> None:
    own.write_text("from recurate.curation.rewards import Reward\n\n\nclass Half(Reward):\n    pass\n")
    with pytest.raises(RecurateError, match=rf"{own}: Half must also define __call__, supremum"):
        load(Reward, {"kind": str(own)})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import a_module_nobody_has\n", "ModuleNotFoundError: No module named 'a_module_nobody_has'"),
        ("def f(:\n", "SyntaxError"),
        ("1 / 0\n", "ZeroDivisionError: division by zero"),
        ("raise ValueError('first line\\nsecond')\n", r"ValueError: first line\)"),
    ],
)
def test_a_module_that_cannot_be_imported_gives_its_reason_every_time(own: Path, text: str, reason: str) -> None:
    own.write_text(text)
    for _ in range(2):
        with pytest.raises(RecurateError, match=rf"{own} cannot be imported \({reason}"):
            import_kind(Reward, str(own))


@pytest.mark.parametrize("annotation", ["set", "set[str]", "frozenset[str]"])
def test_a_key_without_an_order_is_refused(own: Path, annotation: str) -> None:
    own.write_text(OWN_REWARD.replace("slope: float = Field(1.0, gt=0,", f"slope: {annotation} = Field("))
    with pytest.raises(RecurateError, match=r"TypeError: Height.slope is a set, which has no order .* take a list"):
        import_kind(Reward, str(own))


def test_a_module_that_was_mended_loads(own: Path) -> None:
    own.write_text("1 / 0\n")
    with pytest.raises(RecurateError):
        import_kind(Reward, str(own))
    own.write_text(OWN_REWARD + "\n\nMENDED = True\n")
    assert component_class(Reward, str(own)).__name__ == "Height"


@pytest.mark.parametrize("kind", ["clipped", "", "__init__", "absent.py", "Clipped_Distance"])
def test_an_unknown_kind_is_answered_with_the_known_ones(kind: str) -> None:
    with pytest.raises(
        RecurateError,
        match=r"unknown kind .*; known are class_probability, clipped_distance, confidence, .*log_probability, or name",
    ):
        module_file(Reward, kind)


@pytest.mark.parametrize("spec", ["clipped_distance", None, {}, {"kind": 3}, ["kind"]])
def test_a_block_without_a_kind_is_refused(spec: Any) -> None:
    with pytest.raises(RecurateError, match="must be a mapping with the key 'kind', one of class_probability"):
        load(Reward, spec)


@pytest.mark.parametrize(
    ("block", "values", "sentence"),
    [
        (Mixing, {"alpha": 0.5}, "alpha: write real_fraction, which is the same number"),
        (SimulatedMixing, {"regime": "fresh", "real": 5, "alpha": 0.5}, "alpha: write real_fraction"),
        (Rates, {"measures": ["w1"], "exponent": 0.5, "resamples": 9}, "resamples: leave it out"),
        (
            Inception,
            {"kind": "inception", "weights": "data/other.pt"},
            "weights: leave it out, .* in the data folder",
        ),
        (PerplexitySpread, {"kind": "perplexity_spread", "features": "judge"}, "features: leave it out"),
        (Text, {"kind": "text", "corpus": "brown", "held_out": 0.2}, "held_out: leave it out, a share of 0.1"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_key_of_the_last_version_answers_with_what_to_write_now(
    block: type[Settings], values: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ValidationError, match=sentence):
        block.model_validate(values)


# Modules of one's own that components import


def beside(project: Path, line: str) -> Path:
    """A reward in the folder `mine` of a project, which takes its slope from a module beside it by this line."""
    (project / "mine").mkdir(exist_ok=True)
    (project / "mine/slope_beside.py").write_text("SLOPE = 3.0\n")
    path = project / "mine/height.py"
    path.write_text(f"{line}\n{OWN_REWARD}".replace("self.slope *", "SLOPE *"))
    return path


@pytest.mark.parametrize(
    "line",
    [
        "from .slope_beside import SLOPE",
        "from . import slope_beside; SLOPE = slope_beside.SLOPE",
        "from mine.slope_beside import SLOPE",
        "import mine.slope_beside; SLOPE = mine.slope_beside.SLOPE",
    ],
)
@pytest.mark.parametrize("absolute", [True, False])
def test_a_module_beside_it_is_imported_and_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, absolute: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    path = beside(tmp_path, line)
    reward = load(Reward, {"kind": str(path if absolute else path.relative_to(tmp_path))})
    assert reward(np.array([[0.0, -1.0]]), None) == -3.0
    before = code_digest(path)
    os.utime(path.with_name("slope_beside.py"), ns=(0, 0))
    assert code_digest(path) == before
    path.with_name("slope_beside.py").write_text("SLOPE = 4.0\n")
    assert code_digest(path) != before
    for name in [name for name in sys.modules if name.partition(".")[0] == "mine"]:
        del sys.modules[name]


@pytest.mark.parametrize("line", ["import slope_beside", "from slope_beside import SLOPE"])
def test_a_module_beside_it_without_a_dot_is_refused_with_what_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecurateError, match=r"No module named 'slope_beside'\); write from \.slope_beside import \.\."):
        load(Reward, {"kind": str(beside(tmp_path, line))})


def test_a_folder_of_the_project_hides_nothing_that_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    (tmp_path / "yaml.py").write_text("1 / 0\n")
    path = tmp_path / "height.py"
    path.write_text(f"import yaml; yaml.safe_load('1')\n{OWN_REWARD}")
    assert load(Reward, {"kind": str(path)}).is_own
