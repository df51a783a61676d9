"""Odd study files: what YAML may hold, names, titles, numbers; each mistake a sentence with file and line or key."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from study_setup import STUDY, changed, complaint, read

from recurate.foundation.errors import RecurateError
from recurate.study.reading import as_config, as_study, read_study
from recurate.study.trained import Study
from recurate.study.yaml_files import read_yaml

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
YAML: dict[str, tuple[bytes, str]] = {
    "a list as a key": (b"a: 1\n? [a, b]\n: 1\n", "line 2: .*a list or mapping is no key"),
    "a mapping as a key": (b"? {a: b}\n: 1\n", "line 1: .*a list or mapping is no key"),
    "a number as a key": (b"arms:\n  1: x\n", "line 2: .*the key '1' is not text"),
    "a truth value as a key": (b"yes: x\n", "line 1: .*the key 'yes' is not text; put it in quotes"),
    "nothing as a key": (b"a: {null: x}\n", "the key 'null' is not text"),
    "a date as a key": (b"2024-01-01: x\n", "the key '2024-01-01' is not text"),
    "a month that is none": (b"title: 2024-13-45\n", "line 1: .*'2024-13-45' would be read as a date"),
    "a day that is none": (b"a: 1\ntitle: 2024-02-30\n", "line 2: .*would be read as a date"),
    "an int that is none": (b"x: !!int abc", "line 1: .*'abc'"),
    "an empty int": (b"x: !!int ''", "'' is no int"),
    "a float that is none": (b"x: !!float abc", "could not convert string to float: 'abc'"),
    "a float that is a list": (b"x: !!float [1]", "expected a scalar"),
    "a truth value that is none": (b"x: !!bool maybe", "'maybe' is no bool"),
    "a timestamp that is none": (b"x: !!timestamp soon", "'soon' would be read as a date"),
    "bytes that are none": (b"x: !!omap [1]", "line 1: not valid YAML"),
    "5,000 digits": (b"x: " + b"9" * 5000, "line 1: .*is no int"),
    "Latin-1": ("a: 1\ntitle: ê".encode("latin-1"), "line 2: not text in UTF-8 .byte 0xea.; save it as UTF-8"),
    "UTF-16": ("title: a".encode("utf-16"), "line 1: not text in UTF-8"),
    "a null character": (b"a: \x00", "not valid YAML .*#x0000"),
    "aliases of aliases": (BOMB.encode() + b"title: *i\n", "more than 1,000,000 values"),
    "a list within itself": (b"a: &a [*a]", "a value is a part of itself"),
    "a mapping within itself": (b"a: &a {b: *a}", "a value is a part of itself"),
    "a list that says it is a mapping": (b"title: !!map [a]", "line 1: .* is no mapping"),
    "a text that says it is a mapping": (b"a: 1\ntitle: !!map foo", "line 2: .* is no mapping"),
    "a mapping that says it is a list": (b"title: !!seq {a: b}", "line 1: "),
    "a list that says it is pairs": (b"title: !!omap [a]", "line 1: "),
    "a list that says it is a set": (b"title: !!set [a]", "line 1: "),
    "a list that says it is a text": (b"title: !!str [a]", "line 1: "),
    "a mapping that says it is a number": (b"title: !!int {a: 1}", "line 1: "),
    "brackets a hundred thousand deep": (b"[" * 100_000, "more than 100 lists or mappings within each other"),
    "dashes five thousand deep": (b"- " * 5_000 + b"x", "more than 100 lists or mappings within each other"),
    "mappings two thousand deep": ("\n".join(" " * i + "a:" for i in range(2000)).encode(), "within each other"),
    "two documents": (b"a: 1\n---\nb: 2\n", "line 2: .*another document"),
    "a Python object": (b"a: !!python/object:os.system x", "could not determine a constructor"),
    "an alias of nothing": (b"a: *b", "undefined alias"),
}


@pytest.mark.parametrize("name", YAML)
def test_yaml_that_cannot_be_settings_is_named_with_file_and_line(tmp_path: Path, name: str) -> None:
    text, said = YAML[name]
    file = tmp_path / "odd.yaml"
    file.write_bytes(text)
    began = time.monotonic()
    with pytest.raises(RecurateError, match=rf"odd\.yaml: .*{said}") as caught:
        read_yaml(file)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 1000
    assert time.monotonic() - began < 5, "it does not hang"


def test_numbers_with_an_exponent_need_no_dot_and_a_mark_at_the_beginning_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_bytes(b"\xef\xbb\xbfa: 1e-3\nb: -2E+3\nc: 1e\nd: e5\n")
    assert read_yaml(tmp_path / "odd.yaml") == {"a": 0.001, "b": -2000.0, "c": "1e", "d": "e5"}


def test_a_study_file_that_is_a_pipe_or_a_folder_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "folder.yaml").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(RecurateError, match=rf"{name}\.yaml: is not a file"):
            read_yaml(tmp_path / f"{name}.yaml")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("title", 0x10**5000),
        ("title", ["long"] * 10_000),
        ("generations", "9" * 10_000),
        ("x" * 10_000, 1),
        ("two\nlines", 1),
        ("arms." + "x" * 10_000, {}),
        ("claims", ["x" * 10_000]),
        ("seeds", [1] * 10_000),
        ("origins.gaussians.model.kind", "x" * 400),
        ("arms.curated.curation.choices", "x" * 10_000),
        ("arms.curated.mixing", {"lambda": "x" * 10_000}),
        ("scales", ["x" * 10_000]),
        ("figures", ["x" * 10_000]),
    ],
    ids=lambda value: str(type(value).__name__) if not isinstance(value, str) else value[:40],
)
def test_what_is_quoted_back_is_cut_and_keeps_to_one_line(tmp_path: Path, key: str, value: Any) -> None:
    with pytest.raises(RecurateError) as caught:
        as_study(changed((key, value)), "tiny.yaml")
    for line in str(caught.value).splitlines():
        assert line.startswith("tiny.yaml: ")
        assert len(line) < 1500


# Arms made by `each`


def of_each(each: Any, **more: Any) -> dict[str, Any]:
    return changed(("arms", {"k": {**STUDY["arms"]["curated"], "each": each, **more}}))


@pytest.mark.parametrize(
    ("each", "names"),
    [
        ({"reward.target": [[4, 0], [-4, 0]]}, ["k_4_0", "k_minus_4_0"]),
        ({"reward.target": [[4, -1.5], [4, 1.5]]}, ["k_4_minus_1_5", "k_4_1_5"]),
        ({"curation.choices": [2, 4]}, ["k_2", "k_4"]),
        ({"retraining.learning_rate": [1e-3, 1e-5]}, ["k_0_001", "k_1e_05"]),
    ],
)
def test_arms_for_values_that_differ_have_names_that_differ(tmp_path: Path, each: Any, names: list[str]) -> None:
    study = read(of_each(each), tmp_path)
    assert list(study.arms) == names
    (word,) = (key.rpartition(".")[2] for key in each)
    assert [arm.parameters for arm in study.arms.values()] == [{word: value} for value in next(iter(each.values()))]


@pytest.mark.parametrize(
    ("arms", "said"),
    [
        ({"k": {"each": {"curation.choices": [2, 4]}}, "k_4": {}}, "arms.k.each at choices = 4 and arms.k_4;"),
        ({"k_4": {}, "k": {"each": {"curation.choices": [2, 4]}}}, "arms.k.each at choices = 4 and arms.k_4;"),
        ({"k": {"each": {"title": ["a b", "a-b"]}}}, "title = 'a b' and arms.k.each at title = 'a-b'"),
        ({"k": {"each": {"title": ["A", "a"]}}}, "title = 'A' and arms.k.each at title = 'a'"),
        ({"k": {"each": {"title": ["λ", "µ"]}}}, "title = 'λ' and arms.k.each at title = 'µ'"),
    ],
)
def test_two_arms_of_one_name_are_refused_with_both_points(tmp_path: Path, arms: dict[str, Any], said: str) -> None:
    study = changed(("arm_defaults", STUDY["arms"]["curated"]), ("arms", arms))
    (line,) = complaint(study, tmp_path)
    assert "two arms are called so, " in line and said in line


@pytest.mark.parametrize(
    "title",
    [
        r"$\frac{1}{2}$", "{foo}", "K = {", "K = }", "{}", "{0}", "{choices.real}", "{choices[0]}",
        "{choices:{choices}}",         "{choices:9999999999}", "{choices:z}", "{choices:>99999}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("key", ["title", "panel"])
def test_a_title_that_cannot_be_filled_in_is_refused(tmp_path: Path, key: str, title: str) -> None:
    (line,) = complaint(of_each({"curation.choices": [2, 4]}, **{key: title}), tmp_path)
    assert f"arms.k.{key}: " in line and "only choices may stand in braces" in line


@pytest.mark.parametrize(
    ("each", "said"),
    [
        ({"curation.choices": [2, 2]}, "curation.choices: 2"),
        ({"mixing.lambda": [1, 1.0]}, "mixing.lambda: 1.0"),
        ({"mixing.lambda": [0.5, 2, 0.50]}, "mixing.lambda: 0.5"),
        ({"reward.target": [[4, 0], [4.0, 0.0]]}, r"reward.target: [4.0, 0.0]"),
        ({"reward.target": [[4, 0], [4.0, -0.0]]}, r"reward.target: [4.0, -0.0]"),
    ],
)
def test_values_that_are_equal_are_refused_however_they_are_written(tmp_path: Path, each: Any, said: str) -> None:
    (line,) = complaint(of_each(each), tmp_path)
    assert f"arms.k.each: {said} is listed twice" in line


def test_braces_that_are_written_twice_stay_and_a_word_of_two_keys_is_none(tmp_path: Path) -> None:
    study = read(of_each({"curation.choices": [2]}, title=r"$K^{{2}}$ = {choices:g}"), tmp_path)
    assert study.arms["k_2"].title == r"$K^{2}$ = 2"
    two = {"retraining.steps": [2], "origin.steps": [3]}
    (line,) = complaint(of_each(two, title="{steps}"), tmp_path)
    assert "only origin.steps, retraining.steps may stand in braces" in line


@pytest.mark.parametrize("each", [{1: [2]}, {"a": 3}, {"a": []}, [], None, "text", {"curation.choices": None}])
def test_what_each_needs_is_lists_by_dotted_keys(tmp_path: Path, each: Any) -> None:
    (line,) = complaint(of_each(each), tmp_path)
    assert "must map dotted keys to lists" in line or "is not text" in line


# Names


@pytest.mark.parametrize("name", ["a\n", "Arm", "7", "a-b", "_a", "a" * 101, "ä", "", "a b", "a/../b", "a.b"])
@pytest.mark.parametrize("sort", ["arms", "origins"])
def test_a_name_is_one_of_a_folder(tmp_path: Path, sort: str, name: str) -> None:
    part = STUDY["arms"]["curated"] if sort == "arms" else STUDY["origins"]["gaussians"]
    study = changed()
    study[sort] = {**study[sort], name: part}
    (line,) = complaint(study, tmp_path)
    assert f"{sort}: " in line and "is not a name; a name is lower-case letters" in line


def test_a_hundred_characters_are_a_name(tmp_path: Path) -> None:
    assert list(read(changed(("arms", {"a" * 100: STUDY["arms"]["curated"]})), tmp_path).arms) == ["a" * 100]


@pytest.mark.parametrize("kind", ["../config", "parts.units", "parts", "__init__", "mlp\n", "", ".", "a" * 400, "m/n"])
def test_a_kind_is_a_module_of_its_family_or_a_file(tmp_path: Path, kind: str) -> None:
    (line,) = complaint(changed(("origins.gaussians.model.kind", kind)), tmp_path)
    assert "origins.gaussians.model: unknown kind" in line and "known are causal_lm" in line


@pytest.mark.parametrize("kind", ["a" * 400 + ".py", "../config.py", "/nowhere/own.py", "\0.py", "__init__.py"])
def test_an_own_kind_is_a_file_that_there_is(tmp_path: Path, kind: str) -> None:
    (line,) = complaint(changed(("origins.gaussians.model.kind", kind)), tmp_path)
    assert "unknown kind" in line


OWN = """
from recurate.curation.rewards import Reward
class Own(Reward):
    @property
    def supremum(self):
        return 0.0
    def __call__(self, x, scorer):
        return -abs(x[:, 0])
