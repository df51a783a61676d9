"""Results and working directory anywhere, the checkout read-only, and the workflow as part of another one."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from tiny import TINY, environment, fresh

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/places.md").read_text(encoding="utf-8")
SNAKEMAKE = str(Path(sys.executable).with_name("snakemake"))
POWERS = "-dac_override,-dac_read_search,-fowner"  # of root, which may otherwise write everywhere
UPWARDS = '''
import numpy as np
from recurate.curation.rewards import Reward


class Upwards(Reward):
    """The higher the better, up to a line."""

    @property
    def supremum(self):
        return 0.0

    def __call__(self, x, scorer):
        return np.minimum(0.0, x[:, 1])
'''


def run(folder: Path, *command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, with environment variables."""
    return subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={**environment(), **variables},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def snakemake(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in a folder."""
    return run(folder, SNAKEMAKE, "--cores", "2", *arguments)


def plans(folder: Path, *arguments: str | Path) -> str:
    """What a dry run in a folder says, which must end well."""
    done = snakemake(folder, "-n", *arguments)
    assert done.returncode == 0, done.stdout
    return done.stdout


def outputs(said: str) -> set[str]:
    """Files that a dry run would make."""
    return {path for line in re.findall(r"^ +output: (.*)$", said, re.MULTILINE) for path in line.split(", ")}


def write(folder: Path, files: Mapping[str, object]) -> None:
    """Write YAML, or text as it is, into files by their paths below a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A checkout in a folder with an odd name, which nothing is written into."""
    folder = fresh(tmp_path_factory.mktemp("shared") / "a 'check' $out λ").folder
    before = sorted(folder.rglob("*"))
    yield folder
    assert [path for path in sorted(folder.rglob("*")) if path not in before and "__pycache__" not in path.parts] == []


@pytest.mark.parametrize("results", ["out", "deep/er/out", "ABSOLUTE", "link", "../beside", "sp ace"])
def test_results_lie_where_the_configuration_says(checkout: Path, tmp_path: Path, results: str) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (tmp_path / "real").mkdir()
    (here / "link").symlink_to(tmp_path / "real")
    results = results.replace("ABSOLUTE", str(tmp_path / "elsewhere"))
    made = outputs(plans(here, "--snakefile", checkout / "Snakefile", "--config", f"results={results}", "--", "tiny"))
    assert f"{results}/tiny/metrics.csv" in made
    assert all(path.startswith(f"{results}/") for path in made)


def test_a_folder_without_a_configuration_has_the_project_s(checkout: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    said = plans(tmp_path, "--snakefile", checkout / "Snakefile", "--directory", there)
    assert "results/tiny/claims.csv" in outputs(said)
    assert [path.name for path in there.iterdir()] == [".snakemake"]


def test_a_configuration_on_the_command_line_goes_before_the_project_s(checkout: Path, tmp_path: Path) -> None:
    write(tmp_path, {"mine.yaml": {"results": "made"}})
    said = plans(tmp_path, "--snakefile", checkout / "Snakefile", "--configfile", "mine.yaml", "--", "tiny")
    assert "made/tiny/claims.csv" in outputs(said)


MINE = {
    "config/config.yaml": {"studies": ["mine"], "results": "made", "device": "cpu"},
    "config/studies/mine.yaml": {
        "like": "tiny",
        "generations": 1,
        "seeds": 1,
        "arms": {"mixed": None, "own": {"reward": {"kind": "mine/up.py"}}},
    },
    "mine/up.py": UPWARDS,
}


def test_a_folder_s_own_configuration_studies_and_code_go_before_the_project_s(checkout: Path, tmp_path: Path) -> None:
    write(tmp_path, MINE)
    write(tmp_path, {"config/studies/tiny.yaml": {**TINY, "generations": 1}})
    made = outputs(plans(tmp_path, "--snakefile", checkout / "Snakefile", "all", "tiny"))
    assert "made/mine/arms/own/seeds-0-0/gen-001/model.safetensors" in made
    assert "made/tiny/metrics.csv" in made
    assert not any("mine/arms/mixed" in path or "gen-002" in path for path in made)


def test_code_beside_the_snakefile_is_found_from_elsewhere(tmp_path: Path) -> None:
    project = fresh(tmp_path / "project")
    project.study(arms={"own": {"reward": {"kind": "mine/up.py"}}})
    helped = f"from mine.helper import nothing\n{UPWARDS}"
    write(project.folder, {"mine/up.py": helped, "mine/helper.py": "nothing = 0"})
    here = tmp_path / "here"
    here.mkdir()
    made = outputs(plans(here, "--snakefile", project.folder / "Snakefile", "tiny"))
    assert "results/tiny/arms/own/seeds-0-1/gen-002/model.safetensors" in made


def outer(checkout: Path, module: str = "", after: str = "", **config: object) -> dict[str, object]:
    """The two files of docs/places.md, a workflow that has this one as a module and a rule that reads a table of it."""
    snakefile, settings = re.findall(r"```(?:python|yaml)\n(.*?)```", PAGE.replace("mixture", "tiny"), re.DOTALL)
    snakefile = snakefile.replace("/path/to/recurate", str(checkout)).replace(
        "    config:\n", f"    {module}\n    config:\n"
    )
    own = {**yaml.safe_load(settings)["recurate"], "device": "cpu", **config}
    return {"Snakefile": snakefile + after, "config.yaml": {"recurate": own, "of": "the outer workflow"}}


def test_another_workflow_has_this_one_as_a_module(checkout: Path, tmp_path: Path) -> None:
    write(tmp_path, outer(checkout, after="onstart: recurate.onstart()"))
    made = outputs(plans(tmp_path))
    assert {"summary.txt", "loops/tiny/metrics.csv"} <= made
    assert "loops/tiny/claims.csv" not in made
    assert "loops/tiny/claims.csv" in outputs(plans(tmp_path, "recurate_tiny"))
    refused = snakemake(tmp_path, "-n", "nosuch")
    assert "error: there is no study" not in refused.stdout and "MissingRule" in refused.stdout


def test_a_module_twice_with_two_configurations(checkout: Path, tmp_path: Path) -> None:
    again = f"""
module again:
    snakefile: {str(checkout / "Snakefile")!r}
    config: dict(config["recurate"], results="others", overrides=dict(tiny=dict(generations=1)))

use rule * from again as again_*
"""
    write(tmp_path, outer(checkout, after=again))
    made = outputs(plans(tmp_path, "recurate_tiny", "again_tiny"))
    assert {"loops/tiny/claims.csv", "others/tiny/claims.csv"} <= made
    assert any("gen-002" in path for path in made) and not any("others" in path and "gen-002" in path for path in made)


def test_a_checkout_behind_a_link_is_as_good_as_itself(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(checkout)
    made = outputs(plans(tmp_path, "--snakefile", tmp_path / "link/Snakefile", "tiny"))
    assert "results/tiny/claims.csv" in made
    (tmp_path / "Snakefile").symlink_to(checkout / "Snakefile")
    alone = snakemake(tmp_path, "-n")
    assert alone.returncode != 0 and "name the Snakefile of a checkout on this machine by its own path" in alone.stdout
    assert "Traceback" not in alone.stdout


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("prefix: 'elsewhere'", "prefix and replace_prefix are not for this workflow; give config a key results"),
        ("replace_prefix: {'loops': 'x'}", "prefix and replace_prefix are not for this workflow"),
    ],
)
def test_what_a_module_cannot_have_is_a_sentence(checkout: Path, tmp_path: Path, module: str, said: str) -> None:
    write(tmp_path, outer(checkout, module))
    done = snakemake(tmp_path, "-n")
    assert done.returncode != 0 and f"error: module: {said}" in done.stdout and "Traceback" not in done.stdout


@pytest.fixture
def sealed(checkout: Path) -> Iterator[tuple[str, ...]]:
    """The checkout, read-only; words before a command by which root may write no more than others."""
    files = [checkout, *checkout.rglob("*")]
    modes = {path: path.stat().st_mode for path in files}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    before: tuple[str, ...] = ()
    if os.geteuid() == 0:
        before = ("setpriv", f"--bounding-set={POWERS}", f"--inh-caps={POWERS}")
        if not shutil.which("setpriv") or subprocess.run([*before, "true"], capture_output=True).returncode:
            pytest.skip("root may write everywhere, and cannot give that up here")
    yield before
    for path, mode in modes.items():
        path.chmod(mode)


def test_in_a_read_only_checkout_a_sentence_says_how_to_work_elsewhere(
    checkout: Path, sealed: tuple[str, ...], tmp_path: Path
) -> None:
    for command in ([SNAKEMAKE, "-n"], [SNAKEMAKE, "--cores", "1"], [sys.executable, "scripts/manage.py", "run", "-n"]):
        results = ["--config", f"results={tmp_path}", "--", "tiny"]
        done = run(checkout, *sealed, *command, *results)
        assert done.returncode != 0 and "Traceback" not in done.stdout, done.stdout
        assert (
            "cannot be written to, but Snakemake keeps its notes in it; work in a folder of your own: " in done.stdout
        )
        assert "snakemake --directory FOLDER --snakefile" in done.stdout


def test_a_study_of_one_s_own_is_run_from_a_read_only_checkout(
    checkout: Path, sealed: tuple[str, ...], tmp_path: Path
) -> None:
    write(tmp_path, MINE)
    arguments = ["--snakefile", checkout / "Snakefile", "--quiet", "all"]
    done = run(tmp_path, *sealed, SNAKEMAKE, "--cores", "2", *arguments)
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "made/report.html").exists() and (tmp_path / "made/mine/figures/trajectory.pdf").exists()
    again = run(tmp_path, *sealed, SNAKEMAKE, "-n", *arguments[:2])
    assert "Nothing to be done" in again.stdout, again.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"made", "mine", "config", ".snakemake"}


@pytest.mark.long
def test_another_workflow_runs_jobs_of_this_one(checkout: Path, tmp_path: Path) -> None:
    write(tmp_path, outer(checkout, overrides={"tiny": {"generations": 1, "seeds": 1}}))
    done = snakemake(tmp_path, "--quiet", "all")
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "summary.txt").read_text().count("exp_reward_mean") >= 4
    assert json.loads((tmp_path / "loops/tiny/.metrics.csv.record").read_text())["rule"] == "recurate_gather"


def test_another_copy_of_the_library_in_the_jobs_python_is_a_sentence(checkout: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "scripts/recurate", tmp_path / "site/recurate", ignore=shutil.ignore_patterns("__pycache__"))
    target = "results/tiny/origins/gaussians/real.safetensors"
    command = [SNAKEMAKE, "--cores", "1", "--snakefile", str(checkout / "Snakefile"), "--", target]
    done = run(tmp_path, *command, PYTHONPATH=str(tmp_path / "site"))
    said = f"error: Python finds the package recurate in {tmp_path}/site, but this workflow needs its own in "
    assert done.returncode != 0 and said in done.stdout
    assert not (tmp_path / target).exists()
