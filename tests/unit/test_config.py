"""What a study file may say, how its layers are merged, and the sentence for every mistake."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from study_setup import ABSENT, ROOT, STUDY, changed, complaint, read

from recurate.curation.bradley_terry import BradleyTerry
from recurate.curation.rewards import Reward
from recurate.data import Data
from recurate.files.paths import format_generation, format_seeds, parse_seeds
from recurate.foundation.components import kinds, load
from recurate.foundation.errors import RecurateError
from recurate.study.config import SCALES
from recurate.study.families import FAMILIES
from recurate.study.reading import merge, read_study
from recurate.study.trained import Study
from recurate.study.yaml_files import read_yaml
from recurate.workflow.project import Project

# Layers


def test_a_study_is_read_with_its_defaults(tmp_path: Path) -> None:
    study = read(STUDY, tmp_path)
    assert study.seeds == [0, 1, 2]
    assert study.origins["gaussians"].judge is None
    arm = study.arms["curated"]
    assert arm.mixing.real_fraction == pytest.approx(2 / 3)
    assert arm.curation.choices == 4
    assert arm.retraining.start == "previous"


@pytest.mark.parametrize(("scale", "generations"), [("demo", 3), ("paper", 10)])
def test_the_block_of_the_scale_is_laid_over_the_study(tmp_path: Path, scale: str, generations: int) -> None:
    large = {"generations": 10, "origins": {"gaussians": {"samples": 5_000, "data": {"train": 70}}}}
    study = changed(("scales.paper", large), ("scales.demo", {"generations": 3}))
    found = read(study, tmp_path, scale)
    assert found.generations == generations
    assert found.origins["gaussians"].samples == (5_000 if scale == "paper" else 100)
    data = found.origins["gaussians"].data.model_dump()
    assert (data["train"], data["test"]) == (70 if scale == "paper" else 50, 50)


def test_an_override_wins_over_the_scale(tmp_path: Path) -> None:
    study = changed(("scales.demo.generations", 3), ("scales.demo.seeds", 1))
    found = read(study, tmp_path, override={"generations": 7})
    assert (found.generations, found.seeds) == (7, [0])


def test_defaults_lie_under_every_arm_and_an_arm_s_own_keys_over_them(tmp_path: Path) -> None:
    defaults = copy.deepcopy(STUDY["arms"]["curated"])
    arms: dict[str, Any] = {"plain": None, "many": {"curation": {"choices": 16}}, "real": {"mixing": {"lambda": 0}}}
    found = read(changed(("arm_defaults", defaults), ("arms", arms)), tmp_path)
    assert list(found.arms) == sorted(arms)  # the file lists them so
    assert found.arms["plain"] == read(STUDY, tmp_path).arms["curated"]
    assert (found.arms["many"].curation.choices, found.arms["plain"].curation.choices) == (16, 4)
    assert found.arms["many"].curation.model_dump()["kept"] == 100
    assert found.arms["real"].mixing.real_fraction == 1


def test_a_scale_can_change_the_defaults_of_all_arms(tmp_path: Path) -> None:
    study = changed(("arm_defaults", copy.deepcopy(STUDY["arms"]["curated"])), ("arms", {"one": {}, "two": {}}))
    study["scales"] = {"demo": {"arm_defaults": {"curation": {"kept": 9}}}}
    found = read(study, tmp_path)
    assert [arm.curation.model_dump()["kept"] for arm in found.arms.values()] == [9, 9]


@pytest.mark.parametrize("mixing", [{"real_fraction": 0.25}, {"lambda": 3}])
def test_an_arm_may_spell_its_mixing_otherwise_than_the_defaults(tmp_path: Path, mixing: dict[str, float]) -> None:
    study = changed(("arm_defaults", copy.deepcopy(STUDY["arms"]["curated"])), ("arms", {"one": {"mixing": mixing}}))
    assert read(study, tmp_path).arms["one"].mixing.real_fraction == 0.25


def test_a_component_of_another_kind_replaces_the_whole_block(tmp_path: Path) -> None:
    judge = ("origins.gaussians.judge", {"kind": "small_cnn"})
    digits = ("origins.gaussians.data", {"kind": "digits"})
    study = changed(judge, digits, ("arm_defaults", copy.deepcopy(STUDY["arms"]["curated"])))
    study["arms"] = {"one": {"reward": {"kind": "class_probability", "target_class": 2}}}
    assert read(study, tmp_path).arms["one"].reward.kind == "class_probability"


nested = st.recursive(st.integers(), lambda inner: st.dictionaries(st.sampled_from("abc"), inner), max_leaves=8)


layers = st.dictionaries(st.sampled_from("abc"), nested)


@given(layers, layers)
def test_merging_keeps_what_is_not_changed_and_takes_what_is(base: Any, change: Any) -> None:
    before = copy.deepcopy(base)
    merged = merge(base, change)
    assert base == before
    assert merge(merged, change) == merged
    assert merged.keys() == base.keys() | change.keys()
    for key, value in merged.items():
        if isinstance(inner := base.get(key), dict) and isinstance(change.get(key), dict):
            assert value == merge(inner, change[key])
        else:
            assert value == {**base, **change}[key]


def test_lists_are_replaced_and_not_joined(tmp_path: Path) -> None:
    assert read(changed(("seeds", [1, 2, 3])), tmp_path, override={"seeds": [9]}).seeds == [9]


# What need not be said


def test_the_only_origin_is_that_of_every_arm(tmp_path: Path) -> None:
    assert read(changed(("arms.curated.origin", ABSENT)), tmp_path).arms["curated"].origin == "gaussians"


def test_of_several_origins_an_arm_must_name_one(tmp_path: Path) -> None:
    study = changed(("arms.curated.origin", ABSENT), ("origins.other", STUDY["origins"]["gaussians"]))
    (line,) = complaint(study, tmp_path)
    assert line.endswith("arms.curated.origin: there are several origins; name one of gaussians, other")


def test_an_origin_that_is_no_name_is_refused(tmp_path: Path) -> None:
    (line,) = complaint(changed(("arms.curated.origin", ["gaussians"])), tmp_path)
    assert line.endswith("arms.curated.origin: Input should be a valid string (got ['gaussians'])")


def test_as_many_samples_are_kept_as_are_drawn_unless_the_arm_says_how_many(tmp_path: Path) -> None:
    without = changed(
        ("arms.curated.curation.kept", ABSENT), ("scales", {"paper": {"origins": {"gaussians": {"samples": 300}}}})
    )
    for scale, kept in (("demo", 100), ("paper", 300)):
        curation = read(without, tmp_path, scale).arms["curated"].curation
        assert isinstance(curation, BradleyTerry) and curation.kept == kept
    curation = read(changed(("arms.curated.curation.kept", 7)), tmp_path).arms["curated"].curation
    assert isinstance(curation, BradleyTerry) and curation.kept == 7


def test_retraining_is_as_the_training_of_the_origin_but_for_what_it_says(tmp_path: Path) -> None:
    training = {**STUDY["origins"]["gaussians"]["training"], "warm_up": 3, "gradient_clip": 0.5, "keep_state": True}
    study = changed(("origins.gaussians.training", training), ("arms.curated.retraining", {"steps": 4, "warm_up": 0}))
    retraining = read(study, tmp_path).arms["curated"].retraining
    assert (retraining.steps, retraining.warm_up, retraining.gradient_clip) == (4, 0, 0.5)
    assert retraining.start == "previous" and not retraining.keep_state  # what a file holds is not inherited
    without = read(changed(("arms.curated.retraining", ABSENT)), tmp_path).arms["curated"].retraining
    assert without.steps == STUDY["origins"]["gaussians"]["training"]["steps"]


def test_an_arm_that_does_not_say_how_data_are_mixed_is_without_real_data(tmp_path: Path) -> None:
    mixing = read(changed(("arms.curated.mixing", ABSENT)), tmp_path).arms["curated"].mixing
    assert mixing.name == "replace" and mixing.real_fraction == 0


def test_a_study_like_another_says_only_what_differs_at_every_scale(tmp_path: Path) -> None:
    base = changed(("scales", {"paper": {"generations": 9}}))
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(base))
    (tmp_path / "middle.yaml").write_text(yaml.safe_dump({"like": "base", "title": "Middle", "seeds": 5}))
    for scale, generations in (("demo", 2), ("paper", 9)):
        study = read(
            {"like": "middle", "title": "Another", "arms": {"curated": {"curation": {"choices": 2}}}}, tmp_path, scale
        )
        curation = study.arms["curated"].curation
        assert isinstance(curation, BradleyTerry) and (curation.choices, curation.kept) == (2, 100)
        assert (study.title, len(study.seeds), study.generations) == ("Another", 5, generations)


REWARD = str(ROOT / "docs/extending/examples/reward.py")
PAPER: dict[str, Any] = {
    "origins": {"gaussians": {"data": {"train": 4000}, "training": {"steps": 99}}},
    "arms": {"curated": {"reward": {"gamma": 7.0}}},
}


@pytest.mark.parametrize(
    "change",
    [
        {"origins": {"gaussians": {"data": {"kind": "swiss_roll"}}}},
        {"origins": {"gaussians": {"data": {"kind": "circles", "train": 70}}}},
        {"arms": {"curated": {"curation": {"kind": "bradley_terry", "choices": 2, "kept": 100}}}},
        {"arms": {"curated": {"reward": {"kind": REWARD}}}},
    ],
)
def test_a_component_of_another_kind_is_free_of_what_any_scale_said_of_the_former(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    (tmp_path / "base.yaml").write_text(yaml.safe_dump({**STUDY, "scales": {"paper": PAPER}}))
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump({"like": "base", **change}))
    study = read_study(tmp_path / "tiny.yaml", "paper", {})
    assert isinstance(study, Study) and study.origins["gaussians"].training is not None
    assert study.origins["gaussians"].training.steps == 99, "what the scale says of other things holds"
    given = change.get("origins", {}).get("gaussians", {}).get("data", {"kind": "eight_gaussians", "test": 50})
    assert study.origins["gaussians"].data == load(Data, given | {"train": 4000}), "a key that the other kind has too"
    if "origins" not in change:
        assert study == read_study(tmp_path / "base.yaml", "paper", change), "as by overrides"


TEXT: dict[str, Any] = {"kind": "text", "tokenizer": {"kind": "bpe", "vocabulary": 300}}


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("arms.curated.curation.choice", 3, "unknown key 'choice'; .*; nearest is choices"),
        ("arms.curated.mixing", {"lamda": 1}, "unknown key 'lamda'; .*; nearest is lambda"),
        ("origin", {}, "unknown key 'origin'; .*; nearest is origins"),
        ("origins.gaussians.model.kind", "mpl", "unknown kind 'mpl'; .*; nearest is mlp"),
        ("figures", ["trajectry"], "unknown kind 'trajectry'; .*; nearest is trajectory"),
        ("figures", [{"kind": "shares", "arms": ["cured"]}], "there is no arm 'cured'; .*; nearest is curated"),
        ("arms.curated.origin", "gauss", "there is no origin 'gauss'; .*; nearest is gaussians"),
        ("origins.gaussians.colour", "red", "unknown key 'colour'; known are [a-z_, ]*$"),
        ("seeds", "four", "seeds: 'four' is not allowed; give a number of seeds >= 1 or a list of seeds"),
        ("origins.gaussians.training.step", 10, "origins.gaussians.training: unknown key 'step'"),
        ("origins.gaussians.samples", ABSENT, "origins.gaussians.samples: Field required"),
        ("origins.gaussians.training", 3, "origins.gaussians.training: "),
        ("claims", ["lema_2_2"], "claims: 'lema_2_2' is not known; .*; nearest is lemma_2_2"),
        ("loop", "simulatd", "loop: 'simulatd' is not known; a study of networks has origins and no loop"),
        ("loop", "trained", "loop: 'trained' is not known; .* says loop: simulated"),
        ("scales", {"papre": {}}, r"scales: only demo and paper are allowed \(got papre\)"),
        ("like", "tny", "like: there is no study 'tny' beside it; nearest is tiny"),
        ("like", "mixtre", "like: there is no study 'mixtre' beside it; nearest is mixture"),
        ("like", "../studies/mixture", "like: there is no study '../studies/mixture' beside it"),
        ("origins.gaussians.samples", [40, 40], r"origins.gaussians.samples: .* \(got \[40, 40\]\)"),
        ("origins.gaussians.samples", "many", "origins.gaussians.samples: .* \\(got 'many'\\)"),
        (
            "origins.gaussians.data",
            {**TEXT, "corpus": {"datset": "x"}},
            "mapping: unknown key .datset.; .*; nearest",
        ),
        ("origins.gaussians.data", {**TEXT, "corpus": 3}, r"corpus.text: Input should be a valid string \(got 3\)"),
    ],
)
def test_one_mistake_is_one_sentence_with_the_name_that_was_likely_meant(
    tmp_path: Path, key: str, value: object, said: str
) -> None:
    study = changed((key, value))
    study["arms"]["curated"].pop("retraining")  # as its origin says
    study["arms"]["curated"]["curation"].pop("kept")
    study["arms"]["more"] = copy.deepcopy(study["arms"]["curated"])
    (line,) = complaint(study, tmp_path)
    assert re.search(said, line.removesuffix(" (also in 1 other arm)"))


def test_a_simulated_study_that_does_not_say_so_is_told(tmp_path: Path) -> None:
    study = yaml.safe_load((ROOT / "config/studies/curated_gaussian.yaml").read_text())
    del study["loop"]
    (line,) = complaint(study, tmp_path)
    assert "loop: nothing is not known; a study of networks has origins and no loop, one without" in line


def test_a_mistake_of_all_arms_is_said_once(tmp_path: Path) -> None:
    study = changed(("arms.curated.curation.choice", 3))
    study["arms"] |= {name: study["arms"]["curated"] for name in "abcd"}
    (line,) = complaint(study, tmp_path)
    assert "curation: unknown key 'choice'" in line
    assert line.endswith("(also in 4 other arms)")


def test_a_scale_of_another_study_can_be_left_out_and_is_missed_where_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(yaml.safe_dump({**STUDY, "scales": {"paper": {"generations": 9}}}))
    (tmp_path / "tiny.yaml").write_text("like: base\nscales: {paper: }\n")
    (tmp_path / "as_tiny.yaml").write_text("like: tiny\n")
    (tmp_path / "again.yaml").write_text("like: tiny\nscales: {paper: {generations: 3}}\n")
    for name in ("tiny", "as_tiny"):
        assert read_study(tmp_path / f"{name}.yaml", "demo", {}).generations == STUDY["generations"]
        with pytest.raises(RecurateError, match=r"scales\.paper: is left out here, so that there is no such"):
            read_study(tmp_path / f"{name}.yaml", "paper", {})
    assert read_study(tmp_path / "again.yaml", "paper", {}).generations == 3
    (tmp_path / "again.yaml").write_text("like: tiny\nscales: {paper: 3}\n")
    with pytest.raises(RecurateError, match=r"scales\.paper: must be a mapping of keys \(got 3\)"):
        read_study(tmp_path / "again.yaml", "paper", {})
    (tmp_path / "again.yaml").write_text("like: tiny\n")
    for name in ("tiny", "as_tiny", "again"):
        project = Project({"studies": [name]}, str(tmp_path))
        assert project.default == [name]


DEFAULTS: dict[str, Any] = {**STUDY, "arm_defaults": STUDY["arms"]["curated"], "arms": {"curated": {}}}
OF_ALL, OF_ONE = {"arm_defaults": {"reward": {"kind": REWARD}}}, {"arms": {"curated": {"reward": {"kind": REWARD}}}}
GAMMA = {"reward": {"gamma": 7.0}}
SAME = {"reward": {"kind": "clipped_distance", "gamma": 7.0}}


@pytest.mark.parametrize("scale", ["demo", "paper"])
@pytest.mark.parametrize("change", [OF_ALL, OF_ONE], ids=["of all", "of one"])
@pytest.mark.parametrize(
    "base",
    [
        DEFAULTS,
        {**DEFAULTS, "arms": {"curated": GAMMA}},
        {**DEFAULTS, "scales": {"paper": {"arm_defaults": GAMMA}}},
        {**DEFAULTS, "scales": {"paper": {"arms": {"curated": GAMMA}}}},
        {**DEFAULTS, "scales": {"paper": {"arm_defaults": SAME}}},
        {**DEFAULTS, "arms": {"curated": GAMMA}, "scales": {"paper": {"arm_defaults": GAMMA}}},
        {**DEFAULTS, "arms": {"other": {}}, "scales": {"paper": {"arms": {"curated": GAMMA}}}},
    ],
)
def test_a_component_of_another_kind_has_no_key_of_the_former_wherever_it_was_said(
    tmp_path: Path, base: dict[str, Any], change: dict[str, Any], scale: str
) -> None:
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(base))
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump({"like": "base", **change}))
    (tmp_path / "at_scale.yaml").write_text(yaml.safe_dump({"like": "base", "scales": {scale: change}}))
    for study in (
        read_study(tmp_path / "tiny.yaml", scale, {}),
        read_study(tmp_path / "at_scale.yaml", scale, {}),
        read_study(tmp_path / "base.yaml", scale, change),
    ):
        assert isinstance(study, Study)
        if "curated" in study.arms:
            assert study.arms["curated"].reward == load(Reward, {"kind": REWARD})
            assert study.arms["curated"].curation.kind == "bradley_terry", "the rest holds"


@pytest.mark.parametrize("change", [OF_ALL, OF_ONE], ids=["of all", "of one"])
def test_a_scale_that_repeats_the_former_kind_does_not_bring_it_back(tmp_path: Path, change: dict[str, Any]) -> None:
    base = {**DEFAULTS, "scales": {"paper": {"arms": {"curated": SAME}}}}
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(base))
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump({"like": "base", **change}))
    study = read_study(tmp_path / "tiny.yaml", "paper", {})
    assert isinstance(study, Study) and study.arms["curated"].reward == load(Reward, {"kind": REWARD})


@pytest.mark.parametrize(
    ("each", "names"),
    [
        ({"reward.gamma": [1.0, 2.0]}, ["k"]),
        ({"reward.gamma": [1.0, 2.0], "curation.choices": [2, 4]}, ["k_2", "k_4"]),
        ({"curation.choices": [2]}, ["k_2"]),
    ],
)
def test_lists_of_each_for_keys_of_the_former_kind_go_with_it(
    tmp_path: Path, each: dict[str, Any], names: list[str]
) -> None:
    base = {**DEFAULTS, "arms": {"k": {"each": each}}}
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(base))
    for change in (OF_ALL, {"arms": {"k": {"reward": {"kind": REWARD}}}}):
        (tmp_path / "tiny.yaml").write_text(yaml.safe_dump({"like": "base", **change}))
        assert list(read_study(tmp_path / "tiny.yaml", "demo", {}).arms) == names
        assert list(read_study(tmp_path / "base.yaml", "demo", change).arms) == names


FAMILY_OF = {family.__name__.lower(): family for family in FAMILIES}


def components_said(block: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Keys that lead to components of a study file, and the kind of each."""
    if not isinstance(block, dict):
        return
    if path and path[-1] in FAMILY_OF and "kind" in block:
        yield path, block["kind"]
    for key, value in block.items():
        yield from components_said(value, (*path, key))


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "config/studies").glob("*.yaml")))
def test_every_component_of_a_shipped_study_can_be_of_another_kind(tmp_path: Path, name: str) -> None:
    """What is refused then is what the new kind needs, never a key of the former one."""
    shipped = ROOT / f"config/studies/{name}.yaml"
    for path, kind in components_said(read_yaml(shipped)):
        other = next(other for other in (*kinds(FAMILY_OF[path[-1]]), REWARD) if other != kind)
        change: dict[str, Any] = {"kind": other}
        for key in reversed(path):
            change = {key: change}
        (tmp_path / "tiny.yaml").write_text(yaml.safe_dump({"like": name, **change}))
        for scale in SCALES:
            assert "unknown key" not in said_of(tmp_path / "tiny.yaml", scale)


