"""What finding out how near held-out data lie to the training data reads."""

from __future__ import annotations

from typing import Annotated

from pydantic import SerializeAsAny

from recurate.curation.judges import Judge
from recurate.foundation.components import Settings, embedded
from recurate.measuring.features import Features
from recurate.measuring.reference import Reference


class Reads(Settings):
    """Feature spaces in which a metric asks, `data_themselves` if it asks of them; the judge where it makes a space."""

    features: list[Annotated[SerializeAsAny[Features], embedded(Features)]]
    data_themselves: bool
    reference: Reference
    judge: Annotated[SerializeAsAny[Judge], embedded(Judge)] | None
