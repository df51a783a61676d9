"""What a training set holds beside the newest synthetic samples: six regimes, of which each paper has its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Literal, Protocol, Self, TypeVar


@dataclass(frozen=True)
class Regime:
    """What a training set holds beside the newest synthetic samples.

    `real`: no real data, the `fixed` real set of generation 0, or `fresh` real data in every generation.
    `accumulates`: all that was ever used stays in the pool, the real data of generation 0 among it. `subsamples`: a
    generation is fitted to a random subset of the pool, as large as the first real set.
    """

    real: Literal["none", "fixed", "fresh"]
    accumulates: bool = False
    subsamples: bool = False


REGIMES: dict[str, Regime] = {
    # Shumailov et al. (2305.17493), Ferbach et al. (2407.09499) without real data
    "replace": Regime("none"),
    # Gerstgrasser et al. (2404.01413), Kazdan et al. (2410.16713)
    "accumulate": Regime("none", accumulates=True),
    "accumulate_subsample": Regime("none", accumulates=True, subsamples=True),
    # Alemohammad et al. (2307.01850); Ferbach et al. and Bertrand et al. with real data
    "augmentation": Regime("fixed"),
    "fresh": Regime("fresh"),
    # Wang et al. (2602.16065)
    "contamination": Regime("fresh", accumulates=True),
}

TrainedRegime = Literal["replace", "augmentation", "accumulate", "fresh", "contamination"]

RegimeName = Literal["replace", "accumulate", "accumulate_subsample", "augmentation", "fresh", "contamination"]


class Additive(Protocol):
    """Data, or their sufficient statistics, that can be pooled."""

    def __add__(self, other: Self, /) -> Self: ...


Data = TypeVar("Data", bound=Additive)


def next_pool(regime: Regime, pool: Data, fixed: Data, fresh: Data | None, synthetic: Data | None) -> Data:
    """Pool that the next generation is fitted to, or to a subset of.

    `pool` is the last one and `fixed` the real data of generation 0, which not all regimes look at; `fresh` are new
    real data and `synthetic` the last model's samples, either None if there are none.
    """
    parts = [
        pool if regime.accumulates else None,
        fixed if regime.real == "fixed" else None,
        fresh if regime.real == "fresh" else None,
        synthetic,
    ]
    return reduce(add, (part for part in parts if part is not None))


def pools(
    regime: Regime, fixed: Data, fresh: Callable[[int], Data | None], synthetic: Callable[[int, Data], Data | None]
) -> Iterator[Data]:
    """Pools of generations 0, 1, ..: `fixed`, the real data of generation 0, and what it grows to without end.

    Once a pool has been used, `synthetic` gives what its generation adds to the next one, given its number and the
    pool; then `fresh` the real data that are new in the next generation, given that one's number. Either may be None.
    """
    pool, generation = fixed, 0
    while True:
        yield pool
        samples = synthetic(generation, pool)
        generation += 1
        pool = next_pool(regime, pool, fixed, fresh(generation), samples)


@dataclass(frozen=True)
class Sizes:
    """Numbers of samples: in generation 0, of real data in every later one, of synthetic samples in every one."""

    initial: int
    real: int
    synthetic: int