"""


def test_a_link_to_an_own_kind_is_what_it_leads_to_and_one_to_nothing_or_itself_is_none(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/real_name.py").write_text(OWN)
    for link, leads_to in (("link.py", "elsewhere/real_name.py"), ("dead.py", "nowhere.py"), ("loop.py", "loop.py")):
        (tmp_path / link).symlink_to(leads_to)
    study = read(changed(("arms.curated.reward", {"kind": str(tmp_path / "link.py")})), tmp_path)
    assert type(study.arms["curated"].reward).__name__ == "Own"
    for name in ("dead.py", "loop.py"):
        (line,) = complaint(changed(("arms.curated.reward", {"kind": str(tmp_path / name)})), tmp_path)
        assert "unknown kind" in line


def test_a_file_that_python_cannot_import_by_its_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.reward.py").write_text(OWN)
    (line,) = complaint(changed(("arms.curated.reward", {"kind": str(tmp_path / "own.reward.py")})), tmp_path)
    assert "Python imports files named NAME.py, without another dot; rename own.reward.py" in line


def test_four_seeds_stay_when_they_become_eight() -> None:
    of_four, of_eight = (Study.model_validate(changed(("seeds", number))).seed_batches() for number in (4, 8))
    assert of_eight[: len(of_four)] == of_four


# Numbers


@pytest.mark.parametrize(
    "key",
    [
        "generations", "seeds_per_job", "origins.gaussians.samples", "origins.gaussians.training.steps",
        "origins.gaussians.training.learning_rate", "origins.gaussians.data.train", "origins.gaussians.model.width",
        "arms.curated.curation.kept", "arms.curated.curation.choices", "arms.curated.reward.gamma",
        "arms.curated.mixing.lambda",
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", [True, False, "2", "many", None, [2], {"a": 2}])
def test_a_number_is_no_truth_value_and_no_text(tmp_path: Path, key: str, value: Any) -> None:
    if key.endswith("training.steps"):  # what an arm inherits would be refused a second time
        lines = complaint(changed((key, value)), tmp_path)
        assert any(f"{key}: " in line for line in lines)
        return
    lines = complaint(changed((key, value)), tmp_path)
    assert key.rpartition(".")[2] in lines[0]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seeds", [True, False]), ("seeds", ["1"]), ("seeds", [1.5]), ("seeds", [0, 2**63]), ("seeds", [10**40]),
        ("seeds", [2**31]), ("seeds", 10**8), ("seeds", 10**40), ("seeds", "three"), ("seeds", {}), ("seeds", 2.5),
        ("claims", ["lemma_2_2", "lemma_2_2"]),
        ("arms.curated.reward.target", [True, 0]), ("arms.curated.reward.target", ["1", 0]),
        ("title", 3), ("title", True), ("title", b"bytes"), ("title", None),
        ("arms.curated.curation.among", 1), ("origins.gaussians.samples", 2.5),
        ("arms.curated.mixing.lambda", 1e308), ("arms.curated.mixing.lambda", 10**400),
        ("arms.curated.mixing.lambda", float("nan")), ("arms.curated.mixing", {"real_fraction": 1e-320}),
        ("arms.curated.mixing", {"real_fraction": 1e-9}), ("arms.curated.mixing", {"real_fraction": True}),
        ("origins.gaussians.real_samples", 51),
        ("arms.curated.reward.gamma", 1e-300), ("arms.curated.reward.gamma", 1e300), ("generations", 10**400),
        ("origins.gaussians.samples", 10**400), ("origins.gaussians.training.learning_rate", 5e-324),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_an_odd_number_or_text_is_refused_with_its_key(tmp_path: Path, key: str, value: Any) -> None:
    lines = complaint(changed((key, value)), tmp_path)
    assert key in lines[0].replace(": ", ".") and len(lines[0]) < 1000


def test_a_list_is_taken_for_a_tuple_and_a_whole_number_for_any(tmp_path: Path) -> None:
    study = read(
        changed(
            ("arms.curated.reward.target", [4, 0]), ("arms.curated.reward.gamma", 2), ("origins.gaussians.samples", 1e3)
        ),
        tmp_path,
    )
    assert study.arms["curated"].reward.model_dump()["target"] == (4.0, 0.0)
    assert study.origins["gaussians"].samples == 1000


def test_metrics_that_could_not_be_told_apart_are_refused(tmp_path: Path) -> None:
    twice: list[list[dict[str, Any]]] = [
        [{"kind": "maximum_mean_discrepancy", "bandwidth": 0.1}, {"kind": "maximum_mean_discrepancy"}],
        [{"kind": "sliced_wasserstein"}, {"kind": "sliced_wasserstein"}],
        [{"kind": "frechet", "features": "data"}, {"kind": "frechet", "features": "data"}],
    ]
    for metrics in twice:
        (line,) = complaint(changed(("metrics", metrics)), tmp_path)
        assert f"metrics.1: {metrics[0]['kind']}" in line and "is listed twice" in line


def test_an_override_is_taken_as_text_where_text_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(STUDY))
    for title in ("2", "yes", "null", "2024-13-45", "1e3", "~", "[a]", "0x10", "true", "a: b"):
        said = {"title": title, "generations": "3", "arms": {"curated": {"curation": {"choices": "2"}}}}
        config = as_config({"studies": [], "overrides": {"tiny": said}})
        study = read_study(tmp_path / "tiny.yaml", "demo", config.overrides["tiny"])
        assert (study.title, study.generations) == (title, 3)
        assert type(study.title) is str


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("010", "'010' would be read as another number"),
        ("-07", "would be read as another number"),
        ("1:30", "'1:30' would be read as another number"),
        ("190:20:30.15", "would be read as another number"),
        ("1_000", "'1_000' would be read as another number; write it in decimal digits alone"),
        ("0x_1F", "would be read as another number"),
        ("1_0.5", "would be read as another number"),
        ("no", "'no' would be read as a truth value; write true or false"),
        ("Yes", "'Yes' would be read as a truth value"),
        ("on", "would be read as a truth value"),
        ("OFF", "would be read as a truth value"),
        ("2024-01-01", "'2024-01-01' would be read as a date; put it in quotes"),
        ("2024-01-01 10:00:00", "would be read as a date"),
    ],
)
@pytest.mark.parametrize("place", ["seeds: {}", "title: {}", "arms: {{a: [{}]}}"])
def test_what_yaml_reads_as_something_else_is_to_be_written_plainly(
    tmp_path: Path, place: str, written: str, said: str
) -> None:
    file = tmp_path / "odd.yaml"
    file.write_text(f"answers: x\n{place.format(written)}\n")
    key = place.partition(":")[0] if place[0] != "a" else "a"
    with pytest.raises(RecurateError, match=rf"odd.yaml: line 2: not valid YAML \({key}: .*{said}"):
        read_yaml(file)


@pytest.mark.parametrize("written", ["!!binary aGk=", "!!set {a, b}", "!!omap [a: 1]", "!!pairs [a: 1]", "=", "<<"])
@pytest.mark.parametrize("place", ["title: {}", "claims: [{}]", "arms: {{a: {{b: {}}}}}", "[{}]"])
def test_a_value_that_no_setting_has_is_refused(tmp_path: Path, place: str, written: str) -> None:
    file = tmp_path / "odd.yaml"
    file.write_text(place.format(written))
    with pytest.raises(RecurateError, match=r"odd.yaml: line 1: not valid YAML \(.*is that of no setting; put it in"):
        read_yaml(file)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("0", 0), ("-1", -1), ("0.5", 0.5), (".5", 0.5), ("1e3", 1000.0), ("0x10", 16), (".inf", float("inf")),
        ("true", True), ("False", False), ("'010'", "010"), ('"no"', "no"), ("n", "n"), ("y", "y"), ("1.2.3", "1.2.3"),
    ],
)  # fmt: skip
def test_plain_values_are_what_they_look_like(tmp_path: Path, written: str, read: object) -> None:
    file = tmp_path / "plain.yaml"
    file.write_text(f"x: {written}\n")
    assert read_yaml(file) == {"x": read}
