"""A curation of a user's own: forecast by its own operator, or not at all, with the reason among the claims."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_kinds import KEEP, OPERATOR, SUM_OF_TWO, TWO_PARTS, of_four
from pydantic import ValidationError
from script import call
from study_setup import changed, complaint, read
from theory_setup import check_arm

import curate
from recurate.curation import Choice, Curation
from recurate.curation.bradley_terry import BradleyTerry
from recurate.curation.parts import choice_check
from recurate.curation.parts.choice_check import check_operator
from recurate.curation.parts.scoring import scored
from recurate.curation.rewards import Reward
from recurate.files.arrays import read_arrays, write_arrays
from recurate.foundation.components import load
from recurate.foundation.errors import RecurateError
from recurate.measuring.every_arm import of_curated
from recurate.mixing.trained import Mixing
from recurate.stages.claims import ArmOfClaims
from recurate.study.simulated_arm import SimulatedArm
from recurate.theory.claims import CLAIMS
from recurate.theory.forecast import forecast, statistics

REWARDS = np.array([-3.0, -2.0, -1.0, 0.0])


@pytest.fixture
def with_operator(tmp_path: Path) -> Curation:
    path = tmp_path / "best_of_four.py"
    path.write_text(KEEP + OPERATOR)
    return load(Curation, {"kind": str(path), "kept": 50})


@pytest.fixture
def without_operator(tmp_path: Path) -> Curation:
    path = tmp_path / "only_keeps.py"
    path.write_text(KEEP)
    return load(Curation, {"kind": str(path), "kept": 50})


@pytest.mark.parametrize("real_fraction", [0.0, 0.25])
@pytest.mark.parametrize("rewards", [REWARDS, np.array([0.0, -1.0, 0.0, -2.0, -1.0])])
def test_the_forecast_is_that_of_its_own_operator(
    with_operator: Curation, rewards: np.ndarray, real_fraction: float
) -> None:
    operator = with_operator.operator(rewards)
    assert operator is not None and with_operator.has_operator
    expected = np.full(len(rewards), 1 / len(rewards))
    mixing = Mixing(real_fraction=real_fraction)
    for weights in forecast(operator, len(rewards), mixing, 3):
        np.testing.assert_allclose(weights, expected, atol=1e-12)
        expected = real_fraction / len(rewards) + (1 - real_fraction) * of_four(expected, rewards)


def test_the_best_of_four_is_not_forecast_as_bradley_terry(with_operator: Curation) -> None:
    people = load(Curation, {"kind": "bradley_terry", "choices": 4, "kept": 50})
    gains = []
    for curation in (with_operator, people):
        operator = curation.operator(REWARDS)
        assert operator is not None
        _, after = forecast(operator, len(REWARDS), Mixing(real_fraction=0.0), 1)
        gains.append(statistics(after, REWARDS, 0.0)["exp_reward_mean"])
    kept = [with_operator.keep(np.tile(REWARDS, 500), np.random.default_rng(seed)).kept for seed in range(400)]
    assert np.exp(np.tile(REWARDS, 500)[np.concatenate(kept)]).mean() == pytest.approx(gains[0], abs=0.01)
    # (4^4 - 3^4 + (3^4 - 2^4) / e + (2^4 - 1) / e^2 + 1 / e^3) / 4^4
    assert gains[0] == pytest.approx((175 + 65 / np.e + 15 / np.e**2 + 1 / np.e**3) / 256)
    assert gains[0] - gains[1] == pytest.approx(0.15, abs=0.005)


@pytest.mark.parametrize("claim", CLAIMS)
def test_without_an_operator_the_claims_say_why_there_is_nothing_to_compare_with(
    without_operator: Curation, claim: str
) -> None:
    assert without_operator.operator(REWARDS) is None and not without_operator.has_operator
    loop = ArmOfClaims(curation=without_operator, mixing=Mixing(real_fraction=0.5), is_biased=False).loop("s", "a")
    (row,) = check_arm(loop, {"exp_reward_mean": np.ones((2, 2))}, "measured", [claim])
    assert row["verdict"] == "not applicable"
    assert "this curation gives no exact operator" in row["note"]


def test_published_claims_are_about_bradley_terry_and_say_so(with_operator: Curation) -> None:
    loop = ArmOfClaims(curation=with_operator, mixing=Mixing(real_fraction=0.0), is_biased=False).loop("s", "a")
    rows = check_arm(loop, {"exp_reward_mean": np.ones((2, 2))}, "forecast")
    notes = {row["claim"]: row["note"] for row in rows}
    assert all("K-wise Bradley-Terry" in notes[name] for name in CLAIMS if name != "kl_from_reference")
    assert "infinite" in notes["kl_from_reference"]


# Rewards that are vectors


@pytest.fixture
def two_parts(tmp_path: Path) -> dict[str, dict[str, object]]:
    (tmp_path / "two_parts.py").write_text(TWO_PARTS)
    (tmp_path / "sum_of_two.py").write_text(SUM_OF_TWO)
    return {
        "reward": {"kind": str(tmp_path / "two_parts.py")},
        "curation": {"kind": str(tmp_path / "sum_of_two.py"), "kept": 20},
    }


def test_a_reward_of_several_numbers_goes_to_a_curation_that_takes_them(
    tmp_path: Path, two_parts: dict[str, dict[str, object]]
) -> None:
    x = np.random.default_rng(0).normal(size=(2, 60, 2)).astype(np.float32)
    write_arrays(tmp_path / "samples", {"x": x}, {})
    spec = {"data": {"kind": "two_moons"}, "judge": None, "model": None, **two_parts}
    call(
        curate.main,
        str(tmp_path / "samples"),
        str(tmp_path / "curated"),
        spec,
        code="c",
        seeds=[0, 1],
        generation=0,
        threads=1,
    )
    curated = read_arrays(tmp_path / "curated")
    assert curated["reward"].shape == (2, 60, 2)
    sums = np.minimum(x - 1, 0).sum(axis=2)
    for seed in range(2):
        assert set(curated["index"][seed]) == set(np.argsort(sums[seed])[-20:])
    of_seed = {name: array[0] for name, array in curated.items()}
    found = of_curated(of_seed, 0.0, 2, ("right", "up"))
    assert found["reward_mean"] == pytest.approx(sums[0].mean(), rel=1e-6)
    assert found["reward_mean_right"] == pytest.approx(np.minimum(x[0, :, 0] - 1, 0).mean(), rel=1e-6)
    assert found["reward_mean_up"] == pytest.approx(np.minimum(x[0, :, 1] - 1, 0).mean(), rel=1e-6)
    assert found["curation_reward_after"] > found["curation_reward_before"]


def test_a_curation_that_chooses_by_one_number_is_refused_a_reward_of_several(
    tmp_path: Path, two_parts: dict[str, dict[str, object]]
) -> None:
    (line,) = complaint(changed(("arms.curated.reward", two_parts["reward"])), tmp_path)
    assert "arms.curated.curation: bradley_terry chooses by one number" in line and line.endswith("right, up")
    study = read(changed(*((f"arms.curated.{key}", value) for key, value in two_parts.items())), tmp_path)
    assert study.arms["curated"].reward.components == ("right", "up")


def test_a_simulated_loop_is_refused_a_reward_of_several_numbers(two_parts: dict[str, dict[str, object]]) -> None:
    arm = {
        "estimator": {"kind": "gaussian", "dimensions": 2},
        "mixing": {"regime": "replace", "initial": 100},
        **two_parts,
    }
    with pytest.raises(ValidationError, match=r"two_parts\.py gives several numbers, simulated loops choose by one"):
        SimulatedArm.model_validate(arm)


def test_a_reward_of_the_wrong_shape_is_a_sentence(tmp_path: Path, two_parts: dict[str, dict[str, object]]) -> None:
    (tmp_path / "two_parts.py").write_text(TWO_PARTS.replace("np.minimum(x - 1.0, 0.0)", "np.minimum(x[:, 0] - 1, 0)"))
    reward = load(Reward, two_parts["reward"])
    with pytest.raises(RecurateError, match=r"two_parts.py: __call__ gave float32 of shape \(60,\); wanted"):
        scored(reward, np.zeros((1, 60, 2), np.float32), [None], "samples")


# What it does beside what it says


def curated_by(tmp_path: Path, body: str, *, choices: int = 60, prompts: bool = False, generation: int = 0) -> Path:
    """Curate two seeds of 90 samples with a curation of one's own; gives the file of what was kept."""
    (tmp_path / "own.py").write_text(body)
    generator = np.random.default_rng(0)
    arrays = {"x": (3 * generator.normal(size=(2, 90, 2))).astype(np.float32)}
    write_arrays(tmp_path / "samples", arrays, {})
    spec = {
        "data": {"kind": "two_moons"},
        "judge": None,
        "model": None,
        "reward": {"kind": "clipped_distance", "target": [4.0, 0.0]},
        "curation": {"kind": str(tmp_path / "own.py"), "kept": choices},
    }
    curated = tmp_path / "curated"
    call(
        curate.main,
        str(tmp_path / "samples"),
        str(curated),
        spec,
        code="c",
        seeds=[3, 5],
        generation=generation,
        threads=1,
    )
    return curated


