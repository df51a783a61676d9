"""What curating a sample set reads."""

from __future__ import annotations

from typing import Annotated

from pydantic import SerializeAsAny

from recurate.curation import Curation
from recurate.curation.judges import Judge
from recurate.curation.rewards import Reward
from recurate.data import Data
from recurate.foundation.components import Settings, embedded
from recurate.models import Model


class Reads(Settings):
    """What curators prefer and how they choose; the judge, or else the data, tell classes.

    `model` is generation 0's network where the reward asks it, and else None.
    """

    data: Annotated[SerializeAsAny[Data], embedded(Data)]
    judge: Annotated[SerializeAsAny[Judge], embedded(Judge)] | None
    reward: Annotated[SerializeAsAny[Reward], embedded(Reward)]
    curation: Annotated[SerializeAsAny[Curation], embedded(Curation)]
    model: Annotated[SerializeAsAny[Model], embedded(Model)] | None
