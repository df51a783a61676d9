"""The library: what `import recurate` gives, how it is installed, and what its page says."""

from __future__ import annotations

import array
import importlib.util
import inspect
import itertools
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import sparse
from theory_setup import check_arm

import recurate
from recurate.curation import Curation
from recurate.curation.bradley_terry import BradleyTerry
from recurate.files.arrays import write_arrays
from recurate.foundation.components import component_class, load
from recurate.theory.claims import ClosedLoop

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/library.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
PUBLISHED = ROOT / "results/published"
LEVELS = np.array([-2.0, -1.0, -1.0, 0.0])
NO_TORCH = "raise ImportError('no networks here')"


# What is kept


@pytest.mark.parametrize("make", [np.array, list, tuple, pd.Series, pd.DataFrame, lambda r: np.zeros((len(r), 2, 3))])
def test_what_is_kept_is_of_the_type_of_the_samples(make: Any) -> None:
    samples = make(range(200))
    kept = recurate.curate(samples, np.zeros(200), choices=3, kept=50)
    assert type(kept) is type(samples) and len(kept) == 50


def test_tensors_stay_tensors() -> None:
    torch = pytest.importorskip("torch")
    samples = torch.arange(30)
    kept = recurate.curate(samples, samples / 10, choices=math.inf)
    assert isinstance(kept, torch.Tensor) and len(kept) == 30


@pytest.mark.parametrize("choices", [1, 2, 4, math.inf])
def test_what_is_kept_has_the_law_of_the_forecast(choices: float) -> None:
    rewards = np.repeat(LEVELS, 50)
    kept = [recurate.curate(rewards, rewards, choices, kept=50, generator=seed) for seed in range(400)]
    mean = np.concatenate(kept).mean()
    expected = recurate.forecast(rewards, choices, generations=1).reward_mean[1]
    assert abs(mean - expected) < 4 * np.std([part.mean() for part in kept]) / 20


def test_a_seed_and_its_generator_and_no_other_keep_the_same() -> None:
    first, again = (recurate.curate(np.arange(500), np.zeros(500), generator=3) for _ in range(2))
    other = recurate.curate(np.arange(500), np.zeros(500), generator=4)
    assert (first == again).all() and (first != other).any()
    own = [recurate.curate(np.arange(500), np.zeros(500), generator=np.random.default_rng(3)) for _ in range(2)]
    assert (own[0] == own[1]).all()


# Forecast and limit


def test_the_forecast_is_one_row_a_generation_with_shares_and_moments() -> None:
    table = recurate.forecast(LEVELS, choices=2, generations=3, classes=[0, 1, 1, 2], supremum=0.0)
    assert list(table.generation) == [0, 1, 2, 3]
    start = table.iloc[0]
    assert start.reward_mean == LEVELS.mean()
    assert start.exp_reward_mean == pytest.approx(np.exp(LEVELS).mean())
    assert start.exp_reward_variance == pytest.approx(np.exp(LEVELS).var())
    assert list(start[["share_0", "share_1", "share_2"]]) == [0.25, 0.5, 0.25]
    # With K = 2 the sample x is kept with probability sum over pairs of e^r(x) / (e^r(x) + e^r(y)), over n^2 / 2.
    pairs = np.exp(LEVELS)[:, None] / np.add.outer(np.exp(LEVELS), np.exp(LEVELS))
    law = 2 * pairs.mean(axis=1) / len(LEVELS)
    assert table.reward_mean[1] == pytest.approx(law @ LEVELS)
    assert table.share_2[1] == pytest.approx(law[3])


def test_seeds_stand_in_a_column_and_share_the_highest_reward() -> None:
    table = recurate.forecast(np.stack([LEVELS, LEVELS - 1]), generations=2)
    assert list(table.seed) == [0, 0, 0, 1, 1, 1]
    assert table.exp_reward_mean[3] == pytest.approx(np.exp(LEVELS - 1).mean())


@pytest.mark.parametrize("regime", [None, "replace"])
def test_the_pure_loop_ends_in_the_highest_reward(regime: Any) -> None:
    np.testing.assert_array_equal(recurate.limit(LEVELS, regime=regime), [0, 0, 0, 1])


@pytest.mark.parametrize("choices", [2, 5, math.inf])
def test_the_mixed_loop_ends_where_its_forecast_stands_still(choices: float) -> None:
    weights = recurate.limit(LEVELS, choices, real_fraction=0.3)
    last = recurate.forecast(LEVELS, choices, 100, real_fraction=0.3).iloc[-1]
    assert weights @ LEVELS == pytest.approx(last.reward_mean, abs=1e-5)


# Claims


def test_claims_on_a_forecast_are_those_of_the_study_s_own_check() -> None:
    rewards = np.random.default_rng(0).normal(size=(3, 300))
    table = recurate.forecast(rewards, choices=4, generations=4, real_fraction=0.25)
    found = recurate.claims(table, choices=4, real_fraction=0.25, exact=True)
    values = {name: table[name].to_numpy().reshape(3, 5) for name in table if name not in ("seed", "generation")}
    expected = check_arm(ClosedLoop("", "loop", 4, 0.25), values, "forecast")
    assert found[["claim", "generation", "verdict"]].to_dict("records") == [
        {key: row[key] for key in ("claim", "generation", "verdict")}
        for row in expected  # type: ignore[literal-required]
    ]
    assert set(found[found.claim == "theorem_2_3"].verdict) == {"supported"}


