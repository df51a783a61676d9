"""What is planned does not depend on whether Snakemake remembers results, nor on what became of their times."""

from __future__ import annotations

import os
import random
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from long_cases import others_long
from test_checkpoints import trained_elsewhere
from tiny import TINY, Copy, contents, fresh

from recurate.files.records import record_of

pytestmark = pytest.mark.workflow

DATA = '''
from pathlib import Path

import numpy as np
from recurate.data import Data, Description, RealData


class Points(Data):
    """Points of the plane from all tables of a folder, a tenth of them held out."""

    folder: str

    @property
    def files(self):
        return tuple(map(str, sorted(Path(self.folder).glob("*.csv"))))

    @property
    def description(self):
        return Description(shape=(2,), classes=0)

    def load(self, generator):
        x = np.concatenate([np.loadtxt(path, delimiter=",", dtype=np.float32) for path in self.files])
        y = np.zeros(len(x), np.int64)
        return RealData(x[50:], y[50:], x[:50], y[:50])
'''
REWARD = '''
from pathlib import Path

import numpy as np
from pydantic import Field
from recurate.curation.rewards import Reward

from .helper import height


class Upwards(Reward):
    """The nearer to a line that a file tells, the better."""

    gamma: float = Field(1.0, description="how much")

    @property
    def files(self):
        return (str(Path(__file__).with_name("line.txt")),)

    @property
    def supremum(self):
        return 0.0

    def __call__(self, x, scorer):
        return -self.gamma * np.abs(height(x) - float(Path(self.files[0]).read_text()))
'''
HELPER = "def height(x):\n    return x[:, 1]\n"
ORIGIN: dict[str, Any] = {
    **TINY["origins"]["gaussians"],
    "data": {"kind": "mine/points.py", "folder": "mine/tables"},
    "checkpoint": {"path": "mine/weights.pt", "entry": "ema_model"},
}
STUDY: dict[str, Any] = {
    "generations": 1,
    "seeds_per_job": 2,
    "origins": {"points": ORIGIN},
    "arm_defaults": {**TINY["arm_defaults"], "origin": "points", "reward": {"kind": "mine/upwards.py", "gamma": 2.0}},
    "arms": {"curated": {}, "uncurated": {"curation": {"choices": 1}}},
}
TRAINED = {"train_origin", "sample_origin", "curate", "train_arm", "sample_arm", "measure", "gather"}
OF_REWARD = {"curate", "train_arm", "sample_arm", "measure", "forecast"}
BOOKS = {"resolved_config", "account", "draw", "report", "effects", "claims", "gather", "forecast"}


def reward(**settings: object) -> dict[str, object]:
    """The study with other settings of its reward."""
    defaults = STUDY["arm_defaults"]
    return {**STUDY, "arm_defaults": {**defaults, "reward": {**defaults["reward"], **settings}}}


def with_old_date(project: Copy, file: str, text: str) -> None:
    """Put another file of an old date in the place of one, as `cp -p` and archives do."""
    new = project.folder / "new"
    new.write_text(text)
    os.utime(new, (1e9, 1e9))
    new.replace(project.folder / file)


def another_checkpoint(project: Copy) -> None:
    path = project.folder / "mine/weights.pt"
    torch.save(trained_elsewhere(ORIGIN["model"], steps=9), path)
    os.utime(path, (1e9, 1e9))


def more_points(project: Copy) -> None:
    shutil.copy2(project.folder / "mine/tables/a.csv", project.folder / "mine/tables/c.csv")


def fewer_points(project: Copy) -> None:
    (project.folder / "mine/tables/b.csv").unlink()


def renamed_points(project: Copy) -> None:
    (project.folder / "mine/tables/a.csv").rename(project.folder / "mine/tables/z.csv")


def edited_points(project: Copy) -> None:
    text = (project.folder / "mine/tables/b.csv").read_text()
    with_old_date(project, "mine/tables/b.csv", "9,9\n" + text.partition("\n")[2])


