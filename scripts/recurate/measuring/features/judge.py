"""Features of the study's own judge."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from recurate.curation.judges import FittedJudge
from recurate.measuring.features import Features

if TYPE_CHECKING:
    from recurate.foundation.types import Array
    from recurate.models.parts.fitted import FittedModel


class JudgeFeatures(Features):
    """The last hidden layer of the study's judge; comparable within one origin only."""

    needs_judge: ClassVar[bool] = True

    def extract(self, x: Array, scorer: FittedJudge | FittedModel | None, device: str) -> Array:
        assert isinstance(scorer, FittedJudge)
        return scorer.features(x)
