"""What a study file may say of an arm: one way of closing the loop from an origin."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SerializeAsAny, model_validator

from recurate.curation import Curation
from recurate.curation.rewards import Reward
from recurate.foundation.components import Settings, embedded
from recurate.mixing.trained import Mixing
from recurate.sampling import Sampler
from recurate.training.settings import CarryOver, Training


class Retraining(Training):
    """Training of the generations after the origin."""

    start: Literal["scratch", "origin", "previous"] = Field(
        "previous", description="whose sampled parameters training starts from; the rate's course always starts afresh"
    )
    synthetic: Literal["stored", "afresh"] = Field(
        "stored",
        description="where synthetic samples come from: the curated set of the last generation, or, for every "
        "batch anew, its model (Shumailov et al.), which only an uncurated arm can",
    )
    carry_over: list[CarryOver] = Field(
        [],
        description="what goes on from the model that training starts from, and else starts afresh: `optimizer` Adam's "
        "moments and step count; `ema` the running average, training then starts from the raw parameters. The origin's "
        "training needs `keep_state`, for `ema` also `ema_half_life`, and a checkpoint taken as it is `optimizer` and "
        "`raw`; with `start: previous` the arm's `keep_state` is implied",
    )

    @model_validator(mode="before")
    @classmethod
    def _keep_what_the_next_generation_carries_over(cls, values: object) -> object:
        if isinstance(values, dict) and values.get("carry_over") and values.get("start", "previous") == "previous":
            return {**values, "keep_state": True}
        return values

    @model_validator(mode="after")
    def _something_can_be_carried_over(self) -> Retraining:
        if self.carry_over and self.start == "scratch":
            raise ValueError("carry_over: a start from scratch carries nothing over; start from origin or previous")
        if "ema" in self.carry_over and self.ema_half_life is None:
            raise ValueError("carry_over: ema needs an average that goes on; give ema_half_life")
        return self


class Arm(Settings):
    """One way of closing the loop from an origin."""

    title: str = Field("", description="how figures name the arm; the arm's name if empty")
    origin: str = Field(description="name of the origin the arm starts from; not needed where there is only one")
    reward: Annotated[SerializeAsAny[Reward], embedded(Reward)] = Field(description="what curators prefer")
    curation: Annotated[SerializeAsAny[Curation], embedded(Curation)] = Field(description="which samples they keep")
    mixing: Mixing = Field(
        Mixing(real_fraction=0.0), description="how much real data the next generation sees; none if left out"
    )
    retraining: Retraining = Field(
        description="training of generations 1, 2, ..; what it does not say is as in the origin's `training`"
    )
    sampler: Annotated[SerializeAsAny[Sampler], embedded(Sampler)] | None = Field(
        None, description="how the arm's samples are drawn, from generation 0's model on; the origin's if none"
    )
    panel: str = Field("", description="column of the figure `comparison` that shows the arm")
    parameters: dict[str, object] = Field(
        {}, description="what tells the arm from others, by name, for the table `arms.csv`; `each` fills it in"
    )

    def check_choice(self, key: str) -> None:
        """Raise ValueError if people cannot choose by such a reward; `key` is the arm's."""
        if self.reward.components and not self.curation.takes_vectors:
            raise ValueError(
                f"{key}.curation: {self.curation.kind} chooses by one number, {self.reward.kind} gives several: "
                f"{', '.join(self.reward.components)}"
            )

    @model_validator(mode="after")
    def _samples_drawn_afresh_are_uncurated(self) -> Arm:
        if self.retraining.synthetic == "afresh":
            if self.curation.bradley_terry_choices != 1:
                raise ValueError(
                    "retraining.synthetic: afresh leaves nothing to curate; take curation.choices: 1, or stored samples"
                )
            if self.mixing.rule.accumulates or self.mixing.real_fraction == 1:
                raise ValueError(
                    "retraining.synthetic: afresh draws from the last generation's model alone; take stored samples, "
                    "or a mixing rule that trains on it and on no earlier one"
                )
        return self
