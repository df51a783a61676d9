"""Kinds of a user's own, outside the library, and what theory should say of them."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np

EXAMPLES = Path(__file__).parents[2] / "docs/extending/examples"
_KEEP, _DEF, _OPERATOR = (EXAMPLES / "curation.py").read_text().partition("\n    def operator")
KEEP, OPERATOR = _KEEP, _DEF + _OPERATOR  # the best of four, and what it says of itself
LEVELS = '''
import numpy as np
from recurate.curation.rewards import Reward


class Levels(Reward):
    """0, -1, -2 or -3, the farther down the less."""

    @property
    def supremum(self):
        return 0.0

    def __call__(self, x, scorer):
        return -np.clip(np.floor(2 - x[:, 1]), 0, 3)
'''
TWO_PARTS = '''
import numpy as np
from recurate.curation.rewards import Reward


class TwoParts(Reward):
    """Two rewards of one sample: for lying on the right, and for lying far up."""

    components = ("right", "up")

    @property
    def supremum(self):
        return 0.0

    def __call__(self, x, scorer):
        return np.minimum(x - 1.0, 0.0)
'''
SUM_OF_TWO = '''
import numpy as np
from pydantic import Field
from recurate.curation import Choice, Curation


class SumOfTwo(Curation):
    """The samples of the largest sum of two rewards."""

    takes_vectors = True

    kept: int = Field(ge=1, description="number of samples kept")

    def keep(self, rewards, generator, prompts=None):
        return Choice(np.argsort(rewards.sum(axis=1), kind="stable")[-self.kept :])
'''


def of_four(weights: np.ndarray, rewards: np.ndarray) -> np.ndarray:
    """Weights of what is kept of four, over all fours of samples drawn with these weights."""
    kept = np.zeros(len(rewards))
    for four in itertools.product(range(len(rewards)), repeat=4):
        best = max(rewards[list(four)])
        winners = [place for place in four if rewards[place] == best]
        for winner in winners:
            kept[winner] += weights[list(four)].prod() / len(winners)
    return kept