Change = Callable[[Copy], object]
# Of every change the rules that run again for it, others may follow, and rules that do not run.
CHANGES: dict[str, tuple[Change, set[str], set[str]]] = {
    "nothing": (lambda p: None, set(), {*TRAINED, *BOOKS, "real_data"}),
    "a comment": (lambda p: p.edit("mine/helper.py", "def", "# why\ndef"), set(), {*TRAINED, *BOOKS, "real_data"}),
    "a title": (lambda p: p.study(**STUDY, title="Other"), {"resolved_config", "report"}, {*TRAINED, "real_data"}),
    "a setting of training": (
        lambda p: p.study(
            **{**STUDY, "arms": {"curated": {"retraining": {"steps": 61}}, "uncurated": STUDY["arms"]["uncurated"]}}
        ),
        {"train_arm", "sample_arm"},
        {"train_origin", "sample_origin", "real_data", "forecast"},
    ),
    "a setting of the reward": (lambda p: p.study(**reward(gamma=50.0)), OF_REWARD, {"train_origin", "real_data"}),
    "code of the library": (
        lambda p: p.edit("scripts/recurate/sampling/ode.py", "h = 1.0 / self.steps", "h = 1 / self.steps"),
        {"sample_origin", *OF_REWARD},
        {"train_origin", "real_data"},
    ),
    "an own component": (
        lambda p: p.edit("mine/upwards.py", "return -self.gamma", "return -1.0 * self.gamma"),
        OF_REWARD,
        {"train_origin", "real_data"},
    ),
    "its helper": (
        lambda p: p.edit("mine/helper.py", "x[:, 1]", "x[:, 0]"),
        OF_REWARD,
        {"train_origin", "real_data"},
    ),
    "its file": (lambda p: with_old_date(p, "mine/line.txt", "3.0"), OF_REWARD, {"train_origin", "real_data"}),
    "a table of real data edited": (edited_points, {"real_data", *TRAINED}, set()),
    "a table of real data added": (more_points, {"real_data", *TRAINED}, set()),
    "a table of real data removed": (fewer_points, {"real_data", *TRAINED}, set()),
    "a table of real data renamed": (renamed_points, {"real_data", *TRAINED}, set()),
    "the checkpoint": (another_checkpoint, TRAINED, {"real_data"}),
    "seeds": (lambda p: p.study(**STUDY, seeds=4), TRAINED, {"real_data"}),
    "generations": (
        lambda p: p.study(**{**STUDY, "generations": 2}),
        {"train_arm", "sample_arm", "curate", "measure"},
        {"train_origin", "sample_origin", "real_data"},
    ),
}


def written(folder: Path) -> Copy:
    """The study with all that is the user's own, not built."""
    copy = fresh(folder)
    mine = folder / "mine"
    (mine / "tables").mkdir(parents=True)
    for name, text in (("points.py", DATA), ("upwards.py", REWARD), ("helper.py", HELPER), ("line.txt", "2.0")):
        (mine / name).write_text(text)
    for seed, name in enumerate("ab"):
        np.savetxt(mine / f"tables/{name}.csv", np.random.default_rng(seed).normal(size=(200, 2)), delimiter=",")
    torch.save(trained_elsewhere(ORIGIN["model"], steps=7), mine / "weights.pt")
    copy.study(**STUDY)
    return copy


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The study, built once; tests must not change it."""
    copy = written(tmp_path_factory.mktemp("finished") / "project")
    done = copy.snakemake()
    assert done.returncode == 0, done.stdout
    return copy


def remembered(finished: Copy, folder: Path) -> Copy:
    """A copy with everything as it was."""
    shutil.copytree(finished.folder, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return Copy(folder)


def forgotten(finished: Copy, folder: Path) -> Copy:
    """The same without Snakemake's memory, as after `make clean`."""
    copy = remembered(finished, folder)
    shutil.rmtree(folder / ".snakemake")
    return copy