def test_a_curation_that_does_what_its_operator_says_is_taken(tmp_path: Path) -> None:
    assert read_arrays(curated_by(tmp_path, KEEP + OPERATOR))["index"].shape == (2, 60)


@pytest.mark.parametrize("seen", [1, 2, 8])
def test_a_curation_whose_operator_is_of_other_choices_is_a_sentence_and_writes_nothing(
    tmp_path: Path, seen: int
) -> None:
    sentence = (
        r"curation: the operator of .*own\.py is not that of its choices: the \d in 10 samples of lowest (ratio|reward)"
        r" are 0\.\d+ of what it says is kept and [01]\.\d+ of what 1,000 curations kept; mend operator or keep"
    )
    with pytest.raises(RecurateError, match=sentence):
        curated_by(tmp_path, KEEP.replace("[:4]", f"[:{seen}]") + OPERATOR)
    assert not (tmp_path / "curated").exists()


def test_it_is_looked_at_before_the_first_generation_alone(tmp_path: Path) -> None:
    assert curated_by(tmp_path, KEEP.replace("[:4]", "[:1]") + OPERATOR, generation=1).exists()


def test_choices_that_take_too_long_to_compare_are_taken_and_the_log_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(choice_check, "SECONDS", 0)
    curated_by(tmp_path, KEEP.replace("[:4]", "[:1]") + OPERATOR)
    assert "own.py was not compared with its choices: 1 took 0 s" in capsys.readouterr().out