def loop_of_rewards(seeds: int, generations: int, count: int) -> np.ndarray:
    """Rewards (seeds, generations + 1, count) of the pure loop at K = 4 that resamples what was kept."""
    rewards = [np.random.default_rng(7).normal(size=(seeds, count))]
    for generation in range(generations):
        rewards.append(
            np.stack([recurate.curate(r, r, 4, generator=generation * seeds + s) for s, r in enumerate(rewards[-1])])
        )
    return np.stack(rewards, axis=1)  # fmt: skip


def test_claims_on_rewards_metrics_and_data_frames_agree() -> None:
    rewards = loop_of_rewards(4, 3, 2_000)
    top = float(rewards.max())
    scaled = np.exp(rewards - top)
    metrics = {
        "reward_mean": rewards.mean(axis=2),
        "exp_reward_mean": scaled.mean(axis=2),
        "exp_reward_variance": scaled.var(axis=2),
        "top_share": (rewards == top).mean(axis=2),
    }
    seeds, generations = np.indices((4, 4))
    wide = pd.DataFrame({"seed": seeds.ravel(), "generation": generations.ravel()})
    wide = wide.assign(**{name: values.ravel() for name, values in metrics.items()})
    tidy = wide.melt(["seed", "generation"], var_name="metric").sample(frac=1, random_state=0).assign(arm="one")
    found = [recurate.claims(each, names=["lemma_2_2"]) for each in (rewards, metrics, wide, tidy)]
    for other in found[1:]:
        pd.testing.assert_frame_equal(found[0], other)
    assert list(found[0].generation) == [1, 2, 3] and set(found[0].verdict) <= {"supported", "undecided"}
    assert "supported" in set(found[0].verdict)


# What cannot be is a sentence

FRAME = pd.DataFrame({"generation": [0, 1], "exp_reward_mean": [0.1, 0.2]})
TIDY = FRAME.melt("generation", var_name="metric")
FIFTY = np.zeros(50)
HUGE = 10**400


class Odd:
    """An object that fails wherever it is looked at."""

    def __len__(self) -> int:
        raise KeyError("no length")

    def __getattr__(self, name: str) -> Any:
        raise OSError("nothing here")

    def __repr__(self) -> str:
        raise ValueError("no name")

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise LookupError("no\narray")


class Endless:
    """A sequence that goes on for ever."""

    def __len__(self) -> int:
        return 10**15

    def __getitem__(self, place: object) -> float:
        return 0.0


class EndlessList(list[float]):
    """A list that is gone through for ever."""

    def __iter__(self) -> Any:
        return itertools.repeat("a")


class Nameless:
    """An object that does not say of what class it is."""

    @property
    def __class__(self) -> Any:
        raise RuntimeError("no class")


def within_itself() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


def doubled(times: int) -> list[Any]:
    found: list[Any] = [0.0]
    for _ in range(times):
        found = [found, found]
    return found


NO_REWARDS: dict[str, Any] = {
    "text": "abc", "bytes": b"abc", "bytearray": bytearray(50), "None": None, "a dict": {"a": 1.0}, "a set": {1.0, 2.0},
    "a generator": (x for x in FIFTY), "an iterator": iter([1.0]), "a number": 3.0, "NumPy's number": np.float64(3),
    "no axes": np.array(3.0), "no numbers": [], "no samples": np.empty((50, 0)), "an object": object(), "a class": list,
    "odd": Odd(), "endless": Endless(), "a list within itself": within_itself(), "2^60 numbers": doubled(60),
    "an endless list": EndlessList(FIFTY),
    "objects": np.array([0.0] * 50, object), "huge integers": [HUGE] * 50, "Nones": [None] * 50, "mixed": [1.0, "a"],
    "ragged": [[1.0], [1.0, 2.0]], "texts": ["1", "2"], "bytes of numbers": [b"1"], "complex": np.zeros(50, complex),
    "a complex number": [1j, 0.0], "bools": np.zeros(50, bool), "a list of bools": [True, False],
    "a bool among numbers": [True, 0.5], "NumPy's bool among numbers": [np.True_, 0.5],
    "an array of bools among numbers": [np.array(True), 0.5], "masked": np.ma.masked_equal(np.arange(50.0), 3),
    "masked, nothing hidden": np.ma.array(FIFTY), "masked among numbers": [np.ma.masked, 1.0],
    "dates": np.zeros(50, "datetime64[D]"), "durations": np.zeros(50, "timedelta64[s]"),
    "one duration": [np.timedelta64(1, "s")], "records": np.zeros(50, [("a", float)]),
    "records of objects": np.zeros(50, [("a", object)]), "void": np.zeros(50, "V8"),
    "four axes": np.zeros((1, 2, 2, 2)),
    "nan": [0.0, math.nan], "inf": [0.0, math.inf], "float16 inf": np.array([0, np.inf], np.float16),
    "beyond float64": np.array([0, np.finfo(np.longdouble).max]), "1e10": [1e10] * 50, "1e300": np.full(50, 1e300),
    "a span over 1e6": [0.0, 2e6], "a column": np.zeros((50, 1)), "1e12 numbers": np.broadcast_to(0.0, (10**12,)),
    "decimals": [Decimal(1)] * 50, "fractions": [Fraction(1, 2)] * 50, "a frame": pd.DataFrame({"r": FIFTY}),
    "an empty frame": pd.DataFrame(), "columns twice": pd.DataFrame(np.zeros((50, 2)), columns=["r", "r"]),
    "pandas texts": pd.Series(["a"] * 50), "pandas dates": pd.Series(pd.date_range("2024", periods=50)),
    "pandas periods": pd.period_range("2024", periods=50, freq="D"), "pandas bools": pd.Series([True] * 50),
    "nullable bools": pd.Series([True, None], dtype="boolean"),
    "nullable, missing": pd.Series([1, None], dtype="Int64"),
    "nullable floats, missing": pd.Series([1.0, None], dtype="Float64"), "pandas NA": [pd.NA, 1.0],
    "categories of text": pd.Categorical(["a", "b"]), "intervals": pd.interval_range(0, 50), "no rows": pd.Series([]),
}  # fmt: skip
if importlib.util.find_spec("pyarrow"):
    import pyarrow as arrow

    NO_REWARDS |= {
        "Arrow's null": arrow.array([1.0, None]), "Arrow's text": arrow.array(["a"]),
        "Arrow's table": arrow.table({"r": FIFTY}),
        "Arrow in pandas, missing": pd.Series([1, None], dtype="int64[pyarrow]"),
    }  # fmt: skip
