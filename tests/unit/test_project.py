"""The configuration and the project: which studies there are, and what each stage reads of them."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from study_setup import ROOT, STUDY

from recurate.files.paths import WILDCARDS, Layout, benchmark_of, format_generation
from recurate.foundation.components import kinds
from recurate.foundation.errors import RecurateError
from recurate.foundation.settings import meant
from recurate.study.families import FAMILIES
from recurate.study.reading import as_config, read_study
from recurate.training.settings import Training
from recurate.workflow.project import Project
from recurate.workflow.studies import Wildcards


def test_overrides_on_the_command_line_are_read_as_yaml() -> None:
    texts = {"tiny": {"seeds": "[3, 4]", "generations": "2", "arms": {"one": {"mixing": {"lambda": ".inf"}}}}}
    found = meant(dict(as_config({"studies": [], "overrides": texts}).overrides["tiny"]))
    assert found == {"seeds": [3, 4], "generations": 2, "arms": {"one": {"mixing": {"lambda": math.inf}}}}


@pytest.mark.parametrize("title", ["Curse: a: tale", "a: tale", "2024-11-30", "2024-13-45", "{a", "tale"])
def test_an_overriding_title_stays_text(title: str) -> None:
    texts: dict[str, Any] = {"tiny": {"title": title}}
    assert as_config({"studies": [], "overrides": texts}).overrides == texts


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("scale", "full", "scale: Input should be 'demo' or 'paper' (got 'full')"),
        ("device", "gpu", "device: Input should be 'auto', 'cpu' or 'cuda' (got 'gpu')"),
        (
            "resluts",
            "r",
            "unknown key 'resluts'; known are studies, scale, results, data, data_folders, device, light_jobs",
        ),
        ("studies", "mixture", "studies: Input should be a valid list"),
        ("overrides", {"mixture": 3}, "overrides.mixture: Input should be a valid dictionary"),
        ("save_every", math.inf, "save_every: Input should be a finite number"),
    ],
)
def test_a_mistake_in_the_configuration_is_one_line(key: str, value: Any, expected: str) -> None:
    with pytest.raises(RecurateError) as caught:
        as_config({"studies": [], key: value})
    assert str(caught.value).startswith("config/config.yaml: ")
    assert expected in str(caught.value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(STUDY))
    return tmp_path


def test_a_project_reads_every_study_of_its_folder_with_overrides(folder: Path) -> None:
    project = Project({"studies": ["tiny"], "overrides": {"tiny": {"seeds": 1}}}, str(folder))
    assert project.studies.all["tiny"].seeds == [0]


@pytest.mark.parametrize("change", [{"studies": ["tony"]}, {"overrides": {"tony": {}}}])
def test_a_study_that_does_not_exist_is_named_beside_those_that_do(folder: Path, change: dict[str, Any]) -> None:
    with pytest.raises(RecurateError, match=rf"{next(iter(change))}: .*no study 'tony'.*known are tiny"):
        Project({"studies": ["tiny"], **change}, str(folder))


def test_a_target_that_looks_like_a_study_and_is_none_is_refused(folder: Path) -> None:
    project = Project({"studies": ["tiny"]}, str(folder))
    project.check_targets(["tiny", "all", "results/tiny/metrics.csv"])
    with pytest.raises(RecurateError, match="no study or target 'tony'; studies are tiny"):
        project.check_targets(["tony"])


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("tony/metrics.csv", "no study 'tony'; studies are tiny"),
        ("tony/arms/curated/forecast.csv", "no study 'tony'; studies are tiny"),
        ("tiny/arms/cured/seeds-0-0/gen-001/model.safetensors", "study tiny has no arm 'cured'; its arms are curated"),
        ("tiny/origins/tinny/judge.safetensors", "study tiny has no origin 'tinny'; its origins are"),
        ("tiny/figures/nope.pdf", "study tiny has no figure 'nope'"),
        ("tony/figures/trajectory.pdf", "no study 'tony'"),
        (
            "tiny/arms/curated/seeds-0-2/gen-099/model.safetensors",
            "no 'gen-099'; generations go .* to gen-002",
        ),
        ("tiny/arms/curated/seeds-0-2/gen-0001/model.safetensors", "there is no 'gen-0001'"),
        ("tiny/arms/curated/seeds-5-9/gen-001/model.safetensors", "has no job 'seeds-5-9'; its jobs are seeds-0-2"),
        ("tiny/arms/curated/seeds-9-5/gen-001/model.safetensors", "no job 'seeds-9-5'"),
        ("tiny/arms/curated/seeds-0-1/forecast.csv", "no job 'seeds-0-1'"),
        ("tiny/origins/gaussians/seeds-0-2/gen-001/model.safetensors", "generations go from gen-000 to gen-000"),
        ("tiny/rates.csv", "study tiny makes no file 'rates.csv'; its files are metrics.csv, forecast.csv, claims.csv"),
        ("tiny/effects.csv", "makes no file 'effects.csv'"),
        ("tiny/nosuch/deeper.csv", "makes no file 'nosuch/deeper.csv'"),
        ("tiny/figures/a/trajectory.pdf/x", "no figure 'x'"),
        ("tiny/traversals.safetensors", "makes no file 'traversals.safetensors'"),
        ("tiny/origins/gaussians/judge.safetensors", "origin gaussians: makes no file 'judge.safetensors'; its files"),
        ("tiny/origins/gaussians/reference.safetensors", "makes no file 'reference.safetensors'"),
        ("tiny/arms/curated/metrics.csv", "arm curated: makes no file 'metrics.csv'; its files are none"),
        ("tiny/arms/curated/seeds-0-2/metrics.csv", "makes no file 'metrics.csv'; its files are forecast.csv"),
        (
            "tiny/arms/curated/seeds-0-2/gen-000/model.safetensors",
            "no file 'model.safetensors'; its files are cur",
        ),
        ("tiny/arms/curated/seeds-0-2/gen-001/features.safetensors", "makes no file 'features.safetensors'"),
    ],
)
def test_a_file_of_what_there_is_not_is_refused(folder: Path, target: str, problem: str) -> None:
    with pytest.raises(RecurateError, match=problem):
        Project({"studies": ["tiny"]}, str(folder)).check_targets([f"results/{target}"])


@pytest.mark.parametrize(
    "form", ["{here}/results/tiny/metrics.csv", "./results/tiny/metrics.csv", "results//tiny/x", "a/../results/tiny/x"]
)
def test_a_result_that_is_named_otherwise_is_told_by_its_name(folder: Path, form: str) -> None:
    project = Project({"studies": ["tiny"]}, str(folder))
    with pytest.raises(RecurateError, match=r"there is no target .*; results are named from results on: results/tiny/"):
        project.check_targets([form.format(here=Path.cwd())])


def test_the_settings_of_a_stage_hold_what_it_reads_and_no_more(folder: Path) -> None:
    project = Project({"studies": ["tiny"]}, str(folder))
    wildcards = Wildcards(study="tiny", arm="curated")
    train, sample = project.settings.train_arm(wildcards), project.settings.sample(wildcards)
    assert train.sampler is None and train.checkpoint is None
    assert "start" not in train.model_dump()["training"]
    arm = project.studies.arm(wildcards)
    assert train.training == Training.model_validate(arm.retraining.model_dump(include=set(Training.model_fields)))
    assert set(sample.model_dump()) == {"model", "sampler", "samples"}
    assert project.settings.curate(wildcards).model is None


@pytest.mark.parametrize("scale", ["demo", "paper"])
@pytest.mark.parametrize("path", sorted((ROOT / "config" / "studies").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_studies_of_the_project_are_valid_at_both_scales(path: Path, scale: str) -> None:
    study = read_study(path, scale, {})
    assert study.generations <= read_study(path, "paper", {}).generations


def test_every_kind_of_every_family_can_be_named_in_a_message() -> None:
    for family in FAMILIES:
        assert kinds(family), family


def test_validating_a_study_imports_no_array_library() -> None:
    command = (
        "import sys; from pathlib import Path; from recurate.study.reading import read_study\n"
        "for path in Path('../config/studies').glob('*.yaml'):\n    read_study(path, 'demo', {})\n"
        "heavy = {'torch', 'numpy', 'scipy', 'pandas', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", command], cwd=ROOT / "scripts", check=True)


def project_of(folder: Path, generations: int, mixing: dict[str, Any]) -> Project:
    """A study of one arm with this mixing rule."""
    arm = {**STUDY["arms"]["curated"], "mixing": mixing}
    study = {**STUDY, "generations": generations, "arms": {"curated": arm}}
    (folder / "tiny.yaml").write_text(yaml.safe_dump(study))
    return Project({"studies": ["tiny"], "results": "results"}, str(folder))


def of_generation(generation: int) -> Wildcards:
    return Wildcards(study="tiny", arm="curated", seeds="0-2", generation=f"{generation:03d}")


@pytest.mark.parametrize("mixing", [{"lambda": 1}, {"lambda": math.inf}, {"regime": "accumulate", "lambda": 1}])
@pytest.mark.parametrize("last", [1, 2, 5])
def test_a_generation_is_trained_on_what_its_regime_keeps(folder: Path, mixing: dict[str, Any], last: int) -> None:
    project = project_of(folder, last, mixing)
    inputs, arm = project.inputs, "results/tiny/arms/curated/seeds-0-2"
    used, listed = [], last
    while True:  # along the lists, as training follows them
        used.append((inputs.training_samples(of_generation(listed)), inputs.training_curated(of_generation(listed))))
        if not (earlier := inputs.training_earlier(of_generation(listed))):
            break
        listed -= 1
        assert earlier == f"{arm}/gen-{listed:03d}/trained_on.json"
    generations = sorted(project.studies.arm(of_generation(last)).mixing.shares(last).curated)
    samples = ["results/tiny/origins/gaussians/seeds-0-2/gen-000/samples.safetensors"]
    samples += [f"{arm}/gen-{number:03d}/samples.safetensors" for number in range(1, last)]
    curated = [f"{arm}/gen-{number:03d}/curated.safetensors" for number in range(last)]
    assert used[::-1] == [(samples[number], curated[number]) for number in generations]


def test_the_thousandth_generation_names_as_many_files_as_the_second(folder: Path) -> None:
    project = project_of(folder, 1000, {"regime": "accumulate", "lambda": 1})
    assert project.inputs.training_earlier(of_generation(1000)).endswith("/gen-999/trained_on.json")
    assert project.inputs.training_samples(of_generation(1000)).endswith("/gen-999/samples.safetensors")
    assert project.inputs.training_curated(of_generation(1000)).endswith("/gen-999/curated.safetensors")
    assert re.fullmatch(WILDCARDS["generation"], format_generation(1000))
    assert not re.fullmatch(WILDCARDS["generation"], "0999"), "no generation has two names"


@pytest.mark.parametrize(
    ("metrics", "asked"),
    [([], False), ([{"kind": "frechet", "features": "data"}], False), ([{"kind": "memorisation"}], True)],
)
def test_how_near_held_out_data_are_is_found_once_for_an_origin_where_a_metric_asks(
    folder: Path, metrics: list[dict[str, str]], asked: bool
) -> None:
    (folder / "tiny.yaml").write_text(yaml.safe_dump({**STUDY, "metrics": metrics}))
    project = Project({"studies": ["tiny"], "results": "results"}, str(folder))
    wildcards = SimpleNamespace(study="tiny", arm="curated", seeds="0-2", generation="001")
    needed = project.inputs.nearness(wildcards)
    assert needed == ("results/tiny/origins/gaussians/nearness.safetensors" if asked else [])
    assert project.settings.nearness(wildcards).data_themselves == asked


def test_autoencoders_have_no_forecast_and_claims_know_why() -> None:
    project = Project({"studies": ["shumailov_vae"], "results": "results"}, str(ROOT / "config" / "studies"))
    study = SimpleNamespace(study="shumailov_vae")
    assert project.inputs.forecast_tables(study) == []
    claims = project.settings.claims(study).study
    assert all(arm.is_biased for arm in claims.arms.values()) and claims.arms


@pytest.mark.parametrize(
    ("data", "log"),
    [("data", "results/logs/data/mnist.log"), ("/elsewhere/data", "results/logs/elsewhere/data/mnist.log")],
)
def test_the_log_of_shared_data_has_one_name_wherever_the_data_lie(data: str, log: str) -> None:
    layout = Layout("results", data)
    assert layout.log(layout.in_data("mnist.safetensors")) == log
    made = layout.in_data("mnist.safetensors")
    assert benchmark_of(log, made) == layout.benchmark(made)
