"""What a study of trained loops may say: origins, and arms that are retrained from them generation by generation."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import Field, SerializeAsAny, field_validator, model_validator

from recurate.components import Settings, embedded
from recurate.curation import Curation
from recurate.features import Features
from recurate.metrics import DATA, Metric
from recurate.mixing import Mixing
from recurate.models import Autoencoder
from recurate.origin import Origin
from recurate.rewards import Reward
from recurate.samplers import Sampler
from recurate.study_settings import Published, StudySettings, check, known
from recurate.theory.claims import CLAIMS
from recurate.training import Training

FIGURES = (
    "densities", "trajectory", "shares", "quality", "comparison", "choices", "contact_sheet", "latents", "traversals",
    "language", "perplexities", "animation",
)  # fmt: skip
MAX_GENERATIONS = 999


class Retraining(Training):
    """Training of the generations after the origin."""

    start: Literal["scratch", "origin", "previous"] = Field(
        "previous", description="whose sampled parameters training starts from; the rate's course always starts afresh"
    )
    synthetic: Literal["stored", "afresh"] = Field(
        "stored",
        description="where synthetic samples come from: the curated set of the last generation, or, for every "
        "batch anew, its model (Shumailov et al.), which only an uncurated arm can",
    )
    carry_over: list[Literal["optimizer", "ema"]] = Field(
        [],
        description="what goes on from the model that training starts from, and else starts afresh: `optimizer` Adam's "
        "moments and step count; `ema` the running average, training then starts from the raw parameters. The origin's "
        "training needs `keep_state`, for `ema` also `ema_half_life`; with `start: previous` the arm's is implied",
    )

    @model_validator(mode="before")
    @classmethod
    def _keep_what_the_next_generation_carries_over(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("carry_over") and values.get("start", "previous") == "previous":
            return {**values, "keep_state": True}
        return values

    @model_validator(mode="after")
    def _something_can_be_carried_over(self) -> Retraining:
        if self.carry_over and self.start == "scratch":
            raise ValueError("carry_over: a start from scratch carries nothing over; start from origin or previous")
        if "ema" in self.carry_over and self.ema_half_life is None:
            raise ValueError("carry_over: ema needs an average that goes on; give ema_half_life")
        return self

    def check_origin(self, name: str, training: Training | None) -> None:
        """Raise ValueError if the origin `name`, trained so, does not keep what is carried over from it."""
        if self.carry_over and not (training and training.keep_state):
            raise ValueError(f"carry_over: the origin does not keep it; set origins.{name}.training.keep_state: true")
        if "ema" in self.carry_over and not (training and training.ema_half_life):
            raise ValueError(f"carry_over: the origin has no average; give origins.{name}.training.ema_half_life")


class Arm(Settings):
    """One way of closing the loop from an origin."""

    title: str = Field("", description="how figures name the arm; the arm's name if empty")
    origin: str = Field(description="name of the origin the arm starts from")
    reward: Annotated[SerializeAsAny[Reward], embedded(Reward, "rewards")] = Field(description="what curators prefer")
    curation: Annotated[SerializeAsAny[Curation], embedded(Curation, "curation")] = Field(
        description="which samples they keep"
    )
    mixing: Mixing = Field(description="how much real data the next generation sees")
    retraining: Retraining = Field(description="training of generations 1, 2, ..")
    sampler: Annotated[SerializeAsAny[Sampler], embedded(Sampler, "samplers")] | None = Field(
        None, description="how the arm's samples are drawn, from generation 0's model on; the origin's if none"
    )
    panel: str = Field("", description="column of the figure `comparison` that shows the arm")

    @model_validator(mode="after")
    def _samples_drawn_afresh_are_uncurated(self) -> Arm:
        if self.retraining.synthetic == "afresh":
            if self.curation.choices != 1:
                raise ValueError(
                    "retraining.synthetic: afresh leaves nothing to curate; take curation.choices: 1, or stored samples"
                )
            if self.mixing.rule.accumulates or self.mixing.real_fraction == 1:
                raise ValueError(
                    "retraining.synthetic: afresh draws from the last generation's model alone; take stored samples, "
                    "or a mixing rule that trains on it and on no earlier one"
                )
        return self


class Reference(Settings):
    """The real data that samples are compared with."""

    split: Literal["train", "test"] = Field("test", description="part of the real data")
    samples: int | None = Field(
        None, ge=2, description="at most so many real images of either part get features; all of them if none"
    )


class Study(StudySettings):
    """One study file: origins, arms, figures and claims."""

    seeds_per_job: int = Field(8, ge=1, description="consecutive seeds that one job trains together")
    generations: int = Field(ge=1, le=MAX_GENERATIONS, description="number of retrained generations T")
    origins: dict[str, Origin] = Field(min_length=1, description="origins by name")
    arms: dict[str, Arm] = Field(min_length=1, description="arms by name")
    features: list[Annotated[SerializeAsAny[Features], embedded(Features, "features")]] = Field(
        [], description="feature spaces that metrics name"
    )
    reference: Reference = Field(
        Reference(split="test", samples=None), description="the real data that samples are compared with"
    )
    metrics: list[Annotated[SerializeAsAny[Metric], embedded(Metric, "metrics")]] = Field(
        [], description="metrics beside those every arm has"
    )
    claims: list[str] = Field(list(CLAIMS), description="published claims to check")
    published: list[Published] = Field([], description="published numbers to compare with")
    figures: list[str] = Field(["trajectory"], description="figures to draw")

    @field_validator("features")
    @classmethod
    def _spaces_of_their_own(cls, value: list[Features]) -> list[Features]:
        names = [DATA, *(features.space for features in value)]
        if repeated := [name for name, count in Counter(names).items() if count > 1]:
            raise ValueError(f"there are two feature spaces {repeated[0]!r}; metrics could not tell them apart")
        return value

    @field_validator("claims", "figures")
    @classmethod
    def _known(cls, value: list[str], info: Any) -> list[str]:
        return known(value, FIGURES if info.field_name == "figures" else tuple(CLAIMS))

    @model_validator(mode="after")
    def _arms_fit_their_origins(self) -> Study:
        for name, arm in self.arms.items():
            if arm.origin not in self.origins:
                raise ValueError(
                    f"arms.{name}.origin: there is no origin {arm.origin!r}; known are {', '.join(self.origins)}"
                )
            self._check_arm(f"arms.{name}", arm, self.origins[arm.origin])
        return self

    @model_validator(mode="after")
    def _published_numbers_are_of_arms(self) -> Study:
        for number, found in enumerate(self.published):
            check(f"published.{number}.arm", partial(known, [found.arm], tuple(self.arms)))
            if found.generation > self.generations:
                raise ValueError(f"published.{number}: there is no generation {found.generation}")
        return self

    def _check_arm(self, key: str, arm: Arm, origin: Origin) -> None:
        data = origin.data.description
        if arm.reward.needs_judge and origin.judge is None:
            raise ValueError(f"{key}.reward: {arm.reward.kind} needs a judge; give origins.{arm.origin} one")
        origin.check_answers(f"{key}.reward", arm.reward.kind, arm.reward.needs_origin)
        check(f"{key}.reward", partial(arm.reward.check, data))
        sampler = arm.sampler or origin.sampler
        if arm.curation.by_prompt and not sampler.answers:
            raise ValueError(f"{key}.curation: among: prompt, but the sampler {sampler.kind} answers no prompts")
        pool = sampler.answers if arm.curation.by_prompt else origin.samples
        check(f"{key}.curation", partial(arm.curation.check, pool))
        if arm.mixing.rule.real == "fresh" and origin.real_samples is None:
            raise ValueError(
                f"{key}.mixing: generation 0 is trained on all real data, so that none are new; give "
                f"origins.{arm.origin}.real_samples"
            )
        if arm.retraining.synthetic == "afresh" and origin.objective.uses_labels:
            raise ValueError(
                f"{key}.retraining.synthetic: {origin.objective.kind} is told the classes of what is kept; take stored "
                "samples"
            )
        if arm.retraining.synthetic == "afresh" and sampler.needs_real:
            raise ValueError(f"{key}.retraining.synthetic: {sampler.kind} begins from real data; take stored samples")
        if arm.sampler is not None:
            check(f"{key}.sampler", partial(arm.sampler.check, origin.model, origin.objective.drops_labels))
            check(f"{key}.sampler", partial(arm.sampler.check_samples, data, origin.model, origin.samples))
        check(f"{key}.retraining", partial(arm.retraining.check, data))
        check(f"{key}.retraining", partial(arm.retraining.check_origin, arm.origin, origin.training))
        self._check_measurement(arm.origin, origin)
        self._check_figures(key, origin)

    def _check_measurement(self, name: str, origin: Origin) -> None:
        data = origin.data.description
        for number, features in enumerate(self.features):
            if features.needs_judge and origin.judge is None:
                raise ValueError(f"features.{number}: {features.kind} needs a judge; give origins.{name} one")
            origin.check_answers(f"features.{number}", features.kind, features.needs_origin)
            check(f"features.{number}", partial(features.check, data))
        spaces = [DATA, *(features.space for features in self.features)]
        own = [features.space for features in self.features if features.needs_origin]
        for number, metric in enumerate(self.metrics):
            if metric.space not in (None, *spaces):
                raise ValueError(
                    f"metrics.{number}: there are no features {metric.space!r}; known are {', '.join(spaces)}, "
                    "others are to be listed under features"
                )
            if metric.compares and metric.space in own:
                raise ValueError(
                    f"metrics.{number}: {metric.kind} compares with real data, which have no features "
                    f"{metric.space!r}: generation 0's model of every seed makes its own"
                )
            check(f"metrics.{number}", partial(metric.check, data))

    def _check_figures(self, key: str, origin: Origin) -> None:
        shape = origin.data.description.shape
        spaces = [features.space for features in self.features]
        for figure, dimensions in (("densities", 1), ("animation", 1), ("contact_sheet", 3)):
            if figure in self.figures and len(shape) != dimensions:
                raise ValueError(f"figures: {figure} cannot show the data of {key}, whose shape is {shape}")
        for figure in {"latents", "traversals"}.intersection(self.figures):
            origin.check_answers("figures", figure, Autoencoder)
        for figure, shown in (("latents", "encoder"), ("perplexities", "block_perplexity")):
            if figure in self.figures and shown not in spaces:
                raise ValueError(f"figures: {figure} shows the features {shown}; list them under features")

    def seed_batches(self) -> list[list[int]]:
        """Seeds of every job: consecutive ones, at most `seeds_per_job`; appended seeds leave full batches alone."""
        batches: list[list[int]] = []
        for seed in self.seeds:
            last = batches[-1] if batches else []
            if last and seed == last[-1] + 1 and len(last) < self.seeds_per_job:
                last.append(seed)
            else:
                batches.append([seed])
        return batches