NO_NUMBER: dict[str, Any] = {
    "text": "3", "bytes": b"3", "None in a list": [None], "a list": [4], "an array": np.array([4]), "a dict": {},
    "True": True,
    "NumPy's True": np.True_, "an array of True": np.array(True), "nan": math.nan, "complex": 1j, "huge": HUGE,
    "long double": np.finfo(np.longdouble).max,
    "minus huge": -HUGE, "thousands of digits": 10**5_000, "a decimal": Decimal("0.5"), "odd": Odd(), "a class": int,
    "masked": np.ma.masked, "a duration": np.timedelta64(1, "s"), "a date": np.datetime64("2024"), "NA": pd.NA,
    "NaT": pd.NaT, "a series": pd.Series([1]), "a function": len, "NumPy's text": np.str_("3"), "minus inf": -math.inf,
}  # fmt: skip
NO_COUNT = {**NO_NUMBER, "1.5": 1.5, "-1": -1, "inf": math.inf, "1e30": 1e30, "an ellipsis": ...}


def refused(call: Any, name: str) -> str:
    """What is said of the argument `name` in one sentence."""
    with pytest.raises(recurate.RecurateError) as caught:
        call()
    said = str(caught.value)
    assert said.startswith(f"{name} is ") and "but must be" in said and "\n" not in said and len(said) < 800, said
    return said


def each(cases: dict[str, Any]) -> Any:
    return pytest.mark.parametrize("odd", cases.values(), ids=cases.keys())


@each(NO_REWARDS)
def test_rewards_that_are_none_are_refused_by_all_that_take_them(odd: Any) -> None:
    refused(lambda: recurate.forecast(odd), "rewards")
    refused(lambda: recurate.limit(odd), "rewards")
    refused(lambda: recurate.curate(np.arange(50), odd, 2), "rewards")
    refused(lambda: recurate.claims(odd), "measured")


@each({**NO_COUNT, "0": 0, "-0.0": -0.0, "inf": 1.5, "2e15": 2 * 10**15})
def test_choices_that_are_none_are_refused_by_all_that_take_them(odd: Any) -> None:
    for call in (recurate.forecast, recurate.limit):
        refused(lambda call=call: call(FIFTY, odd), "choices")
    refused(lambda: recurate.curate(FIFTY, FIFTY, odd), "choices")
    refused(lambda: recurate.claims(FRAME, odd), "choices")


@each({**NO_COUNT, "0": 0, "1e15": 10**15, "too many passes": 1_300_000})
def test_a_number_to_keep_that_is_none_is_refused(odd: Any) -> None:
    assert "an integer from 1 to 1200000" in refused(lambda: recurate.curate(FIFTY, FIFTY, 4, kept=odd), "kept")


@each({**NO_COUNT, "1e30": 1e40, "RandomState": np.random.RandomState(0), "a module": np.random, "2^128": 2**128})
def test_a_generator_that_is_none_is_refused(odd: Any) -> None:
    refused(lambda: recurate.curate(FIFTY, FIFTY, generator=odd), "generator")


@each({**NO_COUNT, "None": None, "10000": 10_000, "1e15": 10**15})
def test_generations_that_are_none_are_refused(odd: Any) -> None:
    refused(lambda: recurate.forecast(FIFTY, generations=odd), "generations")


@each({**NO_NUMBER, "inf": math.inf, "1e10": 1e10, "below the rewards": -1.0, "an empty text": ""})
def test_a_supremum_that_is_none_is_refused(odd: Any) -> None:
    refused(lambda: recurate.forecast(FIFTY, supremum=odd), "supremum")
    refused(lambda: recurate.limit(FIFTY, supremum=odd), "supremum")
    refused(lambda: recurate.claims(np.zeros((1, 2, 50)), supremum=odd), "supremum")


@each({**NO_NUMBER, "None": None, "inf": math.inf, "1.5": 1.5, "-0.1": -0.1})
def test_a_real_fraction_that_is_none_is_refused(odd: Any) -> None:
    refused(lambda: recurate.forecast(FIFTY, real_fraction=odd), "real_fraction")
    refused(lambda: recurate.limit(FIFTY, real_fraction=odd), "real_fraction")
    refused(lambda: recurate.claims(FRAME, real_fraction=odd), "real_fraction")