def cloned(finished: Copy, folder: Path) -> Copy:
    """Another clone, into which results were copied without their times, in whatever order."""
    copy = written(folder)
    shutil.copytree(finished.folder / "results", folder / "results", copy_function=shutil.copy)
    dated_anyhow(folder / "results")
    return copy


def copied(finished: Copy, folder: Path) -> Copy:
    """The whole folder, Snakemake's memory with it, without any times."""
    shutil.copytree(finished.folder, folder, copy_function=shutil.copy, ignore=shutil.ignore_patterns("__pycache__"))
    dated_anyhow(folder)
    return Copy(folder)


def dated_anyhow(folder: Path) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path, age in zip(files, random.Random(0).sample(range(len(files)), len(files)), strict=True):
        os.utime(path, (1.5e9 + age, 1.5e9 + age))


PLACES = (forgotten, cloned, copied)


SHORT = ("nothing", "a setting of the reward", "its helper", "a table of real data edited")


@pytest.mark.parametrize("change", others_long(CHANGES, SHORT.__contains__))
def test_the_same_is_planned_wherever_results_lie(finished: Copy, tmp_path: Path, change: str) -> None:
    apply, run_again, left_alone = CHANGES[change]
    plans = {}
    for place in (remembered, *PLACES):
        project = place(finished, tmp_path / place.__name__)
        apply(project)
        plans[place.__name__] = project.planned("all")
    assert plans == dict.fromkeys(plans, plans["remembered"])
    assert run_again <= set(plans["remembered"]) and not left_alone & set(plans["remembered"])


@pytest.mark.parametrize("place", others_long(PLACES, lambda place: place is copied))
def test_what_contradicts_is_counted_in_one_line_and_made_again_to_the_same_bytes(
    finished: Copy, tmp_path: Path, place: Callable[[Copy, Path], Copy]
) -> None:
    expected, project = remembered(finished, tmp_path / "expected"), place(finished, tmp_path / "project")
    for copy in (expected, project):
        copy.study(**reward(gamma=50.0))
    assert expected.snakemake().returncode == 0
    plan = project.snakemake("-n", "--quiet", "all")
    lines = re.findall(r"^results of which .* (\d+); make study makes them again.*$", plan.stdout, re.MULTILINE)
    assert len(lines) == 1, plan.stdout
    assert 4 <= int(lines[0]) <= 12
    done = project.run(sys.executable, "scripts/manage.py", "run", "--cores", "2")
    assert done.returncode == 0, done.stdout
    assert contents(project) == contents(expected)
    assert project.planned("all") == {}
    metadata = sum(path.is_file() for path in (project.folder / ".snakemake/metadata").rglob("*"))
    assert metadata >= len(list((project.folder / "results").rglob(".*.record")))


def test_a_run_with_nothing_to_do_remembers_what_records_told_and_mends_times(finished: Copy, tmp_path: Path) -> None:
    project = cloned(finished, tmp_path / "project")
    assert project.snakemake().returncode == 0
    for record in (project.folder / "results").rglob(".*.record"):
        record.unlink()
    assert project.planned("all") == {}
    assert "without a record" not in project.snakemake("-n").stdout
    project.study(**reward(gamma=50.0))
    assert set(project.planned("all")) >= OF_REWARD


def test_a_damaged_record_shows_nothing_and_its_file_is_made_again(finished: Copy, tmp_path: Path) -> None:
    project = forgotten(finished, tmp_path / "project")
    record = "results/tiny/arms/curated/seeds-0-1/gen-001/.samples.safetensors.record"
    (project.folder / record).write_text("{")
    assert project.planned("all")["sample_arm"] == 1


def test_results_of_another_clone_in_the_place_of_remembered_ones_are_compared(finished: Copy, tmp_path: Path) -> None:
    other = remembered(finished, tmp_path / "other")
    other.study(**reward(gamma=50.0))
    assert other.snakemake().returncode == 0
    project = remembered(finished, tmp_path / "project")
    shutil.copytree(other.folder / "results", project.folder / "results", dirs_exist_ok=True)
    assert set(project.planned("all")) >= OF_REWARD


