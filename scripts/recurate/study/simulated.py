"""What a study of closed-form loops may say: arms that are simulated, all replicates and generations in one job."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from recurate.figures import SimulatedFigures
from recurate.foundation.components import Settings
from recurate.study.common import Published, StudySettings, check, known
from recurate.study.simulated_arm import SimulatedArm

SHOWN = 12  # generations in each power of ten that tables hold; the arrays hold every generation


class Rates(Settings):
    """Fit of log error on log pool size, and what theory says of its slope: min(p, alpha, q)."""

    measures: list[str] = Field(min_length=1, description="errors whose decay is fitted")
    drop: int = Field(0, ge=0, description="first generations that are left out of the fit")
    exponent: float = Field(gt=0, description="p, with which the estimator's error falls with the number of samples")
    former: ClassVar[Mapping[str, str]] = {"resamples": "leave it out, the number of bootstrap samples is fixed"}


class SimulatedStudy(StudySettings):
    """A study file with `loop: simulated`: arms, measures, laws and figures of closed-form loops."""

    former: ClassVar[Mapping[str, str]] = {
        "drawn": "give it as rows of the figure: figures: [{kind: curves, rows: [..]}]",
        "medians": "give it to the figure: figures: [{kind: curves, medians: [..]}]",
        "linear": "give it to the figure: figures: [{kind: curves, linear: [..]}]",
        "snapshots": "give it as generations of the figure: figures: [{kind: snapshots, generations: [..]}]",
        "shown": f"leave it out, tables hold {SHOWN} generations in each power of ten",
    }

    loop: Literal["simulated"] = Field(description="says that the study is simulated, not trained")
    generations: int = Field(ge=1, le=100_000, description="number of generations T after the first fit")
    arms: dict[str, SimulatedArm] = Field(min_length=1, description="arms by name")
    common_random_numbers: bool = Field(
        False,
        description="arms share their random numbers, which makes differences between them sharper; their comparisons "
        "with laws then say the same over and over. Without it arms are independent",
    )
    measures: list[str] = Field(min_length=1, description="what is recorded in every generation")
    rates: Rates | None = Field(None, description="fits of the decay of errors")
    published: list[Published] = Field([], description="published numbers to compare with")
    figures: SimulatedFigures = Field(
        ["curves"], validate_default=True, description="figures to draw: names, or blocks of a `kind` and its keys"
    )

    @model_validator(mode="after")
    def _measures_exist(self) -> SimulatedStudy:
        recordable = {measure for arm in self.arms.values() for measure in arm.measures}
        check("measures", partial(known, self.measures, tuple(sorted(recordable))))
        recorded, arms = tuple(self.measures), tuple(self.arms)
        if self.rates:
            check("rates.measures", partial(known, self.rates.measures, recorded))
        for number, printed in enumerate(self.published):
            check(f"published.{number}.arm", partial(known, [printed.arm], arms))
            check(f"published.{number}.measure", partial(known, [printed.measure], recorded))
        return self

    @model_validator(mode="after")
    def _generations_exist(self) -> SimulatedStudy:
        for number, published in enumerate(self.published):
            if published.generation > self.generations:
                raise ValueError(
                    f"published.{number}: there is no generation {published.generation}, the last is {self.generations}"
                )
        if self.rates and self.rates.drop > self.generations - 2:
            raise ValueError(f"rates.drop: {self.rates.drop} of {self.generations} generations leaves nothing to fit")
        return self

    @property
    def kept_models(self) -> list[int]:
        """Generations whose fitted models, of the first seed, are kept for figures that show them."""
        return sorted({generation for figure in self.figures for generation in figure.models})

    def recorded(self) -> list[int]:
        """Generations that tables hold: all at first, then some in every power of ten, the last, what is asked for."""
        spaced = {round(10 ** (step / SHOWN)) for step in range(1, 1 + SHOWN * 6)}
        shown = {generation for generation in spaced if generation < self.generations}
        published = {number.generation for number in self.published}
        return sorted({0, 1, self.generations, *shown, *self.kept_models, *published})