def said_of(path: Path, scale: str) -> str:
    """What is wrong with a study file at a scale, nothing if it is right."""
    try:
        read_study(path, scale, {})
    except RecurateError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("before", [{}, {"reward.height": [1.0, 2.0]}])
def test_each_may_list_kinds(tmp_path: Path, before: dict[str, Any]) -> None:
    kinds = ["clipped_distance", REWARD] if not before else [REWARD]
    study = read(changed(("arms.curated.each", {**before, "reward.kind": kinds})), tmp_path)
    assert [arm.reward.kind for arm in study.arms.values()] == kinds * (len(before.get("reward.height", [])) or 1)


def test_an_arm_of_another_study_or_layer_can_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(yaml.safe_dump({**STUDY, "arm_defaults": STUDY["arms"]["curated"]}))
    (tmp_path / "tiny.yaml").write_text("like: base\narms: {curated: , plain: {curation: {choices: 1}}, more: {}}\n")
    assert list(read_study(tmp_path / "tiny.yaml", "demo", {}).arms) == ["plain", "more"]
    assert list(read_study(tmp_path / "tiny.yaml", "demo", {"arms": {"plain": None}}).arms) == ["more"]


def test_an_arm_that_is_left_out_is_so_at_every_scale_and_at_one_alone(tmp_path: Path) -> None:
    arm = STUDY["arms"]["curated"]
    paper = {"arms": {"plain": {"title": "Paper"}, "slow": arm}}
    base = {**STUDY, "arms": {"curated": arm, "plain": arm}, "scales": {"paper": paper}}
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(base))

    def arms(text: str, scale: str) -> list[str]:
        (tmp_path / "tiny.yaml").write_text(f"like: base\n{text}\n")
        return list(read_study(tmp_path / "tiny.yaml", scale, {}).arms)

    assert [arms("arms: {plain: }", scale) for scale in ("demo", "paper")] == [["curated"], ["curated", "slow"]]
    only_there = "scales: {paper: {arms: {slow: , curated: }}}"
    assert [arms(only_there, scale) for scale in ("demo", "paper")] == [["curated", "plain"], ["plain"]]
    with pytest.raises(RecurateError, match=r"arms\.plane: there is no such arm of base to be left out; write \{\}"):
        arms("arms: {plane: }", "demo")


