"""A curation of a user's own: forecast by its own operator, or not at all, with the reason among the claims."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from recurate.curation import Curation
from recurate.foundation.components import load
from recurate.mixing.trained import Mixing
from recurate.stages.claims import ArmOfClaims
from recurate.theory.claims import CLAIMS, check_claims
from recurate.theory.forecast import forecast, statistics

KEEP = '''
import numpy as np
from pydantic import Field
from recurate.curation import Choice, Curation


class BestOfFour(Curation):
    """From four samples the one of the highest reward; among equals the first."""

    kept: int = Field(ge=1, description="number of choices made")

    def keep(self, rewards, generator, prompts=None):
        shown = np.stack([generator.permutation(len(rewards))[:4] for _ in range(self.kept)])
        return Choice(np.take_along_axis(shown, rewards[shown].argmax(axis=1)[:, None], axis=1)[:, 0], shown)
'''
OPERATOR = '''
    def operator(self, rewards, prompts=None):
        return Best(rewards)


class Best:
    """P(the best of four has a reward r) is F(r)^4 - F(r-)^4, shared among the samples of that reward."""

    def __init__(self, rewards):
        self.levels, self.position = np.unique(rewards, return_inverse=True)

    def ratio(self, weights):
        mass = np.bincount(self.position, np.asarray(weights) / np.sum(weights), minlength=len(self.levels))
        below = np.cumsum(mass) - mass
        gain = np.divide((below + mass) ** 4 - below**4, mass, out=np.zeros_like(mass), where=mass > 0)
        return gain[self.position]
'''
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


def enumerated(weights: np.ndarray, rewards: np.ndarray) -> np.ndarray:
    """Weights of what is kept of four, over all fours of samples drawn with these weights."""
    kept = np.zeros(len(rewards))
    for four in itertools.product(range(len(rewards)), repeat=4):
        best = max(rewards[list(four)])
        winners = [place for place in four if rewards[place] == best]
        for winner in winners:
            kept[winner] += weights[list(four)].prod() / len(winners)
    return kept


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
        expected = real_fraction / len(rewards) + (1 - real_fraction) * enumerated(expected, rewards)


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
    (row,) = check_claims(loop, {"exp_reward_mean": np.ones((2, 2))}, "measured", [claim])
    assert row["verdict"] == "not applicable"
    assert "this curation gives no exact operator" in row["note"]


def test_published_claims_are_about_bradley_terry_and_say_so(with_operator: Curation) -> None:
    loop = ArmOfClaims(curation=with_operator, mixing=Mixing(real_fraction=0.0), is_biased=False).loop("s", "a")
    rows = check_claims(loop, {"exp_reward_mean": np.ones((2, 2))}, "forecast")
    notes = {row["claim"]: row["note"] for row in rows}
    assert all("K-wise Bradley-Terry" in notes[name] for name in CLAIMS if name != "kl_from_reference")
    assert "infinite" in notes["kl_from_reference"]
