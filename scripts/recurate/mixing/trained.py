"""What a generation of a trained loop is trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from pydantic import Field, model_validator

from recurate.mixing.ratios import MixingRule, synthetic_ratio_of
from recurate.mixing.regimes import REGIMES, Data, Regime, TrainedRegime, pools


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
    weights in what every round adds, beside the real data that generation 0 was trained on, which weigh as much as one
    round: 1 + `real_fraction` t of t + 1 in generation t is real. Within that part rows are drawn evenly, so that
    generation 0's n_0 data have n_0 of n_0 + t `real` of it, which is 1 of 1 + `real_fraction` t only where `real` is
    `real_fraction` n_0.
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
                raise ValueError(
                    f"regime: {self.name} needs real data; with real_fraction 0 choose replace or accumulate"
                )
        elif self.real is not None:
            raise ValueError(f"real: the regime {self.name} adds no new real data; leave it out")
        return self

    @model_validator(mode="after")
    def _regime_and_weight_agree(self) -> Mixing:
        if self.regime == "replace" and self.real_fraction > 0:
            raise ValueError("regime: replace is without real data; give lambda: .inf, or choose augmentation")
        if self.regime == "augmentation" and self.real_fraction == 0:
            raise ValueError("regime: augmentation needs real data; with real_fraction 0 choose replace")
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
        return pools(self.rule, fixed, lambda _: fresh, curated)

    def shares(self, generation: int) -> Shares:
        """Weights, which add up to 1, of what `generation` is trained on."""
        first, fresh = Shares(self.real_weight, {}), Shares(self.real_fraction, {})
        trajectory = self.pools(first, fresh, lambda t, _: Shares(0.0, {t: 1 - self.real_fraction}))
        pool = next(islice(trajectory, generation, None))
        total = pool.real + sum(pool.curated.values())
        return Shares(pool.real / total, {t: share / total for t, share in pool.curated.items()})