def test_what_nobody_knows_of_is_taken_as_it_is_with_a_line(finished: Copy, tmp_path: Path) -> None:
    project = forgotten(finished, tmp_path / "project")
    samples = "results/tiny/arms/curated/seeds-0-1/gen-001/samples.safetensors"
    record_of(project.folder / samples).unlink()
    plan = project.snakemake("-n")
    assert f"results without a record, which are taken as they are: 1, {samples} first" in plan.stdout, plan.stdout
    assert project.planned("all") == {}


def test_results_under_another_name_are_compared_as_well(finished: Copy, tmp_path: Path) -> None:
    project = forgotten(finished, tmp_path / "project")
    shutil.move(project.folder / "results", project.folder / "kept/elsewhere")
    project.edit("config/config.yaml", "results: results", "results: kept/elsewhere")
    assert project.planned("all") == {"report": 1}  # which names the folder
    project.study(**reward(gamma=50.0))
    planned = project.planned("all")
    assert set(planned) >= OF_REWARD and not {"train_origin", "real_data"} & set(planned)


def test_a_job_that_snakemake_starts_asks_no_record(finished: Copy, tmp_path: Path) -> None:
    project = forgotten(finished, tmp_path / "project")
    project.study(**reward(gamma=50.0))
    plan = project.snakemake("-n", "--mode", "subprocess")
    assert "results of which" not in plan.stdout
    assert "Nothing to be done" in plan.stdout or "curate" not in plan.stdout


# Why it runs again


def test_reasons_name_keys_and_modules_with_what_they_were(finished: Copy, tmp_path: Path) -> None:
    project = remembered(finished, tmp_path / "project")
    project.study(**reward(gamma=50.0))
    project.edit("scripts/recurate/sampling/ode.py", "h = 1.0 / self.steps", "h = 1 / self.steps")
    with_old_date(project, "mine/line.txt", "3.0")
    project.edit("mine/helper.py", "x[:, 1]", "x[:, 0]")
    shown = project.run(sys.executable, "scripts/manage.py", "why", "--config", "scale=demo", "tiny")
    assert shown.returncode == 0, shown.stdout
    for words in (
        "reward.gamma: 2.0 -> 50.0",
        "code of recurate/sampling/ode.py",
        "code of mine/helper.py",
        "file mine/line.txt",
    ):
        assert words in shown.stdout, shown.stdout
    assert all(line.startswith("why: ") for line in shown.stdout.splitlines())
    plan = project.snakemake("-n")
    assert not re.search(r"'[0-9a-f]{16}'", plan.stdout), plan.stdout
    assert remembered(finished, tmp_path / "same").run(sys.executable, "scripts/manage.py", "why").stdout == (
        "nothing runs again\n"
    )


# Where nobody chooses


def test_another_reward_trains_no_arm_anew_in_which_nobody_chooses(finished: Copy, tmp_path: Path) -> None:
    project = remembered(finished, tmp_path / "project")
    model = "results/tiny/arms/uncurated/seeds-0-1/gen-001/model.safetensors"
    written_at = (project.folder / model).stat().st_mtime_ns
    project.study(**reward(gamma=50.0))
    assert project.planned("all")["train_arm"] == 1  # the curated one's
    assert project.snakemake().returncode == 0
    assert (project.folder / model).stat().st_mtime_ns == written_at
    anew = written(tmp_path / "anew")
    anew.study(**reward(gamma=50.0))
    assert anew.snakemake("results/tiny/metrics.csv").returncode == 0
    metrics = "results/tiny/metrics.csv"
    assert (project.folder / metrics).read_bytes() == (anew.folder / metrics).read_bytes()
    assert (project.folder / model).read_bytes() == (anew.folder / model).read_bytes()