@each(
    {"text": "pure", "a list": ["replace"], "an array": np.array(["replace"] * 2), "3": 3, "False": False, "odd": Odd()}
)
def test_a_regime_that_is_none_is_refused(odd: Any) -> None:
    assert "one of replace, " in refused(lambda: recurate.forecast(FIFTY, regime=odd), "regime")
    refused(lambda: recurate.limit(FIFTY, regime=odd), "regime")
    refused(lambda: recurate.claims(FRAME, regime=odd), "regime")


@each({
    **{name: NO_REWARDS[name] for name in ("text", "a dict", "a set", "a generator", "objects", "complex", "bools",
       "nan",
       "masked", "dates", "records", "odd", "endless", "a list within itself", "huge integers", "nullable, missing")},
    "floats": FIFTY, "labels of 1e9": np.full(50, 10**9), "labels of 10000": np.full(50, 10_000), "-1": np.full(50, -1),
    "2^64 - 1": np.full(50, 2**64 - 1, np.uint64), "too few": [0, 1], "two axes": np.zeros((1, 50), int),
    "another index": pd.Series(np.zeros(50, int), range(1, 51)), "categories of text": pd.Categorical(["a"] * 50),
})  # fmt: skip
def test_classes_that_are_none_are_refused(odd: Any) -> None:
    said = refused(lambda: recurate.forecast(pd.Series(FIFTY), classes=odd), "classes")
    assert "whole numbers from 0 to 9999 of shape (50,)" in said


def test_classes_are_fewer_where_a_table_has_many_rows() -> None:
    said = refused(lambda: recurate.forecast(FIFTY, generations=9_999, classes=np.full(50, 1_000)), "classes")
    assert "whole numbers from 0 to 999 of shape (50,)" in said


@each({
    "None": None, "a dict": dict.fromkeys(range(50)), "an iterator": iter(range(50)), "a generator": (x for x in FIFTY),
    "NumPy's number": np.float64(3), "no axes": np.array(3), "a range": range(50), "a text": "a" * 50,
    "bytes": b"a" * 50,
    "a set": set(range(50)), "a number": 50, "a class": list, "odd": Odd(), "a view": dict.fromkeys(range(50)).values(),
    "gives one": type("One", (), {"__len__": lambda _: 50, "__getitem__": lambda _, place: [0]})(), "zip": zip(FIFTY),
})  # fmt: skip
def test_samples_that_are_none_are_refused(odd: Any) -> None:
    refused(lambda: recurate.curate(odd, FIFTY), "samples")


@pytest.mark.parametrize("name", ["is_biased", "exact"])
@each(
    {"no": "no", "1": 1, "0": 0, "None": None, "1.0": 1.0, "a list": [True], "an array": np.array([True]), "NA": pd.NA}
)
def test_what_is_no_truth_value_is_refused(name: str, odd: Any) -> None:
    assert "True or False" in refused(lambda: recurate.claims(FRAME, **{name: odd}), name)


@each({
    "none": [], "twice": ["lemma_2_2"] * 2, "unknown": ["lemma_9"], "text": "lemma_2_2", "bytes": b"lemma_2_2", "3": 3,
    "numbers": [1, 2], "lists": [["lemma_2_2"]], "endless": itertools.count(),
    "the same for ever": itertools.cycle(["lemma_2_2"]),
    "a dict": {"lemma_2_2": 1}, "odd": Odd(), "a set of numbers": {1, "lemma_2_2"}, "True": True, "a table": FRAME,
})  # fmt: skip
def test_names_of_claims_that_are_none_are_refused(odd: Any) -> None:
    assert "lemma_2_2, theorem_2_1" in refused(lambda: recurate.claims(FRAME, names=odd), "names")


MEASURED: dict[str, tuple[Any, str]] = {
    "two axes": (np.zeros((3, 4)), "(seeds, generations + 1, n)"),
    "one generation of rewards": (np.zeros((3, 1, 4)), "one generation after 0"),
    "no names": ({}, "none of the metrics"),
    "unknown": ({"foo": [0.1, 0.2]}, "there is no metric 'foo'"),
    "unknown beside known": ({"exp_reward_mean": [0.1, 0.2],
    "exp_reward_maen": [0.1, 0.2]}, "no metric 'exp_reward_maen'"),
    "name of no text": ({3: [0.1, 0.2]}, "there is no metric 3"),
    "metrics no claim is about": ({"reward_mean": [0.1, 0.2]}, "none of the metrics"),
    "one generation of metrics": ({"exp_reward_mean": [0.1]}, "of generation 0 and others"),
    "two shapes": ({"exp_reward_mean": [0.1, 0.2], "top_share": [0.1]}, "all must be of one shape"),
    "values of no numbers": ({"exp_reward_mean": ["a", "b"]}, "exp_reward_mean is a list of 2; it holds 'a'"),
    "values beyond": ({"exp_reward_mean": [0.1, 1.5]}, "it holds 1.5"),
    "values below": ({"top_share": [0.1, -0.5]}, "it holds -0.5"),
    "values nan": ({"kl_to_origin": [0.1, math.nan]}, "it holds nan"),
    "values of three axes": ({"exp_reward_mean": np.zeros((1, 2, 2))}, "its shape is (1, 2, 2)"),
    "a frame without generations": (FRAME.drop(columns="generation"), "needs the column generation"),
    "an empty frame": (pd.DataFrame(), "needs the column generation"),
    "no rows": (FRAME[:0], "none of the metrics"),
    "no metric": (FRAME[["generation"]], "none of the metrics"),
    "one generation": (FRAME[:1], "of generation 0 and others"),
    "generation 0 is missing": (FRAME[1:], "every generation 0, 1"),
    "a generation is nan": (FRAME.assign(generation=[0, math.nan]), "every generation 0, 1"),
    "generations of truth values": (FRAME.assign(generation=[False, True]), "every generation 0, 1"),
    "rows twice": (pd.concat([FRAME, FRAME]), "twice for a seed and generation"),
    "columns twice": (pd.concat([FRAME, FRAME], axis=1), "a column is there twice"),
    "two arms": (FRAME.assign(arm=["a", "b"]), "choose one, table[table.arm == 'a']"),
    "texts in a column": (FRAME.assign(exp_reward_mean=["0.1", "0.2"]), "the metric exp_reward_mean"),
    "complex": (FRAME.assign(exp_reward_mean=[0.1, 0.2j]), "the metric exp_reward_mean"),
    "missing": (FRAME.assign(exp_reward_mean=pd.array([0.1, None], "Float64")), "it holds nan"),
    "tidy without values": (TIDY.drop(columns="value"), "needs the column value"),
    "tidy, of other metrics": (TIDY.assign(metric="foo"), "none of the metrics"),
    "tidy, lists as names": (TIDY.assign(metric=[[1], [2]]), ""),
    "tidy, texts": (TIDY.assign(value=["a", "b"]), "the metric exp_reward_mean"),
    "levels of columns": (pd.concat({"a": FRAME}, axis=1), "needs the column generation"),
}  # fmt: skip


