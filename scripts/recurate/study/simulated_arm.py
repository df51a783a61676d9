"""What a study of closed-form loops may say of an arm."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SerializeAsAny, model_validator

from recurate.closed_form.estimators import Estimator
from recurate.closed_form.loop import REWARD_MEASURES, Preference, SimulatedLoop
from recurate.curation import Curation
from recurate.curation.rewards import Reward
from recurate.data import Description
from recurate.foundation.components import Settings, embedded
from recurate.mixing.simulated import Collection, SimulatedMixing
from recurate.study.common import check


class SimulatedArm(Settings):
    """One way of closing a loop around an estimator."""

    title: str = Field("", description="how figures name the arm; the arm's name if empty")
    panel: str = Field("", description="column of the figure `curves` that shows the arm")
    estimator: Annotated[SerializeAsAny[Estimator], embedded(Estimator)] = Field(
        description="what is fitted, and to which real data"
    )
    replicates: int = Field(
        1,
        ge=1,
        description="independent loops of every seed, which draw from its generator in turn; tables hold their means",
    )
    mixing: SimulatedMixing = Field(description="what a training set is made of, and how large its parts are")
    sampling_bias: float = Field(
        1.0, gt=0, description="Alemohammad's lambda_s: factor on the model's covariance when it is sampled"
    )
    collection: Collection | None = Field(None, description="wrongly collected real data, in regimes with fresh ones")
    reward: Annotated[SerializeAsAny[Reward], embedded(Reward)] | None = Field(
        None, description="what curators prefer; none: no curation"
    )
    curation: Annotated[SerializeAsAny[Curation], embedded(Curation)] | None = Field(
        None, description="which of a round's synthetic samples they keep"
    )
    parameters: dict[str, object] = Field(
        {}, description="what tells the arm from others, by name, for the table `arms.csv`; `each` fills it in"
    )

    @model_validator(mode="after")
    def _parts_fit_together(self) -> SimulatedArm:
        estimator, sizes = self.estimator, self.mixing.sizes
        check("mixing", lambda: estimator.check(self.mixing.rule, sizes))
        if self.sampling_bias != 1 and not estimator.scales_spread:
            raise ValueError(f"sampling_bias: {estimator.kind} has no covariance that could be scaled; leave it at 1")
        if self.collection and not estimator.has_contaminant:
            raise ValueError(
                f"collection: {estimator.kind} knows no wrong distribution; give estimator.wrong if it can"
            )
        if self.collection and self.mixing.rule.real != "fresh":
            raise ValueError(f"collection: the regime {self.mixing.regime} collects no real data after generation 0")
        if (self.reward is None) != (self.curation is None):
            raise ValueError("curation: needs a reward, and a reward needs curation; give both or neither")
        self._check_curation()
        return self

    def _check_curation(self) -> None:
        reward, curation = self.reward, self.curation
        if reward is None or curation is None:
            return
        if not self.estimator.has_samples:
            raise ValueError(f"curation: {self.estimator.kind} draws no samples that one could choose from")
        if reward.needs_judge:
            raise ValueError(f"reward: {reward.kind} needs a judge, which simulated loops do not have")
        if reward.components:
            raise ValueError(f"reward: {reward.kind} gives several numbers, simulated loops choose by one")
        check("reward", lambda: reward.check(Description((self.estimator.coordinates,), 0)))
        check("curation", lambda: curation.check(self.mixing.sizes.synthetic))

    def loop(self, generations: int) -> SimulatedLoop:
        """The arm as simulation and theory see it."""
        preference = Preference(self.reward, self.curation) if self.reward and self.curation else None
        return SimulatedLoop(
            self.mixing.rule, self.mixing.sizes, generations, self.sampling_bias, preference, self.collection
        )

    @property
    def measures(self) -> tuple[str, ...]:
        """What can be recorded of this arm."""
        return (*self.estimator.measures, *(REWARD_MEASURES if self.curation else ()))


def measured(arm: SimulatedArm, names: list[str]) -> list[str]:
    """Those of the measures `names` that an arm has, in their order."""
    return [name for name in names if name in arm.measures]