@pytest.mark.parametrize(
    ("like", "sentence"),
    [
        ("absent", "like: there is no study 'absent' beside it"),
        ("../elsewhere/other", "like: there is no study '../elsewhere/other' beside it"),
        ("tiny", "like: tiny is like tiny, a circle"),
        ("other", "like: tiny is like other is like tiny, a circle"),
    ],
)
def test_a_study_that_is_like_none_or_like_itself_is_refused(tmp_path: Path, like: str, sentence: str) -> None:
    (tmp_path / "other.yaml").write_text("like: tiny\n")
    (tmp_path.parent / "elsewhere").mkdir(exist_ok=True)
    (tmp_path.parent / "elsewhere/other.yaml").write_text(yaml.safe_dump(STUDY))
    (line,) = complaint({**STUDY, "like": like}, tmp_path)
    assert line.endswith(sentence)


def test_the_resolved_settings_are_a_study_file_that_means_the_same(tmp_path: Path) -> None:
    infinite = [("arms.curated.curation.choices", math.inf), ("arms.curated.mixing.lambda", math.inf)]
    study = read(changed(*infinite), tmp_path)
    (tmp_path / "resolved.yaml").write_text(yaml.safe_dump(study.model_dump(mode="json")))
    assert read_study(tmp_path / "resolved.yaml", "demo", {}) == study


