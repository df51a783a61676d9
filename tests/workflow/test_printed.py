"""What README and documents print is run: every command, every Python snippet, every study file.

All of it runs in one copy of the project, in which the study `mixture` is a miniature and finished. What takes long is
run dry: a plan instead of jobs, a list of tests instead of tests.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import yaml
from long_cases import others_long
from tiny import ROOT, TINY, Copy

from recurate.files.writing import write_text

pytestmark = pytest.mark.workflow

NAMES = ("README.md", "CONTRIBUTING.md", "results/README.md", "config/README.md", "profiles/slurm/README.md")
READ_FIRST = (ROOT / "README.md", ROOT / "CONTRIBUTING.md")
DOCUMENTS = [*(ROOT / name for name in NAMES if (ROOT / name).exists()), *sorted(ROOT.glob("docs/**/*.md"))]
PROGRAMS = ("make", "snakemake", "python", "pytest", "sbatch", ".ci/run", "git", "source")  # in running text
STANDS_FOR = {
    "STUDY": "mixture", "TARGET": "mixture", "NAME": "mine", "COMMAND": "make study", "REV": "HEAD", "PART": "theory",
    "/path/to/recurate": ".", "/scratch/me": "scratch",
}  # fmt: skip
NOT_RUN = {
    "sbatch --account=ACCOUNT --partition=PARTITION --time=04:00:00 --mem=16G --cpus-per-task=8 --gpus=1 "
    '--wrap "apptainer exec --nv --bind $PWD recurate.sif python scripts/manage.py run --cores 8"': "needs its image",
    "apptainer build recurate.sif envs/container.def": "fetches images of systems, which need not be in reach",
    "make provenance": "names the command; it is printed with a file elsewhere",
    "srun --account=ACCOUNT --partition=PARTITION --time=5 --mem=4G --gpus=1 .venv/bin/python "
    '-c "import torch; print(torch.version.cuda, torch.cuda.get_device_name())"': "needs a GPU",
    "python scripts/manage.py compare --commit HEAD mixture": "builds a study twice; test_compare.py is small",
}
# Of a command that takes long, settings of make with which it does not; they hold what was given.
SHORT = {
    "quick": ("ARGS", "-n {}"),
    "study": ("ARGS", "-n {}"),
    "data": ("ARGS", "-n {}"),
    "test": ("PYTEST", "{} --collect-only tests/unit/test_bench.py"),
    "test-long": ("PYTEST", "{} --collect-only tests/unit/test_manifolds.py"),
    "slurm-test": ("PYTEST", "{} --collect-only tests/slurm/test_cluster.py"),
    "bench": ("ARGS", "{} --help"),
}
NOT_OURS = r"\.(git|venv|snakemake|hypothesis|.*_cache)$"
RESULTS = ("results/README.md", "results/published")
FETCHED = ("data/otcfm_cifar10_weights_step_400000.pt",)  # by the reader, as docs/image-networks.md says
DRY = {"lint", "figures", "clean", ".venv/ready"}


def _printed(kind: str, text: str) -> list[str]:
    """Blocks of a document that are fenced as of some kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def _commands(text: str) -> Iterator[str]:
    """Command lines of a document, in blocks or in running text."""
    for block in _printed("bash", text):
        for line in re.sub(r"\\\n\s*", "", block).splitlines():
            if command := re.sub(r"(^|\s+)#.*", "", line).strip():
                yield command
    for span in re.findall(
        r"(?<!`)`([^`\n]+)`(?!`)", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    ):
        if span.partition(" ")[0] in PROGRAMS and " | " not in span and " " in span:
            yield span


def _filled(command: str) -> str:
    """A command with examples in place of words that stand for many."""
    words = re.sub(r"\s*\.\.(?=\s|$|\")", "", command)
    many = rf"(?<!\w)({'|'.join(map(re.escape, STANDS_FOR))})\b(?!=)"
    return re.sub(many, lambda found: STANDS_FOR[found[0]], words)


def _all_commands(documents: Iterable[Path]) -> set[str]:
    found = (_filled(command) for document in documents for command in _commands(document.read_text("utf-8")))
    return set(found) - set(NOT_RUN)