@pytest.mark.parametrize(("measured", "said"), MEASURED.values(), ids=MEASURED.keys())
def test_what_no_loop_is_measured_by_is_refused(measured: Any, said: str) -> None:
    assert said in refused(lambda: recurate.claims(measured), "measured")


REFUSED: list[tuple[Any, str, str]] = [
    (lambda: recurate.curate([1, 2], [0.0]), "rewards", "there are 2 samples, but 1 rewards"),
    (lambda: recurate.curate([1, 2], [0.0, 1.0]), "choices", "there are 2 samples to choose from"),
    (lambda: recurate.curate([1, 2], [0.0, math.nan], 1), "rewards", "1 of 2 are not finite, the first at position 1"),
    (lambda: recurate.curate([], []), "rewards", "shape is (0,)"),
    (lambda: recurate.curate(pd.DataFrame({"x": [1, 2]}), pd.Series([0.0, 1.0], [1, 0]), 1), "rewards", "its index"),
    (lambda: recurate.curate(pd.Series([1, 2]), pd.Series([0.0, 1.0], ["a", "b"]), 1), "rewards", "or as .to_numpy()"),
    (lambda: recurate.forecast(np.zeros((2, 2, 2))), "rewards", "(2, 2, 2), but must be finite real numbers"),
    (lambda: recurate.forecast([[0.0, 1.0], [0.0, math.nan]]), "rewards", "the first at position (1, 1)"),
    (lambda: recurate.limit([[0.0, 1.0]]), "rewards", "of shape (n,)"),
    (lambda: recurate.limit(LEVELS, real_fraction=0.5, regime="accumulate"), "regime", "slows down without end"),
    (lambda: recurate.limit(LEVELS, supremum=1.0), "supremum", "a reward of a sample"),
    (lambda: recurate.claims(FRAME, supremum=0.0), "supremum", "supremum is for rewards"),
    (lambda: recurate.claims(TIDY, supremum=[1]), "supremum", "supremum is for rewards"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "name", "said"), REFUSED, ids=[said for *_, said in REFUSED])
def test_arguments_that_do_not_go_together_are_refused(call: Any, name: str, said: str) -> None:
    assert said in refused(call, name)


@pytest.mark.parametrize(
    ("real_fraction", "regime"),
    [(0.0, "accumulate"), (0, "augmentation"), (0.5, "replace"), (0, "fresh"), (1e-9, None)],
)
def test_mixing_rules_that_are_none_are_refused(real_fraction: float, regime: Any) -> None:
    with pytest.raises(recurate.RecurateError, match=f"real_fraction is {real_fraction:g}, regime is {regime}: "):
        recurate.forecast(FIFTY, real_fraction=real_fraction, regime=regime)


@each({
    "None": None, "3": 3, "bytes": b"/tmp", "nothing": "", "a list": ["results"], "NUL": "a\0b", "long": "a" * 5_000,
    "absent": "nosuch", "a file": __file__, "a table": FRAME, "odd": Odd(), "True": True,
    "no tables": Path(__file__).parent,
})  # fmt: skip
def test_what_is_no_folder_is_refused(odd: Any) -> None:
    refused(lambda: recurate.tables(odd), "folder")


def test_an_object_that_fails_when_it_is_asked_what_it_is_is_refused() -> None:
    odd: Any = Nameless()
    refused(lambda: recurate.forecast(odd), "rewards")
    refused(lambda: recurate.curate(odd, FIFTY), "samples")
    refused(lambda: recurate.forecast(FIFTY, odd), "choices")
    refused(lambda: recurate.curate(FIFTY, FIFTY, generator=odd), "generator")
    refused(lambda: recurate.claims(odd), "measured")
    refused(lambda: recurate.claims(FRAME, names=odd), "names")
    refused(lambda: recurate.tables(odd), "folder")


def test_sentences_on_the_page_are_those_that_are_said() -> None:
    (shown,) = re.findall(r"```\n(.*?)\n```", re.sub(r"```(python|bash)\n.*?```", "", PAGE, flags=re.DOTALL), re.DOTALL)
    choices: Any = "4"
    said = [
        refused(lambda: recurate.forecast(FIFTY, choices), "choices"),
        refused(lambda: recurate.forecast([0.0, math.nan]), "rewards"),
    ]
    assert shown.splitlines() == said


