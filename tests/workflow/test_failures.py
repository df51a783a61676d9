"""Failure is a sentence: file, key, value and remedy, a non-zero exit, and nothing left that looks finished."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from long_cases import rows_long
from tiny import TINY, Copy, changed

pytestmark = pytest.mark.workflow


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("colour", "blue", ["unknown key 'colour'", "known are title"]),
        ("arms.curated.reward.gama", 2.0, ["arms.curated.reward", "unknown key 'gama'", "gamma"]),
        ("arms.a/../b", {}, ["arms", "is not a name"]),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_bad_setting_stops_before_anything_is_planned(
    unbuilt_once: Copy, path: str, value: Any, said: list[str]
) -> None:
    unbuilt_once.study(**changed(path, value))
    refuses(unbuilt_once, ["config/studies/tiny.yaml", *said], "-n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    rows_long(
        2,
        [
            (["nonsense"], ["there is no study or target 'nonsense'", "tiny"]),
            (["--config", "studies=[moon]"], ["studies: no study 'moon'", "tiny"]),
            (["--config", "scale=huge"], ["config/config.yaml: scale", "'demo' or 'paper'", "'huge'"]),
            (["--config", "colour=blue"], ["unknown key 'colour'"]),
            (["--config", "overrides={moon: {seeds: 1}}"], ["overrides: no study 'moon'"]),
            (["--config", "overrides={tiny: {seeds: 0}}"], ["config/studies/tiny.yaml: seeds: 0 is not allowed"]),
            (["results/tiny/arms/absent/seeds-0-1/gen-001/model.safetensors"], ["study tiny has no arm 'absent'"]),
        ],
    ),
    ids=lambda value: str(value)[:40],
)
def test_a_bad_command_line_is_refused(unbuilt_once: Copy, arguments: list[str], said: list[str]) -> None:
    unbuilt_once.study()
    refuses(unbuilt_once, said, "-n", *arguments)


def test_a_file_that_is_no_yaml_is_named_with_its_line(unbuilt_once: Copy) -> None:
    unbuilt_once.study_file.write_text("title: [\narms: }\n")
    refuses(unbuilt_once, ["config/studies/tiny.yaml: line 2: not valid YAML"], "-n")


@pytest.mark.parametrize(
    ("content", "said"),
    rows_long(
        2,
        [
            (None, "cannot be read (No such file or directory)"),
            (b"", "must be a mapping of keys"),
            (b"[a, b]", "must be a mapping of keys"),
            (b"null", "must be a mapping of keys"),
            (b"studies: [tiny]\nstudies: [tiny]\n", "line 2: not valid YAML (the key 'studies' is given twice)"),
            (b"studies: [tiny\n", "line 2: not valid YAML"),
            (b"studies: [tiny]\nresults: caf\xe9\n", "line 2: not text in UTF-8 (byte 0xe9)"),
            (b"studies: [tiny]\nresults:\n", "results: "),
            (b"results: results\n", "studies: "),
        ],
    ),
    ids=lambda value: str(value)[:40],
)
def test_a_configuration_that_is_none_is_a_sentence(unbuilt_once: Copy, content: bytes | None, said: str) -> None:
    file = unbuilt_once.folder / "config/config.yaml"
    before = file.read_bytes()
    try:
        file.unlink() if content is None else file.write_bytes(content)
        refuses(unbuilt_once, [f"error: config/config.yaml: {said}"], "-n")
    finally:
        file.write_bytes(before)


def test_a_configuration_needs_to_name_no_more_than_studies(unbuilt_once: Copy) -> None:
    file = unbuilt_once.folder / "config/config.yaml"
    before = file.read_bytes()
    unbuilt_once.study()
    try:
        file.write_text("studies: [tiny]\n")
        done = unbuilt_once.snakemake("-n")
        assert done.returncode == 0, done.stdout
        assert "results/tiny/claims.csv" in done.stdout
    finally:
        file.write_bytes(before)


def test_several_mistakes_are_told_at_once(unbuilt_once: Copy) -> None:
    unbuilt_once.study(generations=0, seeds=0)
    refuses(unbuilt_once, ["generations", "seeds: 0 is not allowed"], "-n")


def test_training_that_diverges_is_told_and_leaves_no_model(unbuilt: Copy) -> None:
    unbuilt.study(**changed("origins.gaussians.training.learning_rate", 1.0e30))
    model = "results/tiny/origins/gaussians/seeds-0-1/gen-000/model.safetensors"
    refuses(unbuilt, ["training diverged: the loss of seed 0 is not finite", "lower training.learning_rate"], model)
    assert not (unbuilt.folder / model).exists()


def test_an_unreadable_model_is_named(project: Copy) -> None:
    model = project.folder / "results/tiny/arms/mixed/seeds-0-1/gen-001/model.safetensors"
    model.write_text("not a model")
    samples = "results/tiny/arms/mixed/seeds-0-1/gen-001/samples.safetensors"
    refuses(project, ["gen-001/model.safetensors does not hold the bytes that train_arm wrote", "make verify"], samples)
    assert not (project.folder / samples).exists()


def test_a_table_of_the_user_s_own_with_other_columns_is_named(project: Copy) -> None:
    table = project.folder / "results/tiny/arms/mixed/seeds-0-1/gen-001/metrics.csv"
    table.with_name(".metrics.csv.record").unlink()
    table.write_text("study,arm\n")
    refuses(project, ["gen-001/metrics.csv: its header is not study,arm,generation"], "results/tiny/metrics.csv")
    assert not (project.folder / "results/tiny/metrics.csv").exists()


BAD_REWARD = """
import numpy as np
from recurate.curation.rewards import Reward

