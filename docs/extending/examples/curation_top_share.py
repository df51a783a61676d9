from recurate.curation import Choice, Curation
from recurate.foundation.lazy import np


class TopShare(Curation):
    """The samples of the highest reward: of 400 samples with `kept: 40` the top tenth; among equals any."""

    def check(self, samples):
        if self.kept > samples:
            raise ValueError(f"kept: {self.kept} is more than the {samples} samples there are; keep a share of them")

    def keep(self, rewards, generator, prompts=None):
        order = generator.permutation(len(rewards))
        return Choice(order[np.argsort(-rewards[order], kind="stable")[: self.kept]])

    def operator(self, rewards, prompts=None):
        return Top(rewards, self.kept / len(rewards))


class Top:
    """All above the (1 - share)-quantile of the rewards is kept, nothing below it, of those at it what is left."""

    def __init__(self, rewards, share):
        self.levels, self.position = np.unique(rewards, return_inverse=True)
        self.share = share

    def ratio(self, weights):
        mass = np.bincount(self.position, np.asarray(weights) / np.sum(weights), minlength=len(self.levels))
        above = np.cumsum(mass[::-1])[::-1] - mass
        kept = np.clip(self.share - above, 0.0, mass)
        gain = np.divide(kept, mass * self.share, out=np.zeros_like(mass), where=mass > 0)
        return gain[self.position]