def test_shipped_curations_pass_the_check() -> None:
    """Few samples, many choices, ties, far more kept than samples: nothing of that is a disagreement."""
    rewards = np.random.default_rng(1).normal(size=40).astype(np.float32)
    prompts = np.repeat(np.arange(10), 4)
    for choices, kept in ((1, 40), (4, 10), (4, 400), (16, 40), (np.inf, 40)):
        people = load(Curation, {"kind": "bradley_terry", "choices": choices, "kept": kept})
        check_operator(people, rewards, None, 0)
        check_operator(people, np.round(rewards), None, 0)
        if choices in (1, 4):
            among = people.model_copy(update={"among": "prompt"})
            check_operator(among, rewards, prompts, 0)


def test_choices_that_all_hang_together_are_no_disagreement() -> None:
    """One of a thousand decides for all that is kept, which differs from call to call by all there is."""

    class OneForAll(BradleyTerry):
        def keep(self, rewards: Any, generator: Any, prompts: Any = None) -> Choice:
            return Choice(np.repeat(super().keep(rewards, generator).kept[:1], self.kept))

    rewards = np.random.default_rng(1).normal(size=40).astype(np.float32)
    for seed in range(20):
        check_operator(OneForAll(kind="bradley_terry", choices=4, kept=50), rewards, None, seed)


def test_the_bound_keeps_its_promise_for_shares_that_are_all_or_nothing() -> None:
    """Rare shares of 1 among shares of 0 are the hardest: refused are fewer than promised, here 1 in 100."""
    generator = np.random.default_rng(0)
    for rate in (0.0005, 0.002, 0.01, 0.5):
        shares = (generator.random((1_000, 3_000, 1)) < rate).astype(float)
        refused = np.abs(shares.mean(axis=0) - rate) > choice_check.deviation(shares[:, :, 0], 1, 0.01)
        assert refused.mean() <= 0.01


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ("np.array([0, 90])", r": keep gave the sample 90; there are 0 to 89; mend it"),
        ("np.array([-1, 3])", r": keep gave the sample -1; there are 0 to 89; mend it"),
        ("np.array([0.5, 3.0])", r": keep gave float64 of shape \(2,\); wanted is an array of whole numbers"),
        ("np.zeros((2, 2), int)", r": keep gave int64 of shape \(2, 2\); wanted is an array of whole numbers"),
        ("np.zeros(0, int)", r": keep gave none of 90 samples; mend it"),
        ("np.arange(1 + rewards.argmax())", r": keep gave \d+ of 90 samples; by its settings it keeps"),
    ],
)
def test_what_is_kept_must_be_some_of_the_samples(tmp_path: Path, kept: str, said: str) -> None:
    before, _, _ = KEEP.partition("        shown =")
    with pytest.raises(RecurateError, match=rf"curation: .*own\.py{said}"):
        curated_by(tmp_path, f"{before}        return Choice({kept})\n")
    assert not (tmp_path / "curated").exists()


@pytest.mark.parametrize("ratio", ["np.full(len(self.position), np.nan)", "np.zeros(len(self.position))", "gain"])
def test_an_operator_without_a_ratio_for_every_sample_is_a_sentence(tmp_path: Path, ratio: str) -> None:
    with pytest.raises(RecurateError, match=r"own\.py: the ratio of its operator gave"):
        curated_by(tmp_path, KEEP + OPERATOR.replace("return gain[self.position]", f"return {ratio}"))


@pytest.mark.parametrize(("shown", "is_taken"), [(1, True), (4, False)])
def test_a_curation_that_says_it_asks_no_rewards_asks_none(tmp_path: Path, shown: int, is_taken: bool) -> None:
    says = "\n    @property\n    def asks_rewards(self):\n        return False\n"
    code = KEEP.replace("[:4]", f"[:{shown}]") + says
    if is_taken:
        assert curated_by(tmp_path, code).exists()
        return
    with pytest.raises(RecurateError, match=r"own\.py: asks_rewards is False, but keep looks at rewards"):
        curated_by(tmp_path, code)
    assert not (tmp_path / "curated").exists()
