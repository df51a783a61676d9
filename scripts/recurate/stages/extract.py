"""What extracting features of samples reads."""

from __future__ import annotations

from typing import Annotated

from pydantic import SerializeAsAny

from recurate.curation.judges import Judge
from recurate.foundation.components import Settings, embedded
from recurate.measuring.features import Features
from recurate.models import Model


class Reads(Settings):
    """Feature spaces, with the judge and generation 0's network where one of them is made by these, and else None.

    `given` counts the tokens that every sample begins with and that nobody generated, its prompt.
    """

    features: list[Annotated[SerializeAsAny[Features], embedded(Features)]]
    judge: Annotated[SerializeAsAny[Judge], embedded(Judge)] | None
    model: Annotated[SerializeAsAny[Model], embedded(Model)] | None
    given: int
