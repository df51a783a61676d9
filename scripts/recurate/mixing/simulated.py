"""What a generation of a simulated loop is fitted to, in numbers of samples."""

from __future__ import annotations

from pydantic import Field, model_validator

from recurate.foundation.components import Settings
from recurate.mixing.ratios import MixingRule
from recurate.mixing.regimes import REGIMES, Regime, RegimeName, Sizes


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
            for key, value in (("real", self.real), ("real_fraction", self.real_fraction)):
                if value is not None:
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
