"""Results of one scale are not laid over those of another."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from study_setup import STUDY

from recurate.files import runs
from recurate.foundation.errors import RecurateError
from recurate.workflow.project import Project
from recurate.workflow.running import check_scale

LOG = "results/logs/tiny/arms/curated/seeds-0-2/gen-001/model.log"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config/studies").mkdir(parents=True)
    Path("config/studies/tiny.yaml").write_text(yaml.safe_dump(STUDY))


def asked(scale: str) -> None:
    check_scale(Project({"studies": [], "scale": scale}, targets=["tiny"]), [LOG])


def noted(started: float, scale: str, *jobs: str) -> None:
    config = {"scale": scale}
    run = runs.Run(
        started=started, command="", commit=None, changed=[], host="", hardware={}, config=config, jobs=list(jobs)
    )
    runs.write("results", run)


def test_another_scale_is_refused_while_results_are_there() -> None:
    asked("paper")
    noted(1, "demo", LOG)
    asked("paper")
    Path("results/tiny/arms").mkdir(parents=True)
    asked("paper")
    Path("results/tiny/arms/model.safetensors").touch()
    asked("demo")
    with pytest.raises(RecurateError, match=r"results/tiny holds the scale demo, asked for is paper; .* results=paper"):
        asked("paper")


def test_what_counts_is_the_last_run_of_that_study() -> None:
    Path("results/tiny").mkdir(parents=True)
    Path("results/tiny/config.yaml").touch()
    noted(1, "demo", LOG)
    noted(2, "paper", LOG)
    noted(3, "demo", "results/logs/other/metrics.log", "results/logs/report.log")
    asked("paper")
    with pytest.raises(RecurateError, match="holds the scale paper"):
        asked("demo")
