"""Features of the study's own judge."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from recurate.features import Features

if TYPE_CHECKING:
    import numpy

    from recurate.judges import FittedJudge


class JudgeFeatures(Features):
    """The last hidden layer of the study's judge; comparable within one origin only."""

    needs_judge: ClassVar[bool] = True

    def extract(self, x: numpy.ndarray, judge: FittedJudge | None, device: str) -> numpy.ndarray:
        assert judge is not None
        return judge.features(x)
