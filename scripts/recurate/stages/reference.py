"""What extracting features of real data reads."""

from __future__ import annotations

from typing import Annotated

from pydantic import SerializeAsAny

from recurate.curation.judges import Judge
from recurate.foundation.components import Settings, embedded
from recurate.measuring.features import Features
from recurate.measuring.reference import Reference


class Reads(Settings):
    """Feature spaces and the real data that are compared with; the judge where one of the spaces is made by it."""

    features: list[Annotated[SerializeAsAny[Features], embedded(Features)]]
    reference: Reference
    judge: Annotated[SerializeAsAny[Judge], embedded(Judge)] | None
