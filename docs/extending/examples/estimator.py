from pydantic import Field

from recurate.closed_form.estimators import Estimator
from recurate.closed_form.samples import Samples
from recurate.foundation.lazy import np


class Uniform(Estimator):
    """The uniform law from 0 to a width, which is fitted by the largest sample."""

    width: float = Field(1.0, gt=0, description="width of the real data's law")

    def truth(self, initial, randoms):
        return np.full(len(randoms), self.width)

    def fit(self, pool, randoms):
        return pool.x[:, :, 0].max(axis=1)

    def sample_pool(self, model, n, randoms, bias=1.0, explicit=False):
        return Samples(self.samples(model, n, randoms))

    def samples(self, model, n, randoms, bias=1.0):
        return model[:, None, None] * randoms.draw(lambda generator, loops: generator.random((loops, n, 1)))

    def pool_of(self, x, explicit=False):
        return Samples(x)

    def holds_samples(self, rule):
        return True

    @property
    def measures(self):
        return {"width": lambda model: model}