class Bad(Reward):
    @property
    def supremum(self):
        return 0.0
    def __call__(self, x, judge):
        return np.full(len(x), {value})
"""


@pytest.mark.parametrize(
    ("value", "said"), [("np.nan", "gave NaN or infinite values"), ("1.0", "above its supremum 0")]
)
def test_a_reward_that_breaks_its_word_is_told(project: Copy, value: str, said: str) -> None:
    (project.folder / "bad.py").write_text(BAD_REWARD.replace("{value}", value))
    project.study(**changed("arm_defaults.reward", {"kind": "bad.py"}))
    curated = "results/tiny/arms/curated/seeds-0-1/gen-000/curated.safetensors"
    refuses(project, ["reward: bad.py", said], curated)
    assert not (project.folder / curated).exists()


def test_a_judge_below_its_accuracy_is_refused(unbuilt: Copy) -> None:
    judge = {"kind": "small_cnn", "epochs": 1, "channels": 1, "minimum_accuracy": 1.0}
    origin = {**TINY["origins"]["gaussians"], "data": {"kind": "digits"}, "judge": judge}  # type: ignore[index]
    defaults = {**TINY["arm_defaults"], "reward": {"kind": "class_probability"}}  # type: ignore[dict-item]
    unbuilt.study(origins={"gaussians": origin}, arm_defaults=defaults)
    path = "results/tiny/origins/gaussians/judge.safetensors"
    refuses(unbuilt, ["judge: held-out accuracy", "below minimum_accuracy 1.0"], path)
    assert not (unbuilt.folder / path).exists()


def test_a_results_folder_below_a_file_is_refused(unbuilt_once: Copy) -> None:
    unbuilt_once.study()
    refuses(unbuilt_once, ["results", "not a folder that can be written to"], "-n", "--config", "results=Snakefile/x")


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a read-only file system")
def test_a_read_only_results_folder_is_refused(unbuilt_once: Copy, tmp_path: Path) -> None:
    folder = tmp_path / "sealed"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(folder)], capture_output=True).returncode:
        folder.chmod(0o555)
        if os.geteuid() == 0:
            pytest.skip("root may write everywhere, and mounting is not allowed here")
    unbuilt_once.study()
    try:
        refuses(unbuilt_once, ["results", "not a folder that can be written to"], "-n", "--config", f"results={folder}")
    finally:
        subprocess.run(["umount", str(folder)], capture_output=True)


def refuses(project: Copy, said: list[str], *arguments: str) -> None:
    """Snakemake stops with a non-zero status, one line `error: ..` holds all of `said`, and there is no traceback."""
    before = snapshot(project)
    done = project.snakemake(*arguments)
    assert done.returncode != 0
    errors = "\n".join(line for line in done.stdout.splitlines() if "error: " in line)
    assert all(part in errors for part in said), done.stdout
    assert "Traceback" not in done.stdout
    if "-n" in arguments:
        assert snapshot(project) == before


def snapshot(project: Copy) -> list[str]:
    """Files below the results folder."""
    return sorted(str(path) for path in (project.folder / "results").rglob("*") if path.is_file())
