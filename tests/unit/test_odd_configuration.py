"""Odd configurations, names of studies, folders and sizes; and what of a project a command must be able to read."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from study_setup import ROOT, STUDY, changed, complaint

from recurate.data import Data
from recurate.foundation.components import load
from recurate.foundation.errors import RecurateError
from recurate.study.reading import as_study, read_study
from recurate.workflow import command_line
from recurate.workflow.asked import RULES
from recurate.workflow.job_params import check_opened
from recurate.workflow.project import Project
from recurate.workflow.sizes import check_sizes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(STUDY))
    return tmp_path


def project(folder: Path, **config: Any) -> Project:
    return Project({"studies": ["tiny"], **config}, str(folder))


# Folders

OWN = ["", " ", "/", "//", ".", "./", "..", "../..", "scripts", "./scripts/", "config/studies", "results/../rules",
       "docs", ".git", ".snakemake/x", "results/published", str(ROOT), str(ROOT.parent)]  # fmt: skip
UNUSABLE = ["~", "~/x", "-x", "--", "a{b", "}", "{study}", "a\0b", "x" * 256, "ä" * 128, "/".join(["y" * 200] * 20),
            "\udcff", "README.md", "README.md/x"]  # fmt: skip


@pytest.mark.parametrize("key", ["results", "data"])
@pytest.mark.parametrize("name", [*OWN, *UNUSABLE, None, 5, True, ["a"], {"a": 1}], ids=lambda name: repr(name)[:30])
def test_a_folder_that_cannot_hold_results_is_refused(
    folder: Path, key: str, name: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(RecurateError) as caught:
        project(folder, **{key: name})
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"config/config.yaml: {key}: ") and len(line) < 500


@pytest.mark.parametrize("link", ["nowhere", "circle"])
def test_a_link_to_nothing_or_to_itself_is_no_folder(folder: Path, link: str) -> None:
    os.symlink(folder / link, folder / "circle")
    with pytest.raises(RecurateError, match="results: "):
        project(folder, results=str(folder / "circle"))


@pytest.mark.parametrize(
    ("name", "folder_of"),
    [
        ("results/", "results"), ("./r", "r"), ("a//b", "a/b"), ("a b", "a b"), ("a'b", "a'b"), ("$(x)", "$(x)"),
        ("λ", "λ"), ("a\nb", "a\nb"), ("paper", "paper"), ("tests2", "tests2"), ("x" * 255, "x" * 255), ("*", "*"),
    ],
)  # fmt: skip
def test_any_other_folder_is_written_as_snakemake_writes_paths(folder: Path, name: str, folder_of: str) -> None:
    assert project(folder, results=name).layout.results == folder_of


@pytest.mark.parametrize("kind", ["nosuch", "eight_gaussians", "MNIST", ""])
def test_folders_are_of_published_data_sets(folder: Path, kind: str) -> None:
    with pytest.raises(RecurateError, match=rf"data_folders: there is no published data set '{kind}'; known are"):
        project(folder, data_folders={kind: "x"})
    assert project(folder, data_folders={"mnist": "x", "own/mine.py": "y"}).config.data_folders


def test_a_study_that_is_listed_twice_is_refused(folder: Path) -> None:
    with pytest.raises(RecurateError, match=r"studies: 'tiny' is listed twice"):
        Project({"studies": ["tiny", "tiny"]}, str(folder))


# Names of studies


def test_the_names_that_rules_have_are_those_of_the_rules() -> None:
    text = "\n".join(path.read_text() for path in [ROOT / "Snakefile", *sorted((ROOT / "rules").glob("*.smk"))])
    assert sorted(RULES) == sorted(re.findall(r"^(?:use rule \w+ as|rule) (\w+)", text, re.MULTILINE))


@pytest.mark.parametrize(
    "name",
    [
        *RULES,
        "fetch_mnist",
        "logs",
        "benchmarks",
        "published",
        "figures",
        "tried",
        "My-Study",
        "a\n",
        "7",
        "a" * 101,
        "é",
    ],
)
def test_a_study_that_no_target_or_folder_could_be_called_after_is_refused_if_it_is_asked_for(
    folder: Path, name: str
) -> None:
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(STUDY))
    with pytest.raises(RecurateError, match=r"rename the file|a study is called after its file"):
        Project({"studies": [name]}, str(folder))
    (notice,) = project(folder).notices
    assert notice.startswith("left out: ") and len(notice.splitlines()) == 1


# Which studies are asked for

BROKEN = {
    "no YAML": b"title: [",
    "Latin-1": "title: ê".encode("latin-1"),
    "a mistake": yaml.safe_dump(changed(("generations", 0))).encode(),
    "a kind that has moved": yaml.safe_dump(changed(("origins.gaussians.data", {"kind": "gone/data.py"}))).encode(),
    "a figure of another sort": yaml.safe_dump(changed(("figures", ["curves"]))).encode(),
    "a title": yaml.safe_dump(changed(("arms.curated.title", "$$"))).encode(),
    "wrong at the other scale": yaml.safe_dump(changed(("scales", {"paper": {"generations": 0}}))).encode(),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_draft_stops_those_who_ask_for_it_and_nobody_else(folder: Path, name: str) -> None:
    (folder / "draft.yaml").write_bytes(BROKEN[name])
    healthy = project(folder)
    assert "tiny" in healthy.studies.all
    if name != "wrong at the other scale":
        assert "draft" not in healthy.studies.all
        (notice,) = healthy.notices
        assert "draft.yaml" in notice and len(notice.splitlines()) == 1
    for config, targets in (({"studies": ["draft"]}, []), ({"studies": ["tiny"]}, ["draft"])):
        with pytest.raises(RecurateError, match=r"draft\.yaml"):
            Project(config, str(folder), targets)
    with pytest.raises(RecurateError, match=r"draft\.yaml"):
        Project({"studies": ["tiny"]}, str(folder), ["results/draft/metrics.csv"])
    for targets in (["tiny"], ["results/tiny/metrics.csv"], ["data"]):
        assert Project({"studies": ["tiny", "draft"]}, str(folder), targets).default[0] == "tiny"


def test_a_component_that_fails_in_any_way_is_a_draft_s_own_matter(folder: Path) -> None:
    own = "from recurate.data import Data\nraise OSError('the folder has moved')\n"
    (folder / "own.py").write_text(own)
    block = {"kind": str(folder / "own.py")}
    (folder / "draft.yaml").write_text(yaml.safe_dump(changed(("origins.gaussians.data", block))))
    (notice,) = project(folder).notices
    assert "the folder has moved" in notice


def test_a_job_reads_what_can_be_read_and_says_nothing_of_the_rest(folder: Path) -> None:
    (folder / "draft.yaml").write_bytes(BROKEN["no YAML"])
    assert Project({"studies": ["tiny", "draft"]}, str(folder), None).default == ["tiny"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["snakemake"], []),
        (["snakemake", "-n", "--cores", "2"], []),
        (["snakemake", "tiny", "--cores", "2"], ["tiny"]),
        (["snakemake", "results/tiny/metrics.csv", "--config", "scale=paper"], ["results/tiny/metrics.csv"]),
        (["pytest", "tiny"], []),
    ],
)
def test_targets_are_those_of_the_command(words: list[str], found: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", words)
    assert command_line.targets(SimpleNamespace(is_main_process=True), ["tiny"]) == found
    assert command_line.targets(SimpleNamespace(is_main_process=False), ["tiny"]) is None


# Trying settings out


def test_overrides_of_a_command_have_results_of_their_own_unless_it_names_a_folder(folder: Path) -> None:
    config = {"studies": ["tiny"], "overrides": {"tiny": {"seeds": "1"}}}
    tried = Project(config, str(folder), given=["overrides"])
    assert re.fullmatch(r"results/tried/[0-9a-f]{8}", tried.layout.results)
    assert tried.layout.report == f"{tried.layout.results}/report.html"
    (notice,) = tried.notices
    assert tried.layout.results in notice and "results=" in notice
    other = Project({**config, "overrides": {"tiny": {"seeds": "2"}}}, str(folder), given=["overrides"])
    assert other.layout.results != tried.layout.results
    assert Project(config, str(folder), given=["overrides"]).layout.results == tried.layout.results
    for given in ([], ["scale"], ["overrides", "results"]):
        named = Project(config, str(folder), given=given)
        assert (named.layout.results, named.notices) == ("results", [])
    assert Project({"studies": ["tiny"], "overrides": {}}, str(folder), given=["overrides"]).layout.results == "results"


def test_what_a_command_names_is_read_from_snakemake() -> None:
    workflow = SimpleNamespace(config_settings=SimpleNamespace(overwrite_config={"scale": "paper"}))
    assert command_line.given(workflow) == ["scale"]
    assert command_line.given(SimpleNamespace()) == []


@pytest.mark.parametrize(
    ("words", "results"),
    [
        ([], "results"), (["mixture", "--cores", "2"], "results"), (["--config", "results=p/", "scale=paper"], "p"),
        (["--config", "overrides={moons: {seeds: 2}}", "results=r", "--", "moons"], "r"),
        (["--config", "overrides={moons: {seeds: 2}}", "--", "moons"], "results/tried/"),
    ],
)  # fmt: skip
def test_a_command_s_words_say_where_its_results_go(
    words: list[str], results: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert command_line.configured(words).results.startswith(results)


@pytest.mark.parametrize("folder", ["", "/", "scripts", "..", "-x", "a{b"])
def test_a_command_s_folder_is_looked_at_before_anything_is_done_in_it(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(RecurateError, match=r"config/config\.yaml: results: "):
        command_line.configured(["moons", "--config", f"results={folder}"])


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("overrides={a: {seeds: 2, seeds: 3}}", "--config overrides: .*the key 'seeds' is given twice"),
        ("overrides={a: {seeds: 010}}", "--config overrides: .*'010' would be read as another number"),
        ("overrides={a: {seeds: 2}", "--config overrides: not valid YAML"),
        ("overrides={a: *b}", "--config overrides: not valid YAML .*undefined alias"),
        ("studies=[a, no]", "--config studies: .*'no' would be read as a truth value"),
        ("data_folders={mnist: x, mnist: y}", "given twice"),
    ],
)
def test_a_value_of_the_command_line_that_is_not_what_it_looks_like_is_refused(word: str, said: str) -> None:
    with pytest.raises(RecurateError, match=said):
        command_line.check_words(["--config", word])


@pytest.mark.parametrize(
    "word", ["overrides={a: {seeds: 2}}", "results={", "data=a:b", "other={a: a, a: b}", "studies=[a]"]
)
def test_other_words_of_the_command_line_are_let_be(word: str) -> None:
    if not word.startswith("results"):
        command_line.check_words(["snakemake", "--cores", "2", "--config", word])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--config", "scale=demo", "scale=paper"], "--config scale: is given twice; leave one out"),
        (["--config", "results=a", "scale=demo", "results=a"], "--config results: is given twice"),
        (["--config", "overrides={a: {}}", "overrides={b: {}}"], "--config overrides: is given twice"),
        (["--config", "scale=paper", "--config", "results=paper"], "--config is given twice, of which Snakemake takes"),
        (["-C", "scale=paper", "--cores", "1", "--config=results=paper"], "--config is given twice"),
        (["-C", "save_every=010"], "--config save_every: .*'010' would be read as another number"),
        (["-C", "save_every=1:30"], "--config save_every: .*'1:30' would be read as another number"),
        (["-C", "most_jobs=1_000"], "--config most_jobs: .*'1_000' would be read as another number"),
        (["-C", "most_memory_gb=yes"], "--config most_memory_gb: .*'yes' would be read as a truth value"),
        (["-C", "most_jobs=2024-01-01"], "--config most_jobs: .*would be read as a date"),
    ],
)
def test_what_snakemake_would_take_for_something_else_is_refused(words: list[str], said: str) -> None:
    with pytest.raises(RecurateError, match=said):
        command_line.check_words(words)


@pytest.mark.parametrize("word", ["save_every=.5", "save_every=1e3", "most_jobs=7", "results=no", "results=2024-01-01"])
def test_numbers_and_names_that_are_what_they_look_like_pass(word: str) -> None:
    command_line.check_words(["--config", word, "scale=demo"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("save_every: 1:30", "line 1: .*'1:30' would be read as another number"),
        ("scale: demo\nresults: on", "line 2: .*'on' would be read as a truth value"),
        ("results: a\nresults: b", "line 2: .*'results' is given twice"),
        ("results: 2024-01-01", "line 1: .*would be read as a date"),
    ],
)
def test_files_of_configfile_are_read_as_strictly_unless_they_are_of_another_workflow(
    tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "more.yaml").write_text(text)
    settings = SimpleNamespace(configfiles=[tmp_path / "more.yaml"])
    with pytest.raises(RecurateError, match=f"more.yaml: {said}"):
        command_line.check_files(SimpleNamespace(config_settings=settings))
    module = SimpleNamespace(is_main_snakefile=lambda: False)
    command_line.check_files(SimpleNamespace(config_settings=settings, modifier=module))
    command_line.check_files(SimpleNamespace())


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "results: names no folder; write one, or leave the key out"),
        (10, "results: 10 is no text; a folder of such a name is written with ./ before it"),
        (2.5, "results: 2.5 is no text"), (True, "results: True is no text"), (["a"], "is no text"),
        ("/proc", "'/proc' belongs to the system"), ("/proc/1/x", "belongs to the system"),
        ("/sys/kernel", "belongs to the system"), ("/dev", "belongs to the system"), ("/dev/null", "belongs to the"),
    ],
)  # fmt: skip
def test_what_is_no_folder_for_results_is_said(folder: Path, value: Any, said: str) -> None:
    with pytest.raises(RecurateError, match=said):
        project(folder, results=value)


def test_folders_that_only_look_odd_are_taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for name, taken in (
        ("./2024", "2024"),
        ("2024", "2024"),
        ("no", "no"),
        ("a b", "a b"),
        ("/dev/shm/x", "/dev/shm/x"),
    ):
        assert project(folder, results=name).config.results == taken


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("{here}/results/tiny/metrics.csv", "results are named from results on: results/tiny/metrics.csv"),
        ("{here}/results/tiny", "results are named from results on"),
        ("{here}/results/nosuch/x", "results are named from results on"),
        ("results/tiny", "there is no target 'results/tiny', which is a folder; the study is the target tiny"),
        ("results/tny/metrics.csv", "there is no study 'tny'; .*; nearest is tiny"),
        ("results/tiny/metrcs.csv", "makes no file 'metrcs.csv'; .*; nearest is metrics.csv"),
        ("results/tiny/arms/curatd/x", "has no arm 'curatd'; its arms are curated; nearest is curated"),
        ("tiny ", "there is no study or target 'tiny '; .*; nearest is tiny"),
        (" ", "there is no study or target ' '"),
        ("", "there is no study or target ''"),
        ("tin.y", "there is no study or target"),
        ("tiny.yaml_", "there is no study or target"),
        ("Tiny", "there is no study or target 'Tiny'; .*; nearest is tiny"),
        ("--", "there is no study or target"),
        ("{{study}}", "there is no study or target"),
    ],
)
def test_a_target_that_there_is_not_is_a_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, target: str, said: str
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(RecurateError, match=said):
        project(folder).check_targets([target.format(here=folder)])


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["./results/tiny/metrics.csv"], ["results/tiny/metrics.csv"]),
        (["-n", "results//tiny/../tiny/metrics.csv"], ["results/tiny/metrics.csv"]),
        (["../{here}/results/tiny/metrics.csv"], ["results/tiny/metrics.csv"]),
        (["/elsewhere/x", "-n"], ["/elsewhere/x"]),
        (["results/tiny/"], ["results/tiny"]),
        (["--cores", "2", "tiny"], ["tiny"]),
        (["--cores", "2", "--", "tiny", ""], ["tiny", ""]),
        (["--cores", "2", "-n"], []),
    ],
)
def test_targets_are_those_of_the_command_with_paths_as_snakemake_takes_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], found: list[str]
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["snakemake", *(word.format(here=folder.name) for word in words)])
    assert command_line.targets(SimpleNamespace(), ["tiny"]) == found


@pytest.mark.parametrize(
    ("results", "data", "wrong"),
    [
        ("results", "results", True), ("results", "results/tiny", True), ("results", "results/tiny/x", True),
        ("results", "results/logs", True), ("a/b", "a/b/", True), ("a", "./a", True),
        ("results", "results/data", False),
        ("data/results", "data", False), ("results", "data", False),
    ],
)  # fmt: skip
def test_data_are_not_among_the_files_of_a_study(folder: Path, results: str, data: str, wrong: bool) -> None:
    if not wrong:
        project(folder, results=results, data=data)
        return
    with pytest.raises(RecurateError, match=r"data: .* is where results lie"):
        project(folder, results=results, data=data)


@pytest.mark.parametrize("name", ["a{b}.txt", "{study}.txt", "two\nlines.txt"])
def test_files_with_names_that_snakemake_cannot_be_told_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / name).write_text("text")
    tokenizer = {"kind": "bpe", "vocabulary": 300}
    data = load(Data, {"kind": "text", "corpus": str(tmp_path / "corpus"), "tokenizer": tokenizer})
    with pytest.raises(RecurateError, match=r"tiny\.yaml: text opens .*: braces and line ends are no part of a path"):
        check_opened(data, "tiny.yaml")


@pytest.mark.parametrize("path", ["a{b}.safetensors", "{study}", "a\nb"])
def test_so_are_checkpoints(tmp_path: Path, path: str) -> None:
    (line,) = complaint(changed(("origins.gaussians.checkpoint", {"path": path})), tmp_path)
    assert "origins.gaussians.checkpoint.path: " in line


# Sizes


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("origins.gaussians.samples", 10**11), ("origins.gaussians.data.train", 10**12),
        ("origins.gaussians.data.modes", 10**12), ("origins.gaussians.model.width", 10**9),
        ("origins.gaussians.model.depth", 10**9), ("origins.gaussians.training.batch_size", 10**11),
        ("arms.curated.retraining.batch_size", 10**11), ("arms.curated.curation.kept", 10**12),
    ],
)  # fmt: skip
def test_an_array_that_no_machine_holds_is_refused_with_the_key_to_lower(key: str, value: int) -> None:
    study = as_study(changed((key, value)), "tiny.yaml")
    with pytest.raises(RecurateError, match=rf"^tiny\.yaml: {key}: asks for arrays of .* GB, more than most_memory_gb"):
        check_sizes(study, "tiny.yaml", 10**6, 100.0)
    check_sizes(study, "tiny.yaml", 10**6, 1e30)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("origins.gaussians.training.steps", 10**12),
        ("arms.curated.retraining.steps", 10**9 + 1),
        ("origins.gaussians.sampler.steps", 10**9),
        ("metrics", [{"kind": "sliced_wasserstein", "projections": 10**9}]),
        ("origins.gaussians.judge", {"kind": "small_cnn", "epochs": 10**9}),
        ("origins.gaussians.judge", {"kind": "small_cnn", "shift": 10**9}),
        ("origins.gaussians.judge", {"kind": "vgg11", "shift": 10**9}),
        ("origins.gaussians.model", {"kind": "noise_unet", "noise_steps": 10**9}),
    ],
)
def test_more_steps_than_a_machine_takes_in_years_are_refused(tmp_path: Path, key: str, value: Any) -> None:
    said = complaint(changed((key, value)), tmp_path)
    assert any("less than or equal to" in line for line in said), said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([("arms.curated.each", {f"retraining.{n}": list(range(1, 21)) for n in "abcde"})], r"each: 3,200,000 arms"),
        ([("seeds", 10**6), ("generations", 9999)], r"some .* jobs \(1 arms, 10,000 generations, 250,000 groups"),
    ],
)
def test_more_jobs_than_any_machine_does_are_refused_at_once(folder: Path, changes: Any, said: str) -> None:
    (folder / "tiny.yaml").write_text(yaml.safe_dump(changed(*changes)))
    with pytest.raises(RecurateError, match=said):
        project(folder)


def test_a_key_of_the_configuration_lifts_the_bounds(folder: Path) -> None:
    (folder / "tiny.yaml").write_text(yaml.safe_dump(changed(("origins.gaussians.samples", 10**11))))
    assert project(folder, most_memory_gb=10_000).studies.all["tiny"]
    (folder / "tiny.yaml").write_text(yaml.safe_dump(changed(("seeds", 100))))
    with pytest.raises(RecurateError, match="some 300 jobs"):
        project(folder, most_jobs=299)
    assert project(folder, most_jobs=300).studies.all["tiny"]


@pytest.mark.parametrize("scale", ["demo", "paper"])
def test_no_study_of_the_project_comes_near_the_bounds(scale: str) -> None:
    for path in sorted((ROOT / "config/studies").glob("*.yaml")):
        check_sizes(read_study(path, scale, {}), path.stem, 100_000, 10.0)
