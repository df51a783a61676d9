"""Kernel density estimation in any number of dimensions, from the samples themselves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, SerializeAsAny

from recurate.closed_form.estimators import Estimator, Measure
from recurate.closed_form.loop import Preference
from recurate.closed_form.samples import Samples
from recurate.data import Data, SampledData
from recurate.foundation.components import embedded
from recurate.foundation.lazy import np
from recurate.foundation.terms import Term

if TYPE_CHECKING:
    import numpy

    from recurate.closed_form.streams import Replicates
    from recurate.data import RealData
    from recurate.foundation.types import Array
    from recurate.mixing.regimes import Regime, Sizes


@dataclass(frozen=True)
class Points:
    """Samples, held-out points (R, tests, d), and log sum_i exp(-|test - x_i|^2 / 2 h^2), (R, tests).

    The sums are kept because they add up: a pool's log-likelihood costs nothing but that of what it gained.
    """

    samples: Samples
    tests: Array
    log_sums: Array
    bandwidth: float

    @property
    def size(self) -> int:
        return self.samples.size

    def __add__(self, other: Points) -> Points:
        sums = np.logaddexp(self.log_sums, other.log_sums)
        return Points(self.samples + other.samples, self.tests, sums, self.bandwidth)

    def subset(self, size: int, randoms: Replicates) -> Points:
        """A uniformly random subset, without replacement."""
        return points(self.samples.subset(size, randoms), self.tests, self.bandwidth)


def points(samples: Samples, tests: Array, bandwidth: float) -> Points:
    """Samples with their sums at the held-out points."""
    sums = [_log_sums(x, t, bandwidth) for x, t in zip(samples.x, tests, strict=True)]
    return Points(samples, tests, np.stack(sums), bandwidth)


def _log_sums(x: Array, tests: Array, bandwidth: float) -> Array:
    from scipy.spatial.distance import cdist
    from scipy.special import logsumexp

    return logsumexp(-cdist(tests, x, "sqeuclidean") / (2 * bandwidth**2), axis=1)


class Kde(Estimator[Points, Points, Points]):
    """Resampling a pool with normal noise of a fixed bandwidth; measured by the likelihood of held-out real data.

    Kazdan et al. (2410.16713).
    """

    terms: ClassVar[tuple[Term, ...]] = (
        Term("test_negative_log_likelihood", "mean of -log p over held-out data", "nats"),
        Term("variance", "mean over coordinates of the fitted density's variance", "of the data, squared"),
    )

    data: Annotated[SerializeAsAny[Data], embedded(Data)] = Field(
        description="the real data; its `test` is the number of held-out points of each seed"
    )
    bandwidth: float = Field(gt=0, description="standard deviation of the kernel, in data units")

    @property
    def coordinates(self) -> int:
        return math.prod(self.data.description.shape)

    def truth(self, initial: int, randoms: Replicates) -> Points:
        """Held-out points, and no samples yet."""
        tests = randoms.sample(lambda generator: self._load(generator, 1).test_x.astype(np.float64))
        nothing = Samples(np.empty((len(tests), 0, self.coordinates)))
        return Points(nothing, tests, np.full(tests.shape[:2], -np.inf), self.bandwidth)

    def real(
        self, truth: Points, n: int, randoms: Replicates, wrong_share: float = 0.0, explicit: bool = False
    ) -> Points:
        x = randoms.sample(lambda generator: self._load(generator, n).train_x.astype(np.float64))
        return points(Samples(x), truth.tests, self.bandwidth)

    def _load(self, generator: numpy.random.Generator, n: int) -> RealData:
        return self.data.model_validate({**self.data.model_dump(), "train": n}).load(generator)

    def holds_samples(self, rule: Regime) -> bool:
        return True

    def check(self, rule: Regime, sizes: Sizes) -> None:
        if not isinstance(self.data, SampledData):
            raise ValueError(f"data: {self.data.kind} is no source of endless samples; choose a data set that is drawn")

    def fit(self, pool: Points, randoms: Replicates) -> Points:
        return pool

    def sample_pool(
        self, model: Points, n: int, randoms: Replicates, bias: float = 1.0, explicit: bool = False
    ) -> Points:
        return points(Samples(self.samples(model, n, randoms)), model.tests, self.bandwidth)

    def samples(self, model: Points, n: int, randoms: Replicates, bias: float = 1.0) -> Array:
        rows = randoms.draw(lambda generator, loops: generator.integers(model.size, size=(loops, n)))
        noise = randoms.draw(lambda generator, loops: generator.standard_normal((loops, n, self.coordinates)))
        return np.take_along_axis(model.samples.x, rows[..., None], axis=1) + self.bandwidth * noise

    def curated(
        self,
        model: Points,
        n: int,
        preference: Preference,
        randoms: Replicates,
        bias: float = 1.0,
        explicit: bool = False,
    ) -> tuple[Points, Mapping[str, Array]]:
        kept, moments = self.kept(model, n, preference, randoms, bias)
        return points(Samples(kept), model.tests, self.bandwidth), moments

    @property
    def measures(self) -> Mapping[str, Measure[Points]]:
        return {"test_negative_log_likelihood": self._loss, "variance": _variance}

    def _loss(self, model: Points) -> Array:
        """Mean of -log p over the held-out points, in nats."""
        constant = np.log(model.size) + self.coordinates / 2 * np.log(2 * np.pi * self.bandwidth**2)
        return constant - model.log_sums.mean(axis=1)

    def parameters(self, model: Points) -> dict[str, Array]:
        return {"points": model.samples.x}


def _variance(model: Points) -> Array:
    """Mean variance over coordinates of the estimated density."""
    return model.samples.x.var(axis=1).mean(axis=1) + model.bandwidth**2
