"""An edit re-runs what depends on it and nothing else."""

from __future__ import annotations

import sys

import pytest
from tiny import TINY, Copy

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
