"""The forecast of K-wise choices, of one reward or of several, as tests ask for it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from recurate.curation.bradley_terry import BradleyTerry
from recurate.curation.parts.keep_operator import KeepOperator, check_rewards
from recurate.foundation.errors import RecurateError
from recurate.theory import forecast as theory
from recurate.theory.checking import Observed, check_claims
from recurate.theory.claims import ClosedLoop
from recurate.theory.verdicts import ClaimRow


def check_arm(loop: ClosedLoop, values: dict[str, Any], source: str, claims: list[str] | None = None) -> list[ClaimRow]:
    """Claims on a study of one arm and source."""
    return check_claims([Observed(loop, source, values)], claims)


class Mixture:
    """The operator of curation events that each use the j-th reward with probability q_j: H = sum_j q_j H^(j)."""

    def __init__(self, rewards: list[tuple[float, Any]], choices: float) -> None:
        self.operators = [(share, KeepOperator(values, choices)) for share, values in rewards]

    def ratio(self, weights: Any) -> Any:
        return sum(share * operator.ratio(weights) for share, operator in self.operators)


def forecast(
    rewards: Any,
    choices: float,
    real_fraction: float,
    generations: int,
    regime: Any = None,
    prompts: Any = None,
) -> Iterator[Any]:
    """Weights of the samples in generations 0, 1, .., for K-wise choices."""
    mixing = theory.infinite(regime, real_fraction)
    if isinstance(rewards, list) and isinstance(rewards[0], tuple):
        return theory.forecast(Mixture(rewards, choices), len(rewards[0][1]), mixing, generations)
    among = "all" if prompts is None else "prompt"
    people = BradleyTerry.model_construct(kind="bradley_terry", choices=choices, kept=1, among=among)
    values = check_rewards(rewards)
    answers = None if prompts is None else np.asarray(prompts)
    return theory.forecast(people.operator(values, answers), len(values), mixing, generations)


def keep_ratio(log_weights: Any, rewards: Any, choices: float) -> Any:
    """The keep ratio H of K-wise curation once, given log probabilities of the samples up to a constant."""
    logs = np.asarray(log_weights, dtype=np.float64)
    top = logs.max(initial=-math.inf)
    if not math.isfinite(top):
        raise RecurateError("Log weights must hold at least one finite number and neither nan nor +inf.")
    return KeepOperator(rewards, choices, memory_budget=0).ratio(np.exp(logs - top))
