"""The closed-form loop: fit, sample, curate, pool, fit again, all seeds at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from recurate.mixing.regimes import pools

if TYPE_CHECKING:
    from recurate.closed_form.estimators import Estimator, Model, Pool, Seen
    from recurate.closed_form.loop import SimulatedLoop
    from recurate.closed_form.streams import Replicates
    from recurate.foundation.types import Array


POOL_BYTES = 1_000_000_000  # of all pools that are advanced together
GROWTH = 3  # a pool that outgrows its buffer is copied into one of twice the size


def blocks(estimator: Estimator, loop: SimulatedLoop, seeds: Sequence[int], loops: int = 1) -> Iterator[Sequence[int]]:
    """Seeds of so many loops each to advance together: all, unless pools of samples would take more than a gigabyte."""
    largest = len(seeds)
    if estimator.holds_samples(loop.rule):
        rounds = loop.generations if loop.rule.accumulates else 1
        samples = loop.sizes.initial + rounds * (loop.sizes.real + loop.sizes.synthetic)
        largest = max(1, POOL_BYTES // (8 * estimator.coordinates * samples * GROWTH * loops))
    for start in range(0, len(seeds), largest):
        yield seeds[start : start + largest]


def simulate(
    estimator: Estimator[Model, Pool, Seen], loop: SimulatedLoop, randoms: Replicates, explicit: bool | None = None
) -> Iterator[tuple[Model, Mapping[str, Array]]]:
    """The fitted model of every generation 0, 1, .., T, and what is measured of its samples' rewards (R,) by name.

    A replicate is a loop of a seed of `randoms`.
    `explicit` draws all samples rather than statistics from their law; by default where the regime picks some of them.
    Raises RecurateError if the estimator cannot be fitted.
    """
    sizes, bias, rule = loop.sizes, loop.sampling_bias, loop.rule
    if explicit is None:
        explicit = rule.subsamples
    truth = estimator.truth(sizes.initial, randoms)

    def real(n: int, generation: int) -> Pool:
        return estimator.real(truth, n, randoms, loop.wrong_share(generation), explicit)

    def fresh(generation: int) -> Pool | None:
        return real(sizes.real, generation) if rule.real == "fresh" and sizes.real else None

    synthetic: list[Pool | None] = []  # of the last generation, until the next pool takes it
    trajectory = pools(rule, real(sizes.initial, 0), fresh, lambda *_: synthetic.pop())
    for generation, pool in enumerate(islice(trajectory, loop.generations + 1)):
        training = estimator.subset(pool, sizes.initial, randoms) if rule.subsamples and generation else pool
        model = estimator.fit(training, randoms)
        samples: Pool | None = None
        rewards: Mapping[str, Array] = {}
        if loop.preference:
            samples, rewards = estimator.curated(model, sizes.synthetic, loop.preference, randoms, bias, explicit)
        elif sizes.synthetic:
            samples = estimator.sample_pool(model, sizes.synthetic, randoms, bias, explicit)
        synthetic.append(samples)
        yield model, rewards
