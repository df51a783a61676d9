"""A bad setting of a trained study is a sentence: file, key, value and remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny import changed

from recurate.foundation.errors import RecurateError
from recurate.study.reading import read_trained
from recurate.workflow.figures import check_figures

SETTINGS: list[tuple[str, Any, list[str]]] = [
    ("colour", "blue", ["unknown key 'colour'", "known are title"]),
    ("arms.curated.reward.gama", 2.0, ["arms.curated.reward", "unknown key 'gama'", "gamma"]),
    ("origins.gaussians.training.steps", "many", ["origins.gaussians.training.steps", "integer", "'many'"]),
    ("origins.gaussians.training.steps", 0, ["origins.gaussians.training.steps", "greater than or equal to 1"]),
    ("arms.mixed.mixing.lambda", -0.5, ["arms.mixed.mixing", "lambda: -0.5 is not allowed", ">= 0"]),
    ("arms.mixed.mixing", {"lambda": 1, "real_fraction": 0.5}, ["arms.mixed.mixing", "not both"]),
    ("arms.mixed.mixing", {"real_fraction": 1.5}, ["arms.mixed.mixing.real_fraction", "less than or equal to 1"]),
    ("arms.curated.curation.choices", 0, ["arms.curated.curation.choices", "0 is not allowed", "integer >= 1 or .inf"]),
    ("arms.curated.curation.choices", 2.5, ["arms.curated.curation.choices", "2.5 is not allowed"]),
    ("arms.curated.curation.choices", 401, ["arms.curated.curation", "401 is more than the 400"]),
    ("arms.curated.curation.kept", 0, ["arms.curated.curation.kept", "greater than or equal to 1"]),
    ("arms.curated.origin", "moon", ["arms.curated.origin", "no origin 'moon'", "gaussians"]),
    ("arms.curated.reward", {"kind": "class_probability"}, ["arms.curated.reward", "needs a judge"]),
    ("arms.curated.reward.target", [1, 2, 3], ["arms.curated.reward", "target has 3 coordinates", "(2,)"]),
    ("arms.curated.reward.kind", "beauty", ["arms.curated.reward", "unknown kind 'beauty'", "clipped_distance"]),
    ("arms.curated.reward.kind", "mine/beauty.py", ["arms.curated.reward", "unknown kind 'mine/beauty.py'"]),
    ("arms.Curated", {}, ["arms", "'Curated' is not a name"]),
    ("arms.a/../b", {}, ["arms", "is not a name"]),
    ("generations", 0, ["generations", "greater than or equal to 1"]),
    ("seeds", [0, 1, 1], ["seeds", "duplicate or negative seeds in [0, 1, 1]"]),
    ("seeds", 0, ["seeds", "0 is not allowed"]),
    ("figures", ["portrait"], ["figures.0", "unknown kind 'portrait'", "trajectory"]),
    ("figures", ["contact_sheet"], ["figures", "contact_sheet: cannot show"]),
    ("claims", ["lemma_9"], ["claims", "'lemma_9' is not known", "lemma_2_2"]),
    ("metrics", [{"kind": "frechet", "features": "judge"}], ["metrics.0", "there are no features 'judge'"]),
    ("metrics", [{"kind": "precision_recall", "neighbours": 9, "samples": 5}], ["metrics.0", "neighbours: 9"]),
    ("origins.gaussians.judge", {"kind": "small_cnn"}, ["origins.gaussians", "judge: needs images"]),
    ("origins", {}, ["origins", "at least 1 item"]),
    ("scales", {"huge": {}}, ["scales: only demo and paper are allowed"]),
]


@pytest.mark.parametrize(("path", "value", "said"), SETTINGS, ids=lambda value: str(value)[:40])
def test_a_bad_setting_is_named_with_its_file(tmp_path: Path, path: str, value: Any, said: list[str]) -> None:
    file = tmp_path / "tiny.yaml"
    file.write_text(yaml.safe_dump(changed(path, value), sort_keys=False))
    with pytest.raises(RecurateError) as told:
        check_figures(read_trained(file, "demo", {}), str(file))
    for part in [str(file), *said]:
        assert part in str(told.value)
