"""How a generation's training set is put together from real data and synthetic samples, trained or simulated.

The papers mix under incompatible names. Here a mixing rule is one of six regimes; the papers' parameters are converted
here and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from operator import add
from typing import Any, ClassVar, Literal, Protocol, Self, TypeVar

from pydantic import Field, model_validator

from recurate.components import Settings


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


@dataclass(frozen=True)
class Sizes:
    """Numbers of samples: in generation 0, of real data in every later one, of synthetic samples in every one."""

    initial: int
    real: int
    synthetic: int


def real_fraction_of(synthetic_ratio: float) -> float:
    """Real fraction 1 / (1 + lambda), where lambda is the ratio synthetic : real of Ferbach et al. (2024).

    lambda = inf is the loop without real data, lambda = 0 trains on real data only.
    """
    return 0.0 if math.isinf(synthetic_ratio) else 1.0 / (1.0 + synthetic_ratio)


def synthetic_ratio_of(real_fraction: float) -> float:
    """Inverse of `real_fraction_of`: lambda = (1 - f) / f."""
    return math.inf if real_fraction == 0 else (1.0 - real_fraction) / real_fraction


class MixingRule(Settings):
    """What all mixing rules share: the papers' spellings of the real fraction."""

    other_spellings: ClassVar[tuple[str, ...]] = ("lambda", "alpha")

    @model_validator(mode="before")
    @classmethod
    def _convert(cls, values: Any) -> Any:
        """Accept `lambda` (synthetic : real, `.inf` for no real data) or `alpha` in place of `real_fraction`."""
        given = [key for key in ("lambda", "alpha", "real_fraction") if isinstance(values, dict) and key in values]
        if len(given) > 1:
            raise ValueError(f"give either {given[0]} or {given[1]}, not both")
        if not given or given == ["real_fraction"]:
            return values
        value, others = values[given[0]], {key: value for key, value in values.items() if key not in given}
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if given == ["alpha"]:
            if not (number and 0 <= value <= 1):
                raise ValueError(f"alpha: {value!r} is not allowed; it must be a number from 0 to 1")
            return {**others, "real_fraction": value}
        if not (number and value >= 0):
            raise ValueError(f"lambda: {value!r} is not allowed; it must be a number >= 0 or .inf")
        return {**others, "real_fraction": real_fraction_of(float(value))}


@dataclass(frozen=True)
class Shares:
    """Weights of a training set's parts: the real data, and each earlier generation's curated samples."""

    real: float
    curated: Mapping[int, float]

    def __add__(self, other: Shares) -> Shares:
        return Shares(self.real + other.real, {**self.curated, **other.curated})


class Mixing(MixingRule):
    """Mixture a generation is trained on: real data with weight `real_fraction`, curated samples with the rest.

    Where data accumulate these are the weights in the first mixed training set; every later one keeps all its parts and
    adds as much curated samples again (Gerstgrasser et al. 2404.01413 with 1/2). With contamination these are the
    weights in what every round adds, beside generation 0's real data, which weigh as much as one round.
    """

    regime: TrainedRegime | None = Field(
        None, description="what stays in training sets: replace without real data and augmentation with them if none"
    )
    real_fraction: float = Field(ge=0, le=1, description="weight of real data in every generation's training set")
    real: int | None = Field(
        None, ge=1, description="number of new real data in every round, of the regimes fresh and contamination"
    )

    @model_validator(mode="after")
    def _fresh_data_are_counted(self) -> Mixing:
        if self.rule.real == "fresh":
            if self.real is None:
                raise ValueError(f"real: the regime {self.name} needs the number of new real data in a round")
            if self.real_fraction == 0:
                raise ValueError(f"regime: {self.name} needs real data; with alpha 0 choose replace or accumulate")
        elif self.real is not None:
            raise ValueError(f"real: the regime {self.name} adds no new real data; leave it out")
        return self

    @model_validator(mode="after")
    def _regime_and_weight_agree(self) -> Mixing:
        if self.regime == "replace" and self.real_fraction > 0:
            raise ValueError("regime: replace is without real data; give lambda: .inf, or choose augmentation")
        if self.regime == "accumulate" and not 0 < self.real_fraction < 1:
            raise ValueError(
                "regime: accumulate needs real data and curated ones; give a real_fraction between 0 and 1"
            )
        return self

    @property
    def name(self) -> TrainedRegime:
        """The regime, also where the weight of real data says which."""
        return self.regime or ("augmentation" if self.real_fraction else "replace")

    @property
    def rule(self) -> Regime:
        """The regime's definition."""
        return REGIMES[self.name]

    @property
    def synthetic_ratio(self) -> float:
        """Ferbach et al.'s lambda; infinite without real data."""
        return synthetic_ratio_of(self.real_fraction)

    @property
    def real_weight(self) -> float:
        """Weight of the first, real training set beside later ones; any will do where none of it stays."""
        return 1.0 if self.name == "contamination" else self.real_fraction or 1.0

    def pools(self, fixed: Data, fresh: Data, curated: Callable[[int, Data], Data]) -> Iterator[Data]:
        """Training sets of generations 0, 1, .., given the real data and what is `curated` of a generation's model.

        `fixed` are the real data of generation 0, `fresh` those of a later round.
        """
        pool, generation = fixed, 0
        while True:
            yield pool
            pool = next_pool(self.rule, pool, fixed, fresh, curated(generation, pool))
            generation += 1

    def shares(self, generation: int) -> Shares:
        """Weights, which add up to 1, of what `generation` is trained on."""
        first, fresh = Shares(self.real_weight, {}), Shares(self.real_fraction, {})
        pools = self.pools(first, fresh, lambda t, _: Shares(0.0, {t: 1 - self.real_fraction}))
        found = next(islice(pools, generation, None))
        total = found.real + sum(found.curated.values())
        return Shares(found.real / total, {t: share / total for t, share in found.curated.items()})