# Seeds


def test_a_number_of_seeds_means_the_first_ones_and_a_list_is_sorted(tmp_path: Path) -> None:
    assert read(changed(("seeds", 4)), tmp_path).seeds == [0, 1, 2, 3]
    assert read(changed(("seeds", [7, 2])), tmp_path).seeds == [2, 7]


@pytest.mark.parametrize(
    ("seeds", "per_job", "batches"),
    [
        (5, 2, ["0-1", "2-3", "4-4"]),
        (3, 8, ["0-2"]),
        ([0, 1, 2, 5, 6, 9], 8, ["0-2", "5-6", "9-9"]),
        ([0, 1, 2, 3, 4], 1, ["0-0", "1-1", "2-2", "3-3", "4-4"]),
    ],
)
def test_jobs_take_consecutive_seeds_and_no_more_than_asked(
    tmp_path: Path, seeds: Any, per_job: int, batches: list[str]
) -> None:
    study = read(changed(("seeds", seeds), ("seeds_per_job", per_job)), tmp_path)
    assert [format_seeds(batch) for batch in study.seed_batches()] == batches


@given(st.sets(st.integers(0, 60), min_size=1), st.integers(1, 9))
def test_batches_cover_every_seed_once_in_order_and_their_names_can_be_read_back(seeds: set[int], size: int) -> None:
    study = Study.model_validate(changed(("seeds", sorted(seeds)), ("seeds_per_job", size)))
    batches = study.seed_batches()
    assert [seed for batch in batches for seed in batch] == sorted(seeds)
    assert all(len(batch) <= size for batch in batches)
    assert [parse_seeds(format_seeds(batch)) for batch in batches] == batches


