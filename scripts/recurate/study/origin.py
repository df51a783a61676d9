"""What a study file may say of generation 0: real data, a network and how it is fitted to them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Annotated, ClassVar

from pydantic import Field, SerializeAsAny, model_validator

from recurate.curation.judges import Judge
from recurate.data import Data
from recurate.foundation.components import Settings, embedded
from recurate.models import LanguageModel, Model
from recurate.models.parts.checkpoint import Checkpoint
from recurate.sampling import Sampler
from recurate.study.common import check
from recurate.training.objectives import Objective
from recurate.training.settings import CarryOver, Training


class Origin(Settings):
    """Generation 0: a model fitted to real data, shared by all arms that start from it."""

    former: ClassVar[Mapping[str, str]] = {"data_seed": "leave it out, real data and judge are the same for all"}

    data: Annotated[SerializeAsAny[Data], embedded(Data)] = Field(description="the real data")
    judge: Annotated[SerializeAsAny[Judge], embedded(Judge)] | None = Field(
        None, description="classifier trained on the real data, for rewards, class shares and features"
    )
    model: Annotated[SerializeAsAny[Model], embedded(Model)] = Field(description="the network")
    objective: Annotated[SerializeAsAny[Objective], embedded(Objective)] = Field(description="the training objective")
    training: Training | None = Field(
        None, description="training of generation 0; none if a checkpoint, or a pretrained model, is taken as is"
    )
    checkpoint: Checkpoint | None = Field(
        None, description="parameters trained elsewhere, which generation 0 is, or which its training starts from"
    )
    sampler: Annotated[SerializeAsAny[Sampler], embedded(Sampler)] = Field(
        description="how samples are drawn, in every generation"
    )
    samples: int = Field(ge=2, description="size of every generation's sample set")
    real_samples: int | None = Field(
        None, ge=1, description="number of real data that generation 0 is trained on; all of them if none"
    )

    @model_validator(mode="after")
    def _is_trained_somewhere(self) -> Origin:
        if self.training is None and self.checkpoint is None and not self.model.is_pretrained:
            raise ValueError("give training, or a checkpoint, or both")
        if self.training and self.checkpoint and (self.checkpoint.raw or self.checkpoint.optimizer):
            raise ValueError(
                "checkpoint: training starts from `entry` alone; leave out raw and optimizer, or leave out training"
            )
        return self

    def check_carry_over(self, name: str, carry_over: Collection[CarryOver]) -> None:
        """Raise ValueError if generation 0 of the origin `name` does not keep what is carried over from it."""
        where = f"origins.{name}"
        if self.training is None:
            if "optimizer" in carry_over and (self.checkpoint is None or self.checkpoint.optimizer is None):
                raise ValueError(f"carry_over: Adam's state is to be named; give {where}.checkpoint.optimizer")
            if "ema" in carry_over and (self.checkpoint is None or self.checkpoint.raw is None):
                raise ValueError(f"carry_over: the raw parameters are to be named; give {where}.checkpoint.raw")
        elif carry_over and not self.training.keep_state:
            raise ValueError(f"carry_over: the origin does not keep it; set {where}.training.keep_state: true")
        elif "ema" in carry_over and not self.training.ema_half_life:
            raise ValueError(f"carry_over: the origin has no average; give {where}.training.ema_half_life")

    @model_validator(mode="after")
    def _parts_fit_the_network(self) -> Origin:
        check("objective", partial(self.objective.check, self.model))
        check("sampler", partial(self.sampler.check, self.model, self.objective.drops_labels))
        return self

    @model_validator(mode="after")
    def _parts_fit_the_data(self) -> Origin:
        if self.data.description.vocabulary and not isinstance(self.model, LanguageModel):
            raise ValueError(
                f"model: text needs {LanguageModel.role}, the model {self.model.kind} is {self.model.role}"
            )
        for key, part in (("judge", self.judge), ("model", self.model), ("training", self.training)):
            if part is not None:
                check(key, partial(part.check, self.data.description))
        check("sampler", partial(self.sampler.check_samples, self.data.description, self.model, self.samples))
        self.check_real("real_samples", self.real_samples)
        return self

    def check_real(self, key: str, number: int | None) -> None:
        """Raise ValueError if training asks for more real data than there are, where that is known."""
        size = self.data.training_size
        if number is not None and size is not None and number > size:
            raise ValueError(f"{key}: {number} is more than the {size} training data of {self.data.kind}")

    def check_answers(self, key: str, kind: str, needed: type[Model] | None) -> None:
        """Raise ValueError if what `kind` asks of generation 0's model, it cannot answer."""
        if needed is not None and not isinstance(self.model, needed):
            raise ValueError(
                f"{key}: {kind} needs {needed.role} as generation 0, {self.model.kind} is {self.model.role}"
            )
