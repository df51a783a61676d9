from recurate.curation import Choice, Curation
from recurate.foundation.lazy import np


class BestOfFour(Curation):
    """From four samples the one of the highest reward; among equals the first."""

    def keep(self, rewards, generator, prompts=None):
        shown = np.stack([generator.permutation(len(rewards))[:4] for _ in range(self.kept)])
        return Choice(np.take_along_axis(shown, rewards[shown].argmax(axis=1)[:, None], axis=1)[:, 0], shown)

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
