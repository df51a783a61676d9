"""What forecasting an arm reads."""

from __future__ import annotations

from typing import Annotated

from pydantic import SerializeAsAny

from recurate.curation import Curation
from recurate.foundation.components import Settings, embedded
from recurate.mixing.trained import Mixing


class Reads(Settings):
    """How people choose, what is mixed, for how long; `supremum` is the reward's r*, `components` name its parts
    where it is a vector, `classes` is their number."""

    curation: Annotated[SerializeAsAny[Curation], embedded(Curation)]
    mixing: Mixing
    generations: int
    classes: int
    supremum: float
    components: tuple[str, ...]
