"""What jobs ask a cluster for."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from study_setup import ROOT, changed

from recurate.files.costs import COST_COLUMNS
from recurate.files.tables import write_rows
from recurate.foundation.errors import RecurateError
from recurate.workflow.project import Project

GUESS = {"mem_mb": 4000, "runtime": 120}
ARM = SimpleNamespace(study="tiny", arm="curated", generation="001", seeds="0-2")
ORIGIN = SimpleNamespace(study="tiny", origin="gaussians", seeds="0-2")


def asked(folder: Path, rule: str, wildcards: Any, attempt: int = 1, **config: Any) -> dict[str, int]:
    """Resources of a job of the study in a folder, whose results lie there too."""
    project = Project({"studies": ["tiny"], "results": str(folder / "results"), **config}, str(folder))
    functions = project.resources(rule, **GUESS)
    found = {name: functions[name](wildcards, attempt) for name in ("mem_mb", "runtime")}
    return {**found, "gpu": functions["gpu"](wildcards)}


def written(folder: Path, *changes: tuple[str, Any]) -> Path:
    (folder / "tiny.yaml").write_text(yaml.safe_dump(changed(*changes)))
    return folder


def test_a_rule_s_guess_grows_with_every_attempt(tmp_path: Path) -> None:
    folder = written(tmp_path)
    assert asked(folder, "train_arm", ARM) == {"mem_mb": 4000, "runtime": 120, "gpu": 0}
    assert asked(folder, "train_arm", ARM, attempt=3) == {"mem_mb": 12_000, "runtime": 360, "gpu": 0}


def test_a_measured_run_replaces_the_guess(tmp_path: Path) -> None:
    row = {"rule": "train_arm", "jobs": 8, "cpu_hours": 1, "gpu_hours": 0, "longest_s": 600.0, "peak_memory_mb": 1000.0}
    table = tmp_path / "results/tiny/cost.csv"
    write_rows(table, COST_COLUMNS, [row, {**row, "rule": "all"}])
    folder = written(tmp_path)
    # 1.5 times the memory and 500 MB for the scheduler's own step; twice the time and five minutes.
    assert asked(folder, "train_arm", ARM) == {"mem_mb": 2000, "runtime": 25, "gpu": 0}
    assert asked(folder, "sample_arm", ARM) == {**GUESS, "gpu": 0}


def test_the_study_file_has_the_last_word(tmp_path: Path) -> None:
    folder = written(tmp_path, ("resources", {"train_arm": {"mem_mb": 9000}}))
    assert asked(folder, "train_arm", ARM, attempt=2) == {"mem_mb": 18_000, "runtime": 240, "gpu": 0}
    assert asked(folder, "train_origin", ORIGIN) == {**GUESS, "gpu": 0}


@pytest.mark.parametrize("resources", [{"train_arm": {"mem_mb": 0}}, {"train_arm": {"memory": 5}}, {"train": 3}])
def test_a_request_that_cannot_be_is_refused(tmp_path: Path, resources: Any) -> None:
    with pytest.raises(RecurateError, match="resources"):
        asked(written(tmp_path, ("resources", resources)), "train_arm", ARM)


def test_a_request_for_a_rule_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    folder = written(tmp_path, ("resources", {"train_arms": {"mem_mb": 5}}))
    project = Project({"studies": ["tiny"]}, str(folder))
    for rule in ("train_arm", "measure"):
        project.resources(rule, mem_mb=1, runtime=1)
    with pytest.raises(RecurateError, match=r"study tiny, resources: there is no rule 'train_arms'; rules are measure"):
        project.check_resources()


def gpus(study: str, network: str, device: str = "auto") -> int:
    """GPUs that a job which runs a network asks for in one of the project's studies at paper scale."""
    config = {"studies": [study], "scale": "paper", "device": device}
    project = Project(config, str(ROOT / "config/studies"))
    requests = project.resources("a_rule", **GUESS, gpu=getattr(project.networks, network))
    return requests["gpu"](SimpleNamespace(study=study, arm="curated"))


@pytest.mark.parametrize("network", ["model", "judge", "scorer", "features"])
def test_a_large_network_gets_a_gpu_and_a_small_one_none(network: str) -> None:
    assert gpus("cifar10_class", network) == 1
    assert gpus("cifar10_class", network, device="cpu") == 0
    assert gpus("mixture", network) == 0


def test_measuring_gets_a_gpu_only_where_a_metric_asks_the_model() -> None:
    assert gpus("cifar10_class", "measured") == 0
    assert gpus("shumailov_language", "measured") == 1


# Which network the jobs of a rule run; the others run none.
NETWORKS = {
    "judge": "judge", "reference": "features", "nearness": "features", "train_origin": "model", "train_arm": "model",
    "sample_origin": "model",
    "sample_arm": "model", "extract_origin": "features", "extract_arm": "features", "curate": "scorer",
    "measure": "measured",
}  # fmt: skip


def test_every_rule_that_runs_a_network_says_which() -> None:
    rules = "\n".join(path.read_text() for path in sorted((ROOT / "rules").glob("*.smk")))
    requests = re.findall(r'\*\*resources\("(\w+)", mem_mb=\d+, runtime=\d+(?:, gpu=networks\.(\w+))?\)', rules)
    assert len(requests) == rules.count("**resources(") > 15
    assert {rule: network for rule, network in requests if network} == NETWORKS


def test_the_report_takes_the_guess(tmp_path: Path) -> None:
    assert asked(written(tmp_path), "report", SimpleNamespace()) == {**GUESS, "gpu": 0}


def test_light_jobs_go_where_the_configuration_says(tmp_path: Path) -> None:
    folder = str(written(tmp_path))
    assert Project({"studies": []}, folder).light_jobs_are_local
    assert not Project({"studies": [], "light_jobs": "cluster"}, folder).light_jobs_are_local
