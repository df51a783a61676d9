"""What preparing real data reads."""

from __future__ import annotations

from typing import Annotated

from pydantic import SerializeAsAny

from recurate.data import Data
from recurate.foundation.components import Settings, embedded


class Reads(Settings):
    """A data set."""

    data: Annotated[SerializeAsAny[Data], embedded(Data)]
