"""What drawing a figure reads."""

from __future__ import annotations

from typing import Annotated

from pydantic import SerializeAsAny

from recurate.figures import Drawing, Figure, Files, SimulatedFigure, TrainedFigure
from recurate.figures.parts.view import SimulatedView, StudyView
from recurate.foundation.components import Settings, embedded


class Reads(Settings):
    """A figure with its options, and the study that it shows."""

    figure: Annotated[SerializeAsAny[Figure], embedded(Figure)]
    study: StudyView | SimulatedView

    def check(self) -> None:
        """Raise ValueError with one sentence if the figure cannot show the study."""
        if isinstance(self.figure, TrainedFigure) and isinstance(self.study, StudyView):
            self.figure.check(self.study)
            return
        assert isinstance(self.figure, SimulatedFigure) and isinstance(self.study, SimulatedView)
        self.figure.check(self.study)

    def draw(self, files: Files) -> Drawing:
        """The figure of the study; raises RecurateError if what was measured cannot be shown."""
        if isinstance(self.figure, TrainedFigure) and isinstance(self.study, StudyView):
            return self.figure.draw(self.study, files)
        assert isinstance(self.figure, SimulatedFigure) and isinstance(self.study, SimulatedView)
        return self.figure.draw(self.study, files)