# What can be works


def tensor(values: Any, **options: Any) -> Any:
    return pytest.importorskip("torch").tensor(values, **options)


def arrow_array(values: Any) -> Any:
    return pytest.importorskip("pyarrow").array(values)


NUMBERS: dict[str, Any] = {
    "a tuple": tuple, "float16": lambda x: np.array(x, np.float16), "float32": lambda x: np.array(x, np.float32),
    "long double": lambda x: np.array(x, np.longdouble), "big-endian": lambda x: np.array(x, ">f8"),
    "big-endian integers": lambda x: np.array(x, ">i2"), "int8": lambda x: np.array(x, np.int8),
    "integers": lambda x: [int(v) for v in x],
    "every second": lambda x: np.repeat(x, 2)[::2], "backwards": lambda x: np.array(x)[::-1][::-1],
    "a series": pd.Series,
    "an index": pd.Index, "nullable": lambda x: pd.Series(x, dtype="Float64"),
    "nullable integers": lambda x: pd.Series(x, dtype="Int64"),
    "a pandas array": lambda x: pd.array(x, "Float64"), "sparse": lambda x: pd.Series(x).astype(pd.SparseDtype(float)),
    "Arrow": arrow_array,
    "Arrow in pandas": lambda x: pytest.importorskip("pyarrow") and pd.Series(x, dtype="float64[pyarrow]"),
    "a tensor": tensor, "a tensor of integers": lambda x: tensor([int(v) for v in x]),
    "NumPy's numbers": lambda x: [np.float32(v) for v in x],
    "arrays without axes": lambda x: [np.array(v) for v in x], "tensors without axes": lambda x: [tensor(v) for v in x],
    "array.array": lambda x: array.array("d", x), "a memoryview": lambda x: memoryview(np.array(x)),
    "a matrix's row": lambda x: np.asarray(np.array([x]))[0],
    "subclass": lambda x: np.array(x).view(type("Own", (np.ndarray,), {})),
}  # fmt: skip


def read_only(values: Any) -> np.ndarray:
    found = np.array(values)
    found.flags.writeable = False
    return found


@each({**NUMBERS, "read-only": read_only})
def test_rewards_are_taken_from_whatever_holds_numbers(odd: Any) -> None:
    given = [-2.0, -1.0, -1.0, 0.0]
    expected = recurate.forecast(given, 2, 2)
    pd.testing.assert_frame_equal(recurate.forecast(odd(given), 2, 2), expected)
    np.testing.assert_array_equal(recurate.limit(odd(given)), [0, 0, 0, 1])
    kept = recurate.curate(given, given, 2)
    assert recurate.curate(given, odd(given), 2) == kept
    pd.testing.assert_frame_equal(
        recurate.claims({"kl_to_origin": odd([0.0, 1.0])}), recurate.claims({"kl_to_origin": [0, 1]})
    )


@pytest.mark.parametrize("form", [int, float, np.int8, np.uint64, np.float16, np.array, Fraction, tensor])
def test_counts_are_taken_from_whatever_is_a_whole_number(form: Any) -> None:
    pd.testing.assert_frame_equal(
        recurate.forecast(LEVELS, form(2), form(3), supremum=form(1), real_fraction=form(0)),
        recurate.forecast(LEVELS, 2, 3, supremum=1.0),
    )
    positions = np.arange(50)
    kept = recurate.curate(positions, FIFTY, form(2), kept=form(3), generator=form(1))
    assert (kept == recurate.curate(positions, FIFTY, 2, kept=3, generator=1)).all()


def test_metrics_that_rounding_takes_beyond_their_range_are_taken_for_its_end() -> None:
    beyond = {"exp_reward_mean": [0.5, 1 + 1e-9], "top_share": [0.5, 1 + 1e-9], "exp_reward_variance": [0.1, -1e-12]}
    within = {"exp_reward_mean": [0.5, 1.0], "top_share": [0.5, 1.0], "exp_reward_variance": [0.1, 0.0]}
    pd.testing.assert_frame_equal(recurate.claims(beyond), recurate.claims(within))


def test_minus_nothing_is_nothing() -> None:
    pd.testing.assert_frame_equal(recurate.forecast([-0.0, -1.0], real_fraction=-0.0), recurate.forecast([0.0, -1.0]))


@pytest.mark.parametrize("form", [list, tuple, np.array, pd.Series, lambda x: pd.Series(x, dtype="Int64"), tensor])
@pytest.mark.parametrize("kind", [np.uint8, np.uint64, ">i4"])
def test_classes_are_taken_from_whatever_holds_whole_numbers(form: Any, kind: Any) -> None:
    given = np.array([0, 1, 1, 2], kind)
    found = recurate.forecast(LEVELS, classes=form(given) if form is not tensor else form(given.astype(int)))
    assert found.share_1[0] == 0.5


@pytest.mark.parametrize("form", [list, tuple, set, np.array, pd.Index, iter, dict.fromkeys])
def test_names_are_taken_from_whatever_holds_names_once(form: Any) -> None:
    names = form(["lemma_2_2", "theorem_2_1"])
    if isinstance(names, dict):
        names = names.keys()
    assert set(recurate.claims(FRAME, names=names, exact=np.True_).claim) == {"lemma_2_2", "theorem_2_1"}


