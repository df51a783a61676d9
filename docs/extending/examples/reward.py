from pydantic import Field

from recurate.curation.rewards import Reward
from recurate.foundation.lazy import np


class Upwards(Reward):
    """Everything above a line is equally good."""

    height: float = Field(0.0, description="height of the line")

    @property
    def supremum(self):
        return 0.0

    def __call__(self, x, scorer):
        return np.minimum(0.0, x[:, 1] - self.height)
