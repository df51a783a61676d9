"""Every measured value has one line in the glossary, and its name is nobody else's."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from own_code import made

from recurate.closed_form.estimators import Estimator
from recurate.closed_form.loop import REWARD_MEASURES
from recurate.commands import glossary
from recurate.figures import Figure
from recurate.foundation.components import component_class, kinds, load
from recurate.foundation.errors import RecurateError
from recurate.foundation.terms import Term, names
from recurate.measuring.every_arm import EVERY_ARM, FORMER, beside, of_curated
from recurate.measuring.metrics import DATA, Evidence, Metric, Space

PUBLISHED = sorted((Path(__file__).parents[2] / "results/published").glob("*/*/metrics.csv"))
METRICS = [term for kind in kinds(Metric) for term in component_class(Metric, kind).terms]
MEASURES = [term for kind in kinds(Estimator) for term in component_class(Estimator, kind).terms]
SETTINGS = {
    "gaussian": {"dimensions": 2},
    "regression": {"dimensions": 2},
    "discrete": {"probabilities": [0.2, 0.3, 0.5]},
    "kde": {"data": {"kind": "blobs"}, "bandwidth": 0.1},
}


@pytest.mark.parametrize("table", PUBLISHED, ids=lambda path: "/".join(path.parts[-3:-1]))
def test_every_name_in_a_published_table_is_in_the_glossary(table: Path) -> None:
    with table.open(newline="", encoding="utf-8") as file:
        found = {row["metric"] for row in csv.DictReader(file)}
    known = (*EVERY_ARM, *FORMER, *METRICS, *MEASURES)
    assert found and {name for name in found if not names(known, name)} == set()


def test_what_every_arm_is_measured_by_is_in_its_part_of_the_glossary() -> None:
    rewards = np.array([[0.0, 1.0], [0.5, 0.5]] * 4, dtype=np.float32)
    curated = {
        "reward": rewards,
        "index": np.arange(4),
        "prompt": np.repeat(np.arange(4), 2),
        "judged_class": np.arange(8) % 3,
        "confidence": np.ones(8, np.float32),
    }
    found = of_curated(curated, 2.0, 3, ("right", "up"))
    assert all(names(EVERY_ARM, name) for name in found)
    assert {term.name for term in EVERY_ARM if not any(term.matches(name) for name in found)} == set()


@pytest.mark.parametrize("kind", sorted({"sliced_wasserstein", "maximum_mean_discrepancy", "spread", "frechet",
                                         "kernel_distance", "precision_recall", "memorisation"}))  # fmt: skip
@pytest.mark.parametrize("space", [DATA, "inception", "pixels"])
def test_what_a_metric_gives_is_among_its_terms(kind: str, space: str) -> None:
    x = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    seen = Space(space, x, x[::-1], x, False, training=x, held_out_nearest=np.ones(40))
    settings = {"features": space} if "features" in component_class(Metric, kind).model_fields else {}
    metric = load(Metric, {"kind": kind, **settings})
    found = metric(Evidence(x, x, np.random.default_rng(0), {space: seen}))
    assert found and all(names(metric.terms, name) for name in found)


@pytest.mark.parametrize("kind", kinds(Estimator))
def test_what_an_estimator_measures_is_among_its_terms(kind: str) -> None:
    required = {name for name, field in component_class(Estimator, kind).model_fields.items() if field.is_required()}
    settings = {name: value for name, value in SETTINGS.get(kind, {}).items() if name in required}
    estimator = load(Estimator, {"kind": kind, **settings})
    assert all(names(estimator.terms, name) for name in estimator.measures)
    assert not any(names(estimator.terms, name) for name in REWARD_MEASURES)


def test_the_glossary_has_a_line_for_every_term_and_the_list_one_for_every_figure() -> None:
    text = glossary.metrics()
    assert all(f"| `{term.name}` | " in text for term in (*EVERY_ARM, *METRICS, *MEASURES))
    assert all(f"| `{kind}` | " in glossary.figures() for kind in kinds(Figure))


@pytest.mark.parametrize(
    ("term", "name", "is_meant"),
    [
        ("share_{number}", "share_10", True),
        ("share_{number}", "share_entropy", False),
        ("spread_{features}", "spread_a_b", True),
        ("spread_{features}", "spread_", False),
        ("w1", "w1", True),
        ("w1", "w11", False),
        ("a.b", "axb", False),
    ],
)
def test_words_in_braces_stand_for_what_varies(term: str, name: str, is_meant: bool) -> None:
    assert Term(term, "").matches(name) is is_meant


@pytest.mark.parametrize(
    "name",
    ["reward_mean", "top_share", "share_0", "share_99", "share_entropy", "confidence_mean", "reward_mean_right",
     "exp_reward_variance_of_answers", "curation_distinct_share"],
)  # fmt: skip
def test_a_name_of_every_arm_is_taken_where_an_arm_lacks_it_too(tmp_path: Path, name: str) -> None:
    metric = made(tmp_path, "metric", ('"height"', f'"{name}"'))
    evidence = Evidence(np.ones((3, 2)), np.ones((3, 2)), np.random.default_rng(0))
    with pytest.raises(RecurateError, match=rf"metrics: .*own\.py gives '{name}', which is the name of a metric"):
        beside({}, metric(evidence), metric.kind)


def test_a_name_of_another_metric_is_taken_but_a_condition_may_be_stated_twice() -> None:
    before = {"sliced_wasserstein": 0.5, "perplexity_context": 64.0}
    with pytest.raises(RecurateError, match=r"own\.py gives 'sliced_wasserstein', which is the name of another metric"):
        beside(before, {"sliced_wasserstein": 0.5}, "own.py")
    with pytest.raises(RecurateError, match="'perplexity_context'"):
        beside(before, {"perplexity_context": 32.0}, "own.py")
    after = beside(before, {"perplexity_context": 64.0, "share_of_gold": 1.0}, "own.py")
    assert after == {**before, "share_of_gold": 1.0}