SAMPLES: dict[str, Any] = {
    "texts": [str(n) for n in range(50)], "dates": np.arange(50).astype("datetime64[D]"),
    "objects": np.array([{}] * 50),
    "records": np.zeros(50, [("a", int)]), "masked": np.ma.masked_equal(np.arange(50), 3),
    "an index": pd.Index(list(range(50))),
    "another index": pd.DataFrame({"x": range(50)}, range(50, 100)),
    "columns twice": pd.DataFrame(np.zeros((50, 2)), columns=["x", "x"]),
    "no columns": pd.DataFrame(index=range(50)), "nullable": pd.array([1, None] * 25, "Int64"),
    "no numbers": np.zeros((50, 0)),
    "categories": pd.Series(["a", "b"] * 25, dtype="category"), "rows": np.zeros((50, 2)).tolist(),
}  # fmt: skip


@each(SAMPLES)
def test_samples_are_kept_of_whatever_kind_they_are(odd: Any) -> None:
    kept = recurate.curate(odd, FIFTY, kept=60)
    assert type(kept) is type(odd) and len(kept) == 60
    assert len(recurate.curate(odd, pd.Series(FIFTY, odd.index) if hasattr(odd, "iloc") else FIFTY)) == 50


def test_arrow_s_samples_are_kept() -> None:
    table = pytest.importorskip("pyarrow").table({"x": range(50), "y": ["a"] * 50})
    for samples in (table, table["x"], arrow_array(range(50))):
        kept = recurate.curate(samples, FIFTY, kept=10)
        assert type(kept) is type(samples) and len(kept) == 10
    assert sorted(recurate.curate(table, FIFTY, 1)["x"].to_pylist()) == list(range(50))


def test_sparse_samples_are_kept() -> None:
    kept = recurate.curate(sparse.csr_matrix(np.eye(50)), FIFTY, kept=10)
    assert kept.shape == (10, 50)


def test_tensors_that_numpy_cannot_read_are_refused_with_its_reason() -> None:
    torch = pytest.importorskip("torch")
    reasons = {
        "requires grad": {"requires_grad": True},
        "BFloat16": {"dtype": torch.bfloat16},
        "meta": {"device": "meta"},
    }
    for reason, options in reasons.items():
        assert reason in refused(lambda options=options: recurate.forecast(torch.zeros(50, **options)), "rewards")
    for kind in (torch.bool, torch.complex64):
        refused(lambda kind=kind: recurate.forecast(torch.zeros(50, dtype=kind)), "rewards")
    for odd in (torch.tensor(True), torch.tensor(1j), torch.zeros(2), torch.tensor(math.nan)):
        refused(lambda odd=odd: recurate.forecast(FIFTY, odd), "choices")


# Tables


@pytest.mark.parametrize(
    "study", sorted(path.parent for path in PUBLISHED.glob("*/*/config.yaml")), ids=lambda p: p.name
)
def test_every_published_study_has_tables_with_what_tells_its_arms_apart(study: Path) -> None:
    arms = yaml.safe_load((study / "config.yaml").read_text(encoding="utf-8"))["arms"]
    found = recurate.tables(study)
    assert "claims" in found
    for name, table in found.items():
        rows = sum(1 for _ in (study / f"{name}.csv").open(encoding="utf-8")) - 1
        assert len(table) == rows
        if "arm" not in table.columns:
            continue
        settings = [column for column in table.columns if "." in str(column)]
        assert len(arms) == 1 or settings
        for arm, row in table.drop_duplicates("arm").set_index("arm").iterrows():
            for column in settings:
                block: Any = arms[str(arm)]
                for key in column.split("."):
                    block = block.get(key) if isinstance(block, dict) else None
                value = row[column]
                assert (block is None and pd.isna(value)) or same(block, value), column


def same(written: object, read: object) -> bool:
    """Whether a value of a data frame is that of a YAML file, lists being tuples."""
    if isinstance(written, list):
        return isinstance(read, Sequence) and all(same(*pair) for pair in zip(written, read, strict=True))
    return bool(written == read)


def test_parameters_and_settings_that_differ_and_no_others_become_columns(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("study,arm,generation,seed,metric,value\ns,a,0,0,m,1.5\ns,b,0,0,m,nan\n")
    (tmp_path / "cost.csv").write_text("rule,note\ntrain,\n")
    arms = {
        "a": {"title": "one", "reward": {"kind": "x", "target": [0, 1]}, "curation": {"choices": 1}, "sampler": None},
        "b": {
            "title": "two",
            "reward": {"kind": "x", "target": [1, 1]},
            "curation": {"choices": 1.0},
            "parameters": {"choices": 1},
        },
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"arms": arms}))
    found = recurate.tables(tmp_path)
    assert list(found["cost"].columns) == ["rule", "note"]
    metrics = found["metrics"]
    assert list(metrics.columns[6:]) == ["choices", "reward.target"] and list(metrics["metric"]) == ["m", "m"]
    assert list(metrics["reward.target"]) == [(0, 1), (1, 1)]
    assert math.isnan(metrics.value[1])