class SimulatedMixing(MixingRule):
    """Regime of a simulated loop and its numbers of samples, of which each regime needs some."""

    regime: RegimeName = Field(description="what a training set holds beside the newest synthetic samples")
    initial: int | None = Field(None, ge=1, description="real samples that generation 0 is fitted to; `real` if none")
    real: int | None = Field(
        None, ge=0, description="real samples in every later training set (fixed) or new ones in every round (fresh)"
    )
    synthetic: int | None = Field(
        None, ge=0, description="synthetic samples of every round; if none `initial`, or what `real_fraction` says"
    )
    real_fraction: float | None = Field(
        None, ge=0, le=1, description="share of real data in what a round adds, instead of `synthetic`"
    )

    @property
    def rule(self) -> Regime:
        """The regime's definition."""
        return REGIMES[self.regime]

    @model_validator(mode="after")
    def _sizes_are_told(self) -> SimulatedMixing:
        if self.rule.real == "none":
            for key in ("real", "real_fraction"):
                if getattr(self, key) is not None:
                    raise ValueError(f"{key}: the regime {self.regime} adds no real data; leave it out")
            if self.initial is None:
                raise ValueError(f"initial: the regime {self.regime} needs the number of real samples it starts from")
        else:
            self._real_data_are_told()
        if self.synthetic == 0 and self.rule.real == "none":
            raise ValueError(f"synthetic: the regime {self.regime} needs synthetic samples, at least 1")
        return self

    def _real_data_are_told(self) -> None:
        if self.real is None:
            raise ValueError(f"real: the regime {self.regime} needs the number of real samples in a round")
        if (self.synthetic is None) == (self.real_fraction is None):
            raise ValueError(f"synthetic: the regime {self.regime} needs either it or real_fraction")
        if self.real_fraction is not None and (self.real > 0) != (self.real_fraction > 0):
            raise ValueError(f"real: {self.real} samples cannot be a share of {self.real_fraction:g} of a round")
        if self.real_fraction == 0:
            raise ValueError("real_fraction: with 0 the number of synthetic samples is not told; give synthetic")
        if self.real == 0 and not self.initial:
            raise ValueError("initial: without real samples in a round it is needed, to start from")
        if self.rule.real == "fixed" and self.initial not in (None, self.real):
            raise ValueError(f"initial: the regime {self.regime} keeps the real data of generation 0; leave it out")
        if self.real + self.sizes.synthetic == 0:
            raise ValueError("synthetic: a round must add something")

    @property
    def sizes(self) -> Sizes:
        """Numbers of samples; synthetic ones to a real fraction alpha are round((1 - alpha) real / alpha)."""
        real = self.real or 0
        initial = self.initial if self.initial is not None else real
        if self.real_fraction is not None:
            return Sizes(initial, real, round((1 - self.real_fraction) * real / self.real_fraction))
        return Sizes(initial, real, initial if self.synthetic is None else self.synthetic)


class Collection(Settings):
    """Wrongly collected real data: in round n = 1, 2, .. each is of a wrong distribution with probability b_n.

    Wang, Niu and Li (2602.16065).
    """

    share: float = Field(gt=0, le=1, description="b_n = share (n + offset)^-decay")
    offset: float = Field(0.0, ge=0, description="see share")
    decay: float = Field(0.0, ge=0, description="see share; 0 is a bias that stays")

    def wrong_share(self, generation: int) -> float:
        """b_n of the round n = `generation` + 1."""
        return self.share * (generation + 1 + self.offset) ** -self.decay
