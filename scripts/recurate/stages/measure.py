"""What measuring a generation reads."""

from __future__ import annotations

from typing import Annotated

from pydantic import SerializeAsAny

from recurate.foundation.components import Settings, embedded
from recurate.measuring.metrics import Metric
from recurate.measuring.reference import Reference
from recurate.models import Model


class Reads(Settings):
    """Metrics beside those that every arm has, and what either must know.

    `supremum` is the reward's r*, `components` the names of its parts where it is a vector; `classes` and `vocabulary`
    are numbers, 0 where there are none; `given` counts the tokens that every sample begins with and that nobody
    generated; `model` is the network where a metric asks the generation's own model, and else None.
    """

    metrics: list[Annotated[SerializeAsAny[Metric], embedded(Metric)]]
    reference: Reference
    classes: int
    supremum: float
    components: tuple[str, ...]
    vocabulary: int
    given: int
    model: Annotated[SerializeAsAny[Model], embedded(Model)] | None