def test_tables_of_no_study_are_refused(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("arm,value\na,1\n")
    assert "it holds no config.yaml" in refused(lambda: recurate.tables(tmp_path), "folder")


@pytest.mark.parametrize(
    "table", [b"", b"arm,value\na,1,2,3\n", b"arm,value\na\n", b"a,a\n", b"\xff\xfe\x00", b'"arm\n']
)
def test_a_table_that_cannot_be_read_is_named(tmp_path: Path, table: bytes) -> None:
    (tmp_path / "metrics.csv").write_bytes(table)
    (tmp_path / "config.yaml").write_text("arms: {a: {title: one}}")
    with pytest.raises(recurate.RecurateError, match=r"metrics\.csv: cannot be read as a table \(") as caught:
        recurate.tables(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("config", ["", "- a", "arms: 3", "arms: {a: 3}", "arms: [", b"\xff\xfe"])
def test_tables_without_settings_that_can_be_read_are_a_sentence(tmp_path: Path, config: str | bytes) -> None:
    (tmp_path / "metrics.csv").write_text("arm,value\na,1\n")
    (tmp_path / "config.yaml").write_bytes(config if isinstance(config, bytes) else config.encode())
    with pytest.raises(recurate.RecurateError, match=r"config\.yaml: "):
        recurate.tables(tmp_path)


# Components in Python


def test_a_component_built_in_python_knows_its_kind(tmp_path: Path) -> None:
    assert BradleyTerry(choices=4, kept=10) == load(Curation, {"kind": "bradley_terry", "choices": 4, "kept": 10})
    path = tmp_path / "first.py"
    path.write_text(
        "from recurate.curation import Choice, Curation\n\n\nclass First(Curation):\n"
        "    kept: int = 1\n\n    def keep(self, rewards, generator, prompts=None):\n        return Choice([0])\n"
    )
    built = component_class(Curation, str(path))()
    assert built.kind == str(path) and built.is_own


# Installed


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of a new environment with the library installed into it, which has no networks."""
    folder = tmp_path_factory.mktemp("installed")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, source)
    left_out = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "scripts", source / "scripts", ignore=left_out)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    python = folder / "env/bin/python"
    (site,) = folder.glob("env/lib/python*/site-packages")
    (site / "others.pth").write_text(str(Path(np.__file__).parents[1]))
    (site / "torch.py").write_text(NO_TORCH)
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--disable-pip-version-check", source], check=True)
    shutil.rmtree(source)
    return python


def run(python: Path, folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([python, "-c", code], cwd=folder, text=True, capture_output=True)


def test_the_installed_library_is_the_one_that_is_imported_with_its_types_and_templates(
    installed: Path, tmp_path: Path
) -> None:
    code = (
        "import importlib.metadata, pathlib, recurate\n"
        "folder = pathlib.Path(recurate.__file__).parent\n"
        "assert (folder / 'py.typed').exists() and (folder / 'report/report.html.j2').exists()\n"
        "print(folder, recurate.__version__, importlib.metadata.version('recurate'))"
    )
    done = run(installed, tmp_path, code)
    assert done.returncode == 0, done.stderr
    folder, *versions = done.stdout.split()
    assert Path(folder).is_relative_to(installed.parents[1]) and versions == [recurate.__version__] * 2


def test_importing_it_is_quick_for_it_imports_nothing_else(installed: Path, tmp_path: Path) -> None:
    heavy = {"numpy", "pandas", "pydantic", "scipy", "yaml"}
    code = f"import sys, recurate; print(sorted({{name.partition('.')[0] for name in sys.modules}} & {heavy}))"
    assert run(installed, tmp_path, code).stdout == "[]\n"


def test_the_ten_lines_of_its_page_run_from_another_folder_in_another_environment(
    installed: Path, tmp_path: Path
) -> None:
    lines = [line for line in BLOCKS[0].splitlines() if line]
    assert len(lines) <= 10
    done = run(installed, tmp_path, BLOCKS[0] + "assert liked[:, 0].mean() > samples[:, 0].mean() + 0.2")
    assert done.returncode == 0, done.stderr
    assert "supported" in done.stdout and "contradicted" not in done.stdout


@pytest.mark.parametrize("block", BLOCKS[1:])
def test_the_other_lines_of_its_page_run_in_the_checkout(installed: Path, block: str) -> None:
    done = run(installed, ROOT, block)
    assert done.returncode == 0, done.stderr


def test_metadata_are_read_as_the_page_on_architecture_says(installed: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "read_metadata" in block]
    (path,) = re.findall(r'read_metadata\("(.*)"\)', code)
    (tmp_path / path).parent.mkdir(parents=True)
    write_arrays(tmp_path / path, {"loss": np.zeros(3)}, {"generation": "0"})
    done = run(installed, tmp_path, code.replace("read_metadata(", "print(read_metadata(").rstrip() + ")")
    assert done.returncode == 0 and "'generation': '0'" in done.stdout, done.stderr


def test_the_page_has_every_name_with_its_arguments() -> None:
    named = dict(re.findall(r"^\| `(\w+)\((.*?)\)` \|", PAGE, re.MULTILINE))
    functions = {name for name in recurate.__all__ if inspect.isfunction(getattr(recurate, name))}
    assert set(named) == functions
    for name, arguments in named.items():
        signature = inspect.signature(getattr(recurate, name))
        bare = [part.replace(annotation=inspect.Parameter.empty) for part in signature.parameters.values()]
        assert f"({arguments})" == str(inspect.Signature(bare))


def test_a_name_that_there_is_not_is_an_error_that_lists_those_there_are() -> None:
    with pytest.raises(
        AttributeError, match="no attribute 'curat'; it gives RecurateError, __version__, claims, curate"
    ):
        recurate.curat  # type: ignore[attr-defined]  # noqa: B018
    assert dir(recurate) == recurate.__all__


def test_the_version_is_one_everywhere() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == recurate.__version__
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    released = [heading for heading in headings if heading != "Unreleased"]
    assert released[0] == f"{recurate.__version__} - {citation['date-released']}"
