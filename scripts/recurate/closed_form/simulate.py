"""The closed-form loop: fit, draw, curate, pool, fit again, all seeds at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from recurate.closed_form.streams import Replicates
from recurate.mixing.regimes import next_pool

if TYPE_CHECKING:
    from recurate.closed_form.estimators import Estimator
    from recurate.closed_form.loop import SimulatedLoop
    from recurate.foundation.types import Array


POOL_BYTES = 1_000_000_000  # of all pools that are advanced together
GROWTH = 3  # a pool that outgrows its buffer is copied into one of twice the size


def batches(estimator: Estimator, loop: SimulatedLoop, seeds: Sequence[int]) -> Iterator[Sequence[int]]:
    """Seeds to advance together: all of them, unless their pools of samples would take more than a gigabyte."""
    largest = len(seeds)
    if estimator.holds_samples(loop.rule):
        rounds = loop.generations if loop.rule.accumulates else 1
        samples = loop.sizes.initial + rounds * (loop.sizes.real + loop.sizes.synthetic)
        largest = max(1, POOL_BYTES // (8 * estimator.coordinates * samples * GROWTH))
    for start in range(0, len(seeds), largest):
        yield seeds[start : start + largest]


def simulate(
    estimator: Estimator, loop: SimulatedLoop, seeds: Sequence[int], explicit: bool | None = None
) -> Iterator[tuple[Any, Mapping[str, Array]]]:
    """The fitted model of every generation 0, 1, .., T, and what is seen of its samples' rewards (R,) by name.

    `explicit` draws all samples rather than statistics from their law; by default where the regime picks some of them.
    Raises RecurateError if the estimator cannot be fitted.
    """
    randoms, sizes, bias = Replicates(seeds), loop.sizes, loop.sampling_bias
    if explicit is None:
        explicit = loop.rule.subsamples
    truth = estimator.truth(sizes.initial, randoms)

    def real(n: int, generation: int) -> Any:
        return estimator.real(truth, n, randoms, loop.wrong_share(generation), explicit)

    fixed = pool = training = real(sizes.initial, 0)
    synthetic: Any = None
    for generation in range(loop.generations + 1):
        if generation:
            fresh = real(sizes.real, generation) if loop.rule.real == "fresh" and sizes.real else None
            pool = next_pool(loop.rule, pool, fixed, fresh, synthetic)
            training = pool.subset(sizes.initial, randoms) if loop.rule.subsamples else pool
        model = estimator.fit(training, randoms)
        seen: Mapping[str, Array] = {}
        if loop.preference:
            synthetic, seen = estimator.curated(model, sizes.synthetic, loop.preference, randoms, bias, explicit)
        elif sizes.synthetic:
            synthetic = estimator.draw(model, sizes.synthetic, randoms, bias, explicit)
        yield model, seen
