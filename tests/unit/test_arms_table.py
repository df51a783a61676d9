"""The table of a study's arms: what `each` varied, as columns that can be joined to every other table."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from study_setup import STUDY, changed, read

import recurate
import resolve_config
from recurate.workflow.stage_settings import StageSettings
from recurate.workflow.studies import Studies, Wildcards


def grid(tmp_path: Path, **each: Any) -> dict[str, Any]:
    arm = {**STUDY["arms"]["curated"], "each": {key.replace("__", "."): values for key, values in each.items()}}
    study = read(changed(("arms", {"k": arm, "plain": STUDY["arms"]["curated"]})), tmp_path)
    return StageSettings(Studies({"tiny": study})).resolved(Wildcards(study="tiny"))


def test_parameters_are_columns_and_an_arm_without_has_none(tmp_path: Path) -> None:
    settings = grid(tmp_path, curation__choices=[2, math.inf], reward__target=[[4, 0]])
    spec = json.loads(json.dumps(settings))  # as a rule hands them over
    resolve_config.main(str(tmp_path / "config.yaml"), str(tmp_path / "arms.csv"), "tiny", spec, [])
    assert (tmp_path / "arms.csv").read_text() == (
        "study,arm,choices,target\n"
        'tiny,k_2_4_0,2,"[4, 0]"\n'
        'tiny,k_inf_4_0,inf,"[4, 0]"\n'
        "tiny,plain,,\n"
    )  # fmt: skip
    assert "parameters" not in spec["arms"]["plain"] and spec["arms"]["k_2_4_0"]["parameters"]["choices"] == 2


def test_tables_get_the_parameters_of_their_arms(tmp_path: Path) -> None:
    arms = {"a": {"parameters": {"K": 2, "value": [1, 2]}}, "b": {"title": "b"}}
    resolve_config.main(str(tmp_path / "config.yaml"), str(tmp_path / "arms.csv"), "tiny", {"arms": arms}, [])
    (tmp_path / "metrics.csv").write_text("study,arm,value\ntiny,b,1.0\ntiny,a,2.0\ntiny,a,3.0\n")
    found = recurate.tables(tmp_path)
    metrics = found["metrics"]
    assert list(metrics.columns) == ["study", "arm", "value", "K", "value_of_arm"]
    assert metrics["value"].tolist() == [1.0, 2.0, 3.0]
    assert metrics["K"].tolist()[1:] == [2, 2] and math.isnan(metrics["K"][0])
    assert metrics["value_of_arm"].tolist()[1:] == [(1, 2), (1, 2)]
    assert list(found["arms"].columns) == ["study", "arm", "K", "value"]
    assert found["arms"]["value"][0] == (1, 2)


def test_tables_of_a_grid_have_its_choices_and_lambda(tmp_path: Path) -> None:
    settings = grid(tmp_path, curation__choices=[2, math.inf], mixing__lambda=[1, math.inf])
    spec = json.loads(json.dumps(settings))
    resolve_config.main(str(tmp_path / "config.yaml"), str(tmp_path / "arms.csv"), "tiny", spec, [])
    (tmp_path / "metrics.csv").write_text("study,arm,value\n" + "".join(f"tiny,{arm},0.5\n" for arm in spec["arms"]))
    metrics = recurate.tables(tmp_path)["metrics"].set_index("arm")
    assert {"choices", "lambda", "curation.choices", "mixing.real_fraction"} <= set(metrics.columns)
    assert metrics.loc["k_2_1", ["choices", "lambda", "mixing.real_fraction"]].tolist() == [2, 1, 0.5]
    assert metrics.loc["k_inf_inf", ["choices", "lambda"]].tolist() == [math.inf, math.inf]
    assert math.isnan(metrics["lambda"]["plain"])


def test_parameters_change_neither_what_is_trained_nor_what_is_simulated(tmp_path: Path) -> None:
    arm = STUDY["arms"]["curated"]
    study = read(changed(("arms", {"one": arm, "two": {**arm, "parameters": {"K": 2}}})), tmp_path)
    settings = StageSettings(Studies({"tiny": study}))
    for stage in (settings.train_arm, settings.sample, settings.curate, settings.forecast, settings.measure):
        assert stage(Wildcards(study="tiny", arm="one")) == stage(Wildcards(study="tiny", arm="two"))
