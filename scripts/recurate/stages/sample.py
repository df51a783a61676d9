"""What drawing a sample set reads."""

from __future__ import annotations

from typing import Annotated

from pydantic import SerializeAsAny

from recurate.foundation.components import Settings, embedded
from recurate.models import Model
from recurate.sampling import Sampler


class Reads(Settings):
    """A network, and how many samples are drawn from it in which way."""

    model: Annotated[SerializeAsAny[Model], embedded(Model)]
    sampler: Annotated[SerializeAsAny[Sampler], embedded(Sampler)]
    samples: int
