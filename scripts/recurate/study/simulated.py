"""What a study of closed-form loops may say: arms that are simulated, all replicates and generations in one job."""

from __future__ import annotations

from functools import partial
from typing import Literal

from pydantic import Field, field_validator, model_validator

from recurate.foundation.components import Settings
from recurate.study.common import Published, StudySettings, check, known
from recurate.study.simulated_arm import SimulatedArm

FIGURES = ("curves", "rates", "snapshots", "equivalent_data")


class Rates(Settings):
    """Fit of log error on log pool size, and what theory says of its slope: min(p, alpha, q)."""

    measures: list[str] = Field(min_length=1, description="errors whose decay is fitted")
    drop: int = Field(0, ge=0, description="first generations that are left out of the fit")
    exponent: float = Field(gt=0, description="p, with which the estimator's error falls with the number of samples")
    resamples: int = Field(1_000, ge=2, description="bootstrap samples of the replicates, for the error of a slope")


class SimulatedStudy(StudySettings):
    """A study file with `loop: simulated`: arms, measures, laws and figures of closed-form loops."""

    loop: Literal["simulated"] = Field(description="says that the study is simulated, not trained")
    generations: int = Field(ge=1, le=100_000, description="number of generations T after the first fit")
    arms: dict[str, SimulatedArm] = Field(min_length=1, description="arms by name")
    measures: list[str] = Field(min_length=1, description="what is recorded in every generation")
    shown: int = Field(
        12, ge=1, description="generations in each power of ten that tables hold; the arrays hold every generation"
    )
    snapshots: list[int] = Field([], description="generations whose models are kept for pictures, of the first seed")
    rates: Rates | None = Field(None, description="fits of the decay of errors")
    published: list[Published] = Field([], description="published numbers to compare with")
    figures: list[str] = Field(["curves"], description="figures to draw")
    drawn: list[str] = Field([], description="measures that the figure `curves` shows, in rows; all if empty")
    medians: list[str] = Field([], description="measures of which `curves` shows the median over replicates as well")
    linear: list[str] = Field([], description="measures that the figure `curves` shows on a linear scale")

    @field_validator("figures")
    @classmethod
    def _figures_exist(cls, value: list[str]) -> list[str]:
        return known(value, FIGURES)

    @model_validator(mode="after")
    def _measures_exist(self) -> SimulatedStudy:
        recordable = {measure for arm in self.arms.values() for measure in arm.measures}
        check("measures", partial(known, self.measures, tuple(sorted(recordable))))
        recorded, arms = tuple(self.measures), tuple(self.arms)
        for key in ("drawn", "medians", "linear"):
            check(key, partial(known, getattr(self, key), recorded))
        if self.rates:
            check("rates.measures", partial(known, self.rates.measures, recorded))
        for number, found in enumerate(self.published):
            check(f"published.{number}.arm", partial(known, [found.arm], arms))
            check(f"published.{number}.measure", partial(known, [found.measure], recorded))
        return self

    @model_validator(mode="after")
    def _figures_can_be_drawn(self) -> SimulatedStudy:
        for figure, kind, dimensions in (("snapshots", "gaussian_mixture", 2), ("equivalent_data", "gaussian", 1)):
            for name, arm in self.arms.items() if figure in self.figures else ():
                if (arm.estimator.kind, arm.estimator.coordinates) != (kind, dimensions):
                    raise ValueError(
                        f"figures: {figure} is about {kind} in {dimensions} dimensions, arms.{name} is not"
                    )
        if "equivalent_data" in self.figures:
            check(
                "figures: equivalent_data: measures",
                partial(known, ["squared_error", "w2_squared"], tuple(self.measures)),
            )
        return self

    @model_validator(mode="after")
    def _generations_exist(self) -> SimulatedStudy:
        wanted = [*self.snapshots, *(found.generation for found in self.published)]
        if wanted and max(wanted) > self.generations:
            raise ValueError(
                f"snapshots, published: there is no generation {max(wanted)}, the last is {self.generations}"
            )
        if self.rates and self.rates.drop > self.generations - 2:
            raise ValueError(f"rates.drop: {self.rates.drop} of {self.generations} generations leaves nothing to fit")
        for figure, needed, key in (("rates", self.rates, "rates"), ("snapshots", self.snapshots, "snapshots")):
            if figure in self.figures and not needed:
                raise ValueError(f"figures: {figure} needs the key {key}")
        return self

    def recorded(self) -> list[int]:
        """Generations that tables hold: all at first, then `shown` in every power of ten, and the last."""
        steps = range(1, 1 + self.shown * 6)
        spaced = {round(10 ** (step / self.shown)) for step in steps}
        kept = {generation for generation in spaced if generation < self.generations}
        asked = {*self.snapshots, *(found.generation for found in self.published)}
        return sorted({0, 1, self.generations, *kept, *asked})
