"""A small study as a mapping, changed copies of it, and what reading one gives."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from recurate.foundation.errors import RecurateError
from recurate.study.reading import read_trained
from recurate.study.trained import Study
from recurate.workflow.figures import check_figures

ROOT = Path(__file__).parents[2]
ABSENT = object()
TRAINING = {"steps": 10, "batch_size": 8, "learning_rate": 1e-3, "schedule": "constant"}
STUDY: dict[str, Any] = {
    "title": "Tiny",
    "answers": "nothing",
    "generations": 2,
    "seeds": 3,
    "origins": {
        "gaussians": {
            "data": {"kind": "eight_gaussians", "train": 50, "test": 50},
            "model": {"kind": "mlp", "width": 8, "depth": 1},
            "objective": {"kind": "flow_matching"},
            "training": TRAINING,
            "sampler": {"kind": "ode"},
            "samples": 100,
        },
    },
    "arms": {
        "curated": {
            "origin": "gaussians",
            "reward": {"kind": "clipped_distance", "target": [4.0, 0.0]},
            "curation": {"kind": "bradley_terry", "choices": 4, "kept": 100},
            "mixing": {"lambda": 0.5},
            "retraining": {**TRAINING, "start": "previous"},
        },
    },
}


def changed(*changes: tuple[str, Any]) -> dict[str, Any]:
    """The study above with values set (or with ABSENT, removed) at dotted keys."""
    study = copy.deepcopy(STUDY)
    for dotted, value in changes:
        *path, last = dotted.split(".")
        block = study
        for key in path:
            block = block.setdefault(key, {})
        if value is ABSENT:
            del block[last]
        else:
            block[last] = value
    return study


def read(study: Any, tmp_path: Path, scale: str = "demo", override: dict[str, Any] | None = None) -> Study:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(study))
    found = read_trained(path, scale, override or {})
    check_figures(found, str(path))
    return found


def complaint(study: Any, tmp_path: Path, override: dict[str, Any] | None = None) -> list[str]:
    """The lines of the error that a study gives."""
    with pytest.raises(RecurateError) as caught:
        read(study, tmp_path, override=override)
    return str(caught.value).splitlines()