def test_more_seeds_leave_full_batches_as_they_are(tmp_path: Path) -> None:
    few, many = (read(changed(("seeds", n), ("seeds_per_job", 4)), tmp_path).seed_batches() for n in (8, 13))
    assert many[: len(few)] == few


def test_generations_are_numbered_with_three_digits() -> None:
    assert [format_generation(t) for t in (0, 42, 999, 1000)] == ["000", "042", "999", "1000"]


# Mistakes


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("title", ABSENT, "title: Field required"),
        ("arms.curated.reward", ABSENT, "arms.curated.reward: Field required"),
        ("generations", 0, "generations: Input should be greater than or equal to 1 (got 0)"),
        ("generations", 10_000, "generations: Input should be less than or equal to 9999 (got 10000)"),
        ("generations", 2.5, "generations: Input should be a valid integer"),
        ("seeds", 0, "seeds: 0 is not allowed; give a number of seeds >= 1"),
        ("seeds", [], "seeds: duplicate or negative seeds in []"),
        ("seeds", [0, 1, 0], "seeds: duplicate or negative seeds in [0, 1, 0]"),
        ("seeds", [-1], "seeds: duplicate or negative seeds in [-1]"),
        ("seeds", True, "seeds: True is not allowed; give a number of seeds >= 1 or a list of seeds"),
        ("seeds_per_job", 0, "seeds_per_job: Input should be greater than or equal to 1"),
        ("origins", {}, "origins: Dictionary should have at least 1 item"),
        ("arms", {}, "arms: Dictionary should have at least 1 item"),
        ("arms.Big-Name", {}, "arms: 'Big-Name' is not a name; a name is lower-case letters"),
        ("arms.7", {}, "arms: '7' is not a name"),
        ("arms.curated", "text", "arms.curated: Input should be a valid dictionary"),
        ("claims", ["theorem_9"], "claims: 'theorem_9' is not known; allowed are "),
        ("figures", ["pie"], "figures.0: unknown kind 'pie'; known are animation, choices"),
        ("figures", ["contact_sheet"], "figures: contact_sheet: cannot show the data of arms.curated"),
        ("genrations", 3, "unknown key 'genrations'; known are title, answers, seeds, "),
        ("arms.curated.colour", 3, "arms.curated: unknown key 'colour'; known are title, origin, reward"),
        ("arms.curated.origin", "moons", "arms.curated.origin: there is no origin 'moons'; known are gaussians"),
        ("arms.curated.mixing", {"lambda": -1}, "arms.curated.mixing: lambda: -1 is not allowed"),
        ("arms.curated.mixing", {"real_fraction": 2}, "arms.curated.mixing.real_fraction: Input should be less than"),
        (
            "arms.curated.mixing",
            {"lamda": 1},
            "mixing: unknown key 'lamda'; known are regime, real_fraction, real, lambda",
        ),
        ("arms.curated.retraining.start", "zero", "arms.curated.retraining.start: Input should be 'scratch', 'origin'"),
        ("arms.curated.retraining.steps", 0, "arms.curated.retraining.steps: Input should be greater"),
        ("arms.curated.retraining.learning_rate", 0, "learning_rate: Input should be greater than 0 (got 0)"),
        ("arms.curated.curation.choices", 2.5, "curation.choices: 2.5 is not allowed; it must be an integer"),
        ("arms.curated.curation.choices", 101, "curation: choices: 101 is more than the 100 samples"),
        ("arms.curated.curation.kept", 0, "arms.curated.curation.kept: Input should be greater than or equal to 1"),
        ("arms.curated.curation.keep", 9, "arms.curated.curation: unknown key 'keep'; known are kind, kept, choices"),
        ("arms.curated.reward.target", [1.0], "reward: target has 1 coordinates, but the data have shape (2,)"),
        ("arms.curated.reward.kind", "clipped", "arms.curated.reward: unknown kind 'clipped'; known are class_prob"),
        ("arms.curated.reward", {"gamma": 1}, "arms.curated.reward: must be a mapping with the key 'kind', one of "),
        ("arms.curated.reward", "clipped_distance", "arms.curated.reward: must be a mapping with the key 'kind'"),
        ("arms.curated.reward", {"kind": "class_probability"}, "arms.curated.reward: class_probability needs a judge"),
        ("arms.curated.reward.kind", "own/absent.py", "unknown kind 'own/absent.py'; known are "),
        ("origins.gaussians.samples", 1, "origins.gaussians.samples: Input should be greater than or equal to 2"),
        (
            "origins.gaussians.data_seed",
            0,
            "origins.gaussians: data_seed: leave it out, real data and judge are the same",
        ),
        ("origins.gaussians.data.std", 0, "origins.gaussians.data.std: Input should be greater than 0 (got 0)"),
        ("origins.gaussians.judge", {"kind": "small_cnn"}, "origins.gaussians: judge: needs images"),
        ("origins.gaussians.sampler.method", "rk5", "origins.gaussians.sampler.method: Input should be 'euler'"),
        ("origins.gaussians.training.schedule", "step", "training.schedule: Input should be 'constant' or 'cosine'"),
        ("features", [{"kind": "judge"}], "features.0: judge needs a judge; give origins.gaussians one"),
        (
            "metrics",
            [{"kind": "frechet", "features": "judge"}],
            "metrics.0: there are no features 'judge'; known are data",
        ),
        (
            "metrics",
            [{"kind": "precision_recall", "features": "judge"}],
            "metrics.0: there are no features 'judge'; known are data, others are to be listed under features",
        ),
        (
            "metrics",
            [{"kind": "sliced_wasserstein"}, {"kind": "precision_recall", "neighbours": 5, "samples": 5}],
            "metrics.1: neighbours: 5 must be smaller than samples: 5",
        ),
        ("metrics", [{"kind": "sliced_wasserstein", "projections": 0}], "metrics.0.projections: Input should"),
        ("scales", {"huge": {}}, "scales: only demo and paper are allowed"),
        ("scales", [1], "scales: must be a mapping of keys (got [1])"),
    ],
)
def test_a_mistake_is_one_line_with_file_key_and_what_is_allowed(
    tmp_path: Path, key: str, value: Any, expected: str
) -> None:
    (line,) = complaint(changed((key, value)), tmp_path)
    assert line.startswith(f"{tmp_path / 'tiny.yaml'}: ")
    assert expected in line


