"""What a study of closed-form loops may say: arms that are simulated, all replicates and generations in one job."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from pydantic import Field, SerializeAsAny, field_validator, model_validator

from recurate.components import Settings, embedded
from recurate.curation import Curation
from recurate.data import Description
from recurate.estimators import REWARD_MEASURES, Estimator, Preference
from recurate.mixing import Collection, SimulatedMixing
from recurate.rewards import Reward
from recurate.study_settings import Published, StudySettings, check, known
from recurate.theory.laws import SimulatedLoop

FIGURES = ("curves", "rates", "snapshots", "equivalent_data")


class SimulatedArm(Settings):
    """One way of closing a loop around an estimator."""

    title: str = Field("", description="how figures name the arm; the arm's name if empty")
    panel: str = Field("", description="column of the figure `curves` that shows the arm")
    estimator: Annotated[SerializeAsAny[Estimator], embedded(Estimator, "estimators")] = Field(
        description="what is fitted, and to which real data"
    )
    mixing: SimulatedMixing = Field(description="what a training set is made of, and how large its parts are")
    sampling_bias: float = Field(
        1.0, gt=0, description="Alemohammad's lambda_s: factor on the model's covariance when it is sampled"
    )
    collection: Collection | None = Field(None, description="wrongly collected real data, in regimes with fresh ones")
    reward: Annotated[SerializeAsAny[Reward], embedded(Reward, "rewards")] | None = Field(
        None, description="what curators prefer; none: no curation"
    )
    curation: Annotated[SerializeAsAny[Curation], embedded(Curation, "curation")] | None = Field(
        None, description="which of a round's synthetic samples they keep"
    )

    @model_validator(mode="after")
    def _parts_fit_together(self) -> SimulatedArm:
        estimator, sizes = self.estimator, self.mixing.sizes
        check("mixing", lambda: estimator.check(self.mixing.rule, sizes))
        if self.sampling_bias != 1 and not estimator.scales_spread:
            raise ValueError(f"sampling_bias: {estimator.kind} has no covariance that could be scaled; leave it at 1")
        if self.collection and not estimator.has_contaminant:
            raise ValueError(
                f"collection: {estimator.kind} knows no wrong distribution; give estimator.wrong if it can"
            )
        if self.collection and self.mixing.rule.real != "fresh":
            raise ValueError(f"collection: the regime {self.mixing.regime} collects no real data after generation 0")
        if (self.reward is None) != (self.curation is None):
            raise ValueError("curation: needs a reward, and a reward needs curation; give both or neither")
        self._check_curation()
        return self

    def _check_curation(self) -> None:
        reward, curation = self.reward, self.curation
        if reward is None or curation is None:
            return
        if not self.estimator.has_samples:
            raise ValueError(f"curation: {self.estimator.kind} draws no samples that one could choose from")
        if reward.needs_judge:
            raise ValueError(f"reward: {reward.kind} needs a judge, which simulated loops do not have")
        check("reward", lambda: reward.check(Description((self.estimator.coordinates,), 0)))
        check("curation", lambda: curation.check(self.mixing.sizes.synthetic))

    def loop(self, generations: int) -> SimulatedLoop:
        """The arm as simulation and theory see it."""
        preference = Preference(self.reward, self.curation) if self.reward and self.curation else None
        return SimulatedLoop(
            self.mixing.rule, self.mixing.sizes, generations, self.sampling_bias, preference, self.collection
        )

    @property
    def measures(self) -> tuple[str, ...]:
        """What can be recorded of this arm."""
        return (*self.estimator.measures, *(REWARD_MEASURES if self.curation else ()))


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


def measured(arm: SimulatedArm, names: list[str]) -> list[str]:
    """Those of the measures `names` that an arm has, in their order."""
    return [name for name in names if name in arm.measures]
