"""An edit re-runs what depends on it and nothing else."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from tiny import TINY, Copy, fresh

from recurate.files.arrays import read_arrays, write_arrays

pytestmark = pytest.mark.workflow

RETRAIN = {"train_arm", "sample_arm"}
DRAWING = {"account", "draw", "report"}


def arms(**extra: object) -> dict[str, object]:
    return {"arms": {**TINY["arms"], **extra}}  # type: ignore[dict-item]


def test_a_built_study_has_nothing_to_do(project: Copy) -> None:
    assert project.planned("all") == {}


def test_a_comment_or_docstring_schedules_nothing(project: Copy) -> None:
    project.edit("scripts/train.py", '"""Train a generation', '"""Fit a generation')
    project.edit(
        "scripts/recurate/training/trainer.py", "CHUNK = 50", "# the number of steps drawn at once\nCHUNK = 50"
    )
    project.edit("scripts/recurate/sampling/ode.py", '"""Sampling by', '"""How to sample by')
    project.edit("scripts/recurate/files/writing.py", "def write_json", "\n\ndef write_json")
    assert project.planned("all") == {}


def test_editing_a_figure_script_schedules_only_drawing(project: Copy) -> None:
    project.edit("scripts/draw.py", "def main(", "EDITED = 1\n\n\ndef main(")
    assert set(project.planned("all")) <= DRAWING
    assert "draw" in project.planned("all")


def test_editing_a_metric_schedules_no_training_and_no_sampling(project: Copy) -> None:
    project.edit(
        "scripts/recurate/measuring/metrics/sliced_wasserstein.py", "return float(np.sqrt", "return 1.0 * float(np.sqrt"
    )
    planned = project.planned()
    assert planned["measure"] == 6
    assert not RETRAIN & set(planned)
    assert not {"train_origin", "sample_origin", "curate"} & set(planned)


def test_editing_the_sampler_schedules_sampling_and_what_follows_but_no_origin_training(project: Copy) -> None:
    project.edit("scripts/recurate/sampling/ode.py", "h = 1.0 / self.steps", "h = 1 / self.steps")
    planned = project.planned()
    assert planned["sample_origin"] == 1
    assert planned["train_arm"] == 4  # trained on samples that change
    assert planned["sample_arm"] == 4
    assert not {"train_origin", "real_data"} & set(planned)


def test_editing_the_training_loop_schedules_training(project: Copy) -> None:
    project.edit("scripts/recurate/training/trainer.py", "CHUNK = 50", "CHUNK = 40")
    planned = project.planned()
    assert planned["train_origin"] == 1
    assert planned["train_arm"] == 4
    assert "real_data" not in planned


def test_editing_a_component_that_is_not_used_schedules_nothing(project: Copy) -> None:
    project.edit(
        "scripts/recurate/curation/rewards/class_probability.py", "self.gamma * scorer", "1.0 * self.gamma * scorer"
    )
    project.edit("scripts/recurate/data/two_moons.py", "sign = 1 - 2 * y", "sign = -2 * y + 1")
    assert project.planned("all") == {}


def test_a_new_arm_schedules_only_that_arm(project: Copy) -> None:
    project.study(**arms(choosy={"curation": {"choices": 8}}))
    planned = project.planned()
    assert planned["train_arm"] == planned["sample_arm"] == 2
    assert planned["curate"] == planned["measure"] == 3
    assert planned["forecast"] == 1
    assert not {"train_origin", "sample_origin", "real_data"} & set(planned)


def test_one_more_generation_schedules_only_that_generation(project: Copy) -> None:
    project.study(generations=3)
    planned = project.planned()
    assert planned["train_arm"] == planned["sample_arm"] == planned["curate"] == planned["measure"] == 2
    assert not {"train_origin", "sample_origin", "real_data"} & set(planned)


def test_more_seeds_schedule_only_those_seeds(project: Copy) -> None:
    project.study(seeds=4, seeds_per_job=2)
    planned = project.planned()
    assert planned["train_origin"] == planned["sample_origin"] == 1
    assert planned["train_arm"] == 4


def test_two_arms_of_one_origin_train_it_once(unbuilt: Copy) -> None:
    planned = unbuilt.planned()
    assert planned["train_origin"] == planned["sample_origin"] == planned["real_data"] == 1
    assert planned["train_arm"] == 4


def test_changing_one_arm_leaves_the_other_alone(project: Copy) -> None:
    project.study(**arms(curated={"retraining": {"learning_rate": 2.0e-3}}))
    planned = project.planned()
    assert planned["train_arm"] == planned["sample_arm"] == planned["curate"] == 2


def test_renaming_an_arm_changes_no_number(project: Copy) -> None:
    project.study(arms={"another_name": {}, "mixed": TINY["arms"]["mixed"]})  # type: ignore[index]
    assert project.snakemake("results/tiny/metrics.csv", "results/tiny/forecast.csv").returncode == 0
    folder = project.folder / "results/tiny/arms"
    for name in ("gen-002/samples.safetensors", "gen-002/curated.safetensors"):
        renamed, original = (folder / arm / "seeds-0-1" / name for arm in ("another_name", "curated"))
        assert renamed.read_bytes() == original.read_bytes()
    for name in ("gen-002/metrics.csv", "forecast.csv"):
        renamed, original = (folder / arm / "seeds-0-1" / name for arm in ("another_name", "curated"))
        assert renamed.read_text().replace("another_name", "curated") == original.read_text()


def test_reading_the_workflow_imports_neither_torch_nor_pandas(built: Copy) -> None:
    probe = (
        "import sys; sys.path.insert(0, 'scripts'); from recurate.workflow.project import Project; import yaml;"
        "p = Project(yaml.safe_load(open('config/config.yaml')));"
        "w = type('W', (), dict(study='tiny', arm='curated', seeds='0-1', generation='001'))();"
        "from recurate.workflow.job_params import params\n"
        "for script, settings in (('train.py', p.settings.train_arm), ('measure.py', p.settings.measure)):\n"
        "    [value(w) for value in params(script, settings).values()]\n"
        ""
        "print([m for m in ('torch', 'pandas', 'numpy', 'scipy') if m in sys.modules])"
    )
    assert built.run(sys.executable, "-c", probe).stdout.strip() == "[]"


def test_planning_writes_nothing_into_results(unbuilt: Copy) -> None:
    unbuilt.planned()
    assert not (unbuilt.folder / "results").exists()


# Where data accumulate

ALL = "results/tiny/arms/all/seeds-0-1"
TABLE = "results/tiny/metrics.csv"
ACCUMULATING = {"arms": {"all": {"mixing": {"regime": "accumulate", "lambda": 1}}}}


@pytest.fixture(scope="module")
def accumulated_once(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A study of three generations, each trained on all before it."""
    copy = fresh(tmp_path_factory.mktemp("accumulated") / "project")
    copy.study(**ACCUMULATING, generations=3)
    done = copy.snakemake("--", TABLE)
    assert done.returncode == 0, done.stdout
    return copy