def _short(command: str) -> list[str]:
    """A command as it is run here."""
    program, *rest = words = shlex.split(command)
    match program:
        case "make":
            return _short_make(rest)
        case "snakemake":
            return [program, "-n", *rest]
        case "pytest":
            return [program, "--collect-only", *rest]
        case "sbatch":
            return _short(rest[rest.index("--wrap") + 1])
        case "pip":
            return [*words, "--dry-run", "--no-deps", "--no-build-isolation"]  # not into these tests' own environment
        case "source":
            return ["bash", "-c", command]
    if rest[0].startswith("scripts/bench/"):
        return [*words, "--help"]
    if rest[0].endswith("scripts/manage.py") and rest[1] == "run":
        return [*words, "-n"]
    return [*words, "--minutes", "0.01", "shumailov_gaussian"] if "calibrate" in rest else words


def _short_make(words: list[str]) -> list[str]:
    target, settings = words[0], dict(word.split("=", 1) for word in words[1:])
    if target in SHORT:
        name, whole = SHORT[target]
        settings[name] = whole.format(settings.get(name, "")).strip()
    dry = ["-n"] if target in DRY else []
    return ["make", "-o", ".venv/ready", *dry, target, *(f"{name}={value}" for name, value in settings.items())]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A copy of the project with a finished miniature of `mixture`, committed."""
    folder = tmp_path_factory.mktemp("printed") / "project"
    folder.mkdir(parents=True)
    ours = (
        path for path in ROOT.iterdir() if path.name not in ("results", "data") and not re.match(NOT_OURS, path.name)
    )
    for path in (*ours, *(ROOT / name for name in RESULTS)):
        copy_of = folder / path.relative_to(ROOT)
        copy_of.parent.mkdir(exist_ok=True)
        copy = shutil.copytree if path.is_dir() else shutil.copy2
        copy(path, copy_of)
    (folder / ".venv").symlink_to(Path(sys.executable).parents[1])
    miniature = {**TINY, "seeds": 4, "generations": 6, "arms": {"curated": {}}}
    for name in ("mixture", "quick"):
        (folder / f"config/studies/{name}.yaml").write_text(yaml.safe_dump(miniature, sort_keys=False))
    for document in DOCUMENTS:
        for kind, ending in (("python", "py"), ("yaml", "yaml")):
            for block in _printed(kind, document.read_text("utf-8")):
                if named := re.match(rf"# (\S+\.{ending})\n", block):
                    write_text(folder / named[1], block)
    write_text(folder / "mine.yaml", "studies: [mixture]\n")
    for fetched in FETCHED:
        write_text(folder / fetched, "")
    project = Copy(folder)
    for words in ("git init -q", "git add -A", "git -c user.name=a -c user.email=a@b commit -qm all"):
        done = project.run(*words.split())
        assert done.returncode == 0, done.stdout
    done = project.snakemake("mixture")
    assert done.returncode == 0, done.stdout
    return project


def _run(project: Copy, words: list[str]) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name(words[0])
    return project.run(str(program) if program.exists() else words[0], *words[1:])


@pytest.mark.parametrize(
    "command", others_long(sorted(_all_commands(DOCUMENTS)), _all_commands(READ_FIRST).__contains__)
)
def test_a_printed_command_runs(finished: Copy, command: str) -> None:
    done = _run(finished, _short(command))
    assert done.returncode == 0, f"{command}\n{done.stdout}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_printed_python_runs(finished: Copy, document: Path) -> None:
    for snippet in _printed("python", document.read_text("utf-8")):
        if snippet.startswith("# Snakefile\n"):  # of a workflow of the reader's own, see test_elsewhere.py
            continue
        done = _run(finished, ["python", "-c", f"import sys; sys.path.insert(0, 'scripts')\n{snippet}"])
        assert done.returncode == 0, f"{snippet}\n{done.stdout}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_printed_study_can_be_planned(finished: Copy, document: Path) -> None:
    """Other settings, of profiles and of workflows of the reader's own, can be read."""
    for block in _printed("yaml", document.read_text("utf-8")):
        named = re.match(r"# config/studies/(\w+)\.yaml\n", block)
        if not named:
            assert yaml.safe_load(block), block
            continue
        done = finished.snakemake("-n", "--quiet", "--", named[1])
        assert done.returncode == 0, f"{block}\n{done.stdout}"


def test_few_printed_commands_are_not_run() -> None:
    printed = {_filled(command) for document in DOCUMENTS for command in _commands(document.read_text("utf-8"))}
    assert len(NOT_RUN) <= 5
    assert set(NOT_RUN) <= printed