def test_a_reward_for_a_class_that_the_data_lack_is_refused(tmp_path: Path) -> None:
    study = changed(
        ("origins.gaussians.data", {"kind": "digits"}),
        ("origins.gaussians.judge", {"kind": "small_cnn"}),
        ("arms.curated.reward", {"kind": "class_probability", "target_class": 10}),
    )
    (line,) = complaint(study, tmp_path)
    assert "arms.curated.reward: target_class 10 does not exist, the data have 10 classes" in line


def test_several_mistakes_give_a_line_each(tmp_path: Path) -> None:
    study = changed(
        ("generations", 0), ("arms.curated.curation.kept", -1), ("arms.curated.curation.choices", 0),
        ("origins.gaussians.sampler.steps", 0), ("origins.gaussians.model.kind", "mpl"),
    )  # fmt: skip
    lines = complaint(study, tmp_path)
    keys = ["generations", "sampler.steps", "model", "curation.choices", "curation.kept"]
    assert len(lines) == len(keys)
    assert all(any(f"{key}: " in line for line in lines) for key in keys)
    assert all(line.startswith(str(tmp_path)) for line in lines)


def test_a_mistake_in_an_override_is_found_too(tmp_path: Path) -> None:
    (line,) = complaint(STUDY, tmp_path, override={"seeds": -1})
    assert "seeds: -1 is not allowed" in line


