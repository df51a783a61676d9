"""How a network is trained, as a study file says it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from recurate.foundation.components import Settings

if TYPE_CHECKING:
    from recurate.data import Description


CarryOver = Literal["optimizer", "ema"]


class Training(Settings):
    """How a network is trained."""

    steps: int = Field(ge=1, le=10**9, description="number of optimiser steps")
    batch_size: int = Field(256, ge=1, description="samples per step and seed")
    learning_rate: float = Field(1e-3, gt=0, description="Adam's peak rate")
    schedule: Literal["constant", "cosine"] = Field(
        "cosine", description="course of the rate: constant, or falling to zero along a half cosine"
    )
    warm_up: int = Field(
        0, ge=0, description="steps over which the rate first rises linearly, before the schedule; may exceed `steps`"
    )
    ema_half_life: float | None = Field(
        None,
        gt=0,
        description="half-life, in samples seen, of the running average of the parameters, which is then sampled from; "
        "none: no average. A decay d per step is a half-life of batch_size log 0.5 / log d",
    )
    weight_decay: float = Field(
        0.0,
        ge=0,
        description="times the parameters, added to their gradient, or with `decoupled_weight_decay` to the step",
    )
    decoupled_weight_decay: bool = Field(False, description="weight decay as AdamW has it (Loshchilov and Hutter 2019)")
    gradient_clip: float | None = Field(None, gt=0, description="largest norm of a seed's gradient; none: no limit")
    horizontal_flip: bool = Field(False, description="mirror every training image with probability 1/2")
    keep_state: bool = Field(
        False, description="write raw parameters and Adam's moments into the model file too, for `carry_over`"
    )

    def rate(self, step: int) -> float:
        """Learning rate at a step, counted from 0; the schedule spans the steps after the warm-up."""
        if step < self.warm_up:
            return self.learning_rate * (step + 1) / self.warm_up
        if self.schedule == "constant":
            return self.learning_rate
        angle = math.pi * (step - self.warm_up) / (self.steps - self.warm_up)
        return self.learning_rate * 0.5 * (1 + math.cos(angle))

    @property
    def average_weight(self) -> float:
        """Weight of the past in every step of the running average; 0 without one."""
        return 0.0 if self.ema_half_life is None else 0.5 ** (self.batch_size / self.ema_half_life)

    def check(self, data: Description) -> None:
        """Raise ValueError with one sentence if samples of such data cannot be trained on so."""
        if self.horizontal_flip and len(data.shape) != 3:
            raise ValueError(
                f"horizontal_flip: needs images (height, width, channels), the data have shape {data.shape}"
            )
