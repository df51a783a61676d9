"""Estimators of closed-form loops: what is fitted to a pool of data, and how it is sampled. One module per kind.

All arrays have a leading axis of seeds, R. Where the statistic that an estimator needs has a known law, a loop draws
that statistic and no samples; curation and random subsets of a pool, which look at single samples, make it draw them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, Self, TypeVar, cast, runtime_checkable

from recurate.closed_form.loop import REWARD_MEASURES, Preference
from recurate.curation.parts.reward_moments import reward_moments
from recurate.foundation.components import Component
from recurate.foundation.contract import Given, gives
from recurate.foundation.errors import RecurateError
from recurate.foundation.guard import held
from recurate.foundation.lazy import np
from recurate.foundation.results import array, arrays, got, named, pair
from recurate.foundation.terms import Term

if TYPE_CHECKING:
    from recurate.closed_form.law import Law
    from recurate.closed_form.loop import SimulatedLoop
    from recurate.closed_form.streams import Replicates
    from recurate.foundation.types import Array
    from recurate.mixing.regimes import Regime, Sizes


class Data(Protocol):
    """Data of all seeds, or their sufficient statistics, which add up to pools."""

    @property
    def size(self) -> int:
        """Number of samples of each seed."""

    def __add__(self, other: Self, /) -> Self:
        """Both together."""


@runtime_checkable
class Divisible(Protocol):
    """Data of which a part can be taken at random."""

    def subset(self, size: int, randoms: Replicates) -> Self:
        """A uniformly random subset, without replacement."""


Pool = TypeVar("Pool", bound=Data)
Model = TypeVar("Model")  # what is fitted to a pool
Seen = TypeVar("Seen")  # what measures look at
Measure = Callable[[Seen], "Array"]  # gives one number for each seed, (R,)


def stacked(statistics: Sequence[Mapping[str, float]]) -> dict[str, Array]:
    """What is measured on the rewards of every seed, (R,) by name."""
    return {name: np.array([of_seed[name] for of_seed in statistics]) for name in REWARD_MEASURES}


def _pool(_: object, given: Given, value: object) -> object:
    size = getattr(value, "size", None)
    if isinstance(value, np.ndarray) or size != given.n or not hasattr(value, "__add__"):
        raise ValueError(
            f"gave {got(value)}{'' if size is None else f' with a size of {size}'}; wanted are data, objects with a "
            f"size, here {given.n}, that + puts together"
        )
    return value


def _samples(estimator: Estimator[Model, Pool, Seen], given: Given, value: object) -> Array:
    return array(value, (len(given.randoms), given.n, estimator.coordinates))


def _kept(estimator: Estimator[Model, Pool, Seen], given: Given, value: object) -> object:
    x, measured = pair(value, "samples and what is measured of their rewards")
    loops = len(given.randoms)
    return array(x, (loops, None, estimator.coordinates)), _of_rewards(measured, loops)


def _curated(_: object, given: Given, value: object) -> object:
    pool, measured = pair(value, "a pool and what is measured of rewards")
    return pool, _of_rewards(measured, len(given.randoms))


def _of_rewards(value: object, loops: int) -> dict[str, Array]:
    measured = arrays(value, (loops,))
    if measured.keys() != set(REWARD_MEASURES):
        raise ValueError(f"measures {', '.join(measured) or 'nothing'}; wanted are {', '.join(REWARD_MEASURES)}")
    return measured


def _measures(estimator: Estimator[Model, Pool, Seen], _: Given, value: object) -> dict[str, Measure[Seen]]:
    """Functions whose numbers are looked at, under names that rewards have not."""
    functions = named(value, "functions")
    for name, function in functions.items():
        if name in REWARD_MEASURES:
            raise ValueError(f"gave the name {name!r}, which measures of rewards have")
        if not callable(function):
            raise ValueError(f"gave {got(function)} as {name}; wanted is a function")
    what = f"estimator: {estimator.kind}: its measure"
    return {name: held(f"{what} {name}", function, _one_for_each_loop) for name, function in functions.items()}  # type: ignore[arg-type]


def _one_for_each_loop(value: object) -> Array:
    return array(value, (None,))


def _shown(_: object, __: Given, value: object) -> dict[str, Array]:
    return arrays(value, ())


class Estimator(Component, ABC, Generic[Model, Pool, Seen]):
    """A family of distributions: how to fit it, the truth that generation 0 is fitted to, and what is measured."""

    terms: ClassVar[tuple[Term, ...]] = ()  # its measures, for the glossary
    has_samples: ClassVar[bool] = True  # False: single samples do not exist or mean nothing, so nobody can choose
    scales_spread: ClassVar[bool] = False  # True: `bias` of `draw` scales the model's covariance

    @property
    def coordinates(self) -> int:
        """Number of coordinates of a sample."""
        return 1

    @property
    def has_contaminant(self) -> bool:
        """Whether real data can come from a wrong distribution as well."""
        return False

    @abstractmethod
    def truth(self, initial: int, randoms: Replicates) -> Model:
        """The model that real data come from, for loops whose generation 0 sees `initial` samples."""

    @gives(_pool)
    def real(self, truth: Model, n: int, randoms: Replicates, wrong_share: float = 0.0, explicit: bool = False) -> Pool:
        """A pool of `n` real samples, each from the wrong distribution with probability `wrong_share`."""
        return self.sample_pool(truth, n, randoms, explicit=explicit)

    @abstractmethod
    def fit(self, pool: Pool, randoms: Replicates) -> Model:
        """The model of every seed, fitted to a pool."""

    @abstractmethod
    @gives(_pool)
    def sample_pool(self, model: Model, n: int, randoms: Replicates, bias: float = 1.0, explicit: bool = False) -> Pool:
        """A pool of `n` samples of the model, whose covariance is scaled by `bias` (Alemohammad's lambda_s).

        `explicit`: with all samples in it, rather than statistics drawn from their law.
        """

    @gives(_samples)
    def samples(self, model: Model, n: int, randoms: Replicates, bias: float = 1.0) -> Array:
        """Samples (R, n, d) of the model."""
        raise NotImplementedError(f"{self.kind} has no samples")

    def pool_of(self, x: Array, explicit: bool = False) -> Pool:
        """The pool of samples `x` (R, n, d)."""
        raise NotImplementedError(f"{self.kind} has no samples")

    @gives(_curated)
    def curated(
        self,
        model: Model,
        n: int,
        preference: Preference,
        randoms: Replicates,
        bias: float = 1.0,
        explicit: bool = False,
    ) -> tuple[Pool, Mapping[str, Array]]:
        """The pool of samples that are kept of `n`, and what is measured on the rewards of all."""
        kept, moments = self.kept(model, n, preference, randoms, bias)
        return self.pool_of(kept, explicit), moments

    def subset(self, pool: Pool, size: int, randoms: Replicates) -> Pool:
        """A uniformly random part of a pool, for regimes that fit to one; raises RecurateError where there is none."""
        if not isinstance(pool, Divisible):
            raise RecurateError(f"{self.kind} has pools of which no part can be taken")
        return pool.subset(size, randoms)

    @gives(_kept)
    def kept(
        self, model: Model, n: int, preference: Preference, randoms: Replicates, bias: float = 1.0
    ) -> tuple[Array, Mapping[str, Array]]:
        """Samples (R, kept, d) that are kept of `n`, and what is measured on the rewards of all."""
        rewards, kept = preference.keep(self.samples(model, n, randoms, bias), randoms)
        return kept, stacked([reward_moments(row, preference.reward.supremum) for row in rewards])

    @property
    @abstractmethod
    @gives(_measures)
    def measures(self) -> Mapping[str, Measure[Seen]]:
        """What can be measured, by name: functions of what `seen` gives."""

    def seen(self, model: Model) -> Seen:
        """What measures look at, computed once for all of them; the model itself unless a kind says otherwise."""
        return cast("Seen", model)

    def laws(self, loop: SimulatedLoop) -> list[Law]:
        """What theory says about the measures of a loop."""
        return []

    def holds_samples(self, rule: Regime) -> bool:
        """Whether a pool is made of samples in this regime, rather than of statistics of fixed size."""
        return False

    def check(self, rule: Regime, sizes: Sizes) -> None:
        """Raise ValueError with one sentence if a loop cannot be run with such sizes."""

    @gives(_shown)
    def parameters(self, model: Model) -> dict[str, Array]:
        """A model as named arrays, for pictures."""
        return {}
