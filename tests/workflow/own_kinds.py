"""Kinds of a user's own, outside the library, and what theory should say of them."""

from __future__ import annotations

import itertools

import numpy as np

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