@pytest.mark.parametrize("key", ["scales.demo", "arm_defaults"])
def test_a_layer_that_is_no_mapping_is_an_error(tmp_path: Path, key: str) -> None:
    (line,) = complaint(changed((key, 3)), tmp_path)
    assert f"{key}: must be a mapping" in line


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words"])
def test_a_file_that_is_no_mapping_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "tiny.yaml").write_text(text)
    with pytest.raises(RecurateError, match=r"tiny\.yaml: must be a mapping of keys"):
        read_study(tmp_path / "tiny.yaml", "demo", {})


def test_malformed_yaml_is_an_error_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("title: a\nseeds: [1, 2\narms: {}\n")
    with pytest.raises(RecurateError, match=r"bad\.yaml: line \d: not valid YAML"):
        read_yaml(tmp_path / "bad.yaml")


def test_a_key_given_twice_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "twice.yaml").write_text("arms:\n  one: {}\n  two: {}\n  one: {title: lost}\n")
    with pytest.raises(RecurateError, match=r"twice\.yaml: line 4: .*one"):
        read_yaml(tmp_path / "twice.yaml")


def test_yaml_is_read_in_one_module() -> None:
    library = ROOT / "scripts"
    loads = re.compile(r"\byaml\.\w*load|\bfrom yaml import")
    found = {str(path.relative_to(library)) for path in library.rglob("*.py") if loads.search(path.read_text())}
    assert found == {"recurate/study/yaml_files.py"}


def test_an_absent_file_is_an_error_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(RecurateError, match=r"absent\.yaml: cannot be read \(No such file"):
        read_yaml(tmp_path / "absent.yaml")


def test_settings_cannot_be_changed_after_validation(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        read(STUDY, tmp_path).generations = 5
