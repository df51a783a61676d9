"""What training a judge reads."""

from __future__ import annotations

from typing import Annotated

from pydantic import SerializeAsAny

from recurate.curation.judges import Judge
from recurate.foundation.components import Settings, embedded


class Reads(Settings):
    """A judge, and the number of classes that it tells apart."""

    judge: Annotated[SerializeAsAny[Judge], embedded(Judge)]
    classes: int