@pytest.fixture
def accumulated(accumulated_once: Copy, tmp_path: Path) -> Copy:
    """A copy of it with all modification times kept."""
    shutil.copytree(accumulated_once.folder, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__"))
    return Copy(tmp_path / "project")


def own_choice(project: Copy, generation: int) -> None:
    """Put a curated set of the user's own, without a record, in the place of one."""
    path = project.folder / ALL / f"gen-{generation:03d}/curated.safetensors"
    arrays = read_arrays(path)
    write_arrays(path, {**arrays, "index": arrays["index"][:, ::2].copy()}, {})
    path.with_name(f".{path.name}.record").unlink()


def test_accumulated_generations_have_nothing_to_do_and_one_more_schedules_only_itself(accumulated: Copy) -> None:
    assert accumulated.planned(TABLE) == {}
    accumulated.study(**ACCUMULATING, generations=4)
    assert accumulated.planned(TABLE) == {"train_arm": 1, "sample_arm": 1, "curate": 1, "measure": 1, "gather": 1}


@pytest.mark.parametrize(("generation", "later"), [(0, 3), (1, 2), (2, 1), (3, 0)])
def test_another_early_curated_set_schedules_every_later_generation(
    accumulated: Copy, generation: int, later: int
) -> None:
    own_choice(accumulated, generation)
    planned = accumulated.planned(TABLE)
    assert [planned.get(rule, 0) for rule in ("train_arm", "sample_arm", "curate")] == [later] * 3
    assert planned["measure"] == later + 1


def test_an_early_edit_reaches_the_last_generation_and_the_chain_says_so(accumulated: Copy) -> None:
    models = [accumulated.folder / ALL / f"gen-00{generation}/model.safetensors" for generation in (1, 2, 3)]
    before = [path.read_bytes() for path in models]
    own_choice(accumulated, 1)
    assert accumulated.snakemake("--", TABLE).returncode == 0
    assert [path.read_bytes() == old for path, old in zip(models, before, strict=True)] == [True, False, False]
    assert accumulated.planned(TABLE) == {}
    shown = accumulated.run(sys.executable, "scripts/manage.py", "trace", "--all", f"{ALL}/gen-003/model.safetensors")
    assert shown.returncode == 0, shown.stdout
    for generation, name in ((0, "curated"), (1, "samples"), (1, "curated"), (2, "samples"), (2, "curated")):
        assert f"\n{ALL}/gen-00{generation}/{name}.safetensors" in shown.stdout


def test_a_damaged_or_missing_early_generation_stops_the_next_one_with_a_sentence(accumulated: Copy) -> None:
    early = f"{ALL}/gen-000/curated.safetensors"
    path = accumulated.folder / early
    content, at = path.read_bytes(), path.stat().st_mtime_ns
    path.write_bytes(content[:-1] + b"?")
    os.utime(path, ns=(at, at))  # what happens to a disk leaves no new time
    accumulated.study(**ACCUMULATING, generations=4)
    refused = accumulated.snakemake("--", TABLE)
    assert refused.returncode != 0
    assert f"error: {early} does not hold the bytes that curate wrote; make verify" in refused.stdout, refused.stdout
    path.unlink()
    refused = accumulated.snakemake("--", TABLE)
    assert f"error: {early}, which {ALL}/gen-001/trained_on.json lists, is gone; make it again" in refused.stdout
    assert accumulated.snakemake("--", early).returncode == 0
    assert path.read_bytes() == content
    assert accumulated.planned(TABLE) == {"train_arm": 1, "sample_arm": 1, "curate": 1, "measure": 1, "gather": 1}
    assert accumulated.snakemake("--", TABLE).returncode == 0


def test_rebuilding_a_damaged_model_leaves_what_was_made_from_it_and_its_list(accumulated: Copy) -> None:
    model = accumulated.folder / ALL / "gen-001/model.safetensors"
    content, at = model.read_bytes(), model.stat().st_mtime_ns
    model.write_bytes(content[:-1])
    os.utime(model, ns=(at, at))
    written = model.with_name("trained_on.json").stat().st_mtime_ns
    done = accumulated.run(sys.executable, "scripts/manage.py", "verify", "--rebuild")
    assert done.returncode == 0, done.stdout
    assert model.read_bytes() == content
    assert model.with_name("trained_on.json").stat().st_mtime_ns <= written
    assert accumulated.planned(TABLE) == {}
