"""What a study of trained loops may say: origins, and arms that are retrained from them generation by generation."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from typing import Annotated

from pydantic import Field, SerializeAsAny, field_validator, model_validator

from recurate.figures import TrainedFigures
from recurate.foundation.components import embedded
from recurate.foundation.quoting import nearest
from recurate.measuring.features import Features
from recurate.measuring.metrics import DATA, Metric
from recurate.measuring.reference import Reference
from recurate.study.arm import Arm
from recurate.study.common import Published, StudySettings, check, known
from recurate.study.origin import Origin
from recurate.theory.claims import CLAIMS

MAX_GENERATIONS = 9_999


class Study(StudySettings):
    """One study file: origins, arms, figures and claims."""

    seeds_per_job: int = Field(
        4, ge=1, description="consecutive seeds that one job trains together; more seeds leave full groups as they are"
    )
    generations: int = Field(ge=1, le=MAX_GENERATIONS, description="number of retrained generations T")
    origins: dict[str, Origin] = Field(min_length=1, description="origins by name")
    arms: dict[str, Arm] = Field(min_length=1, description="arms by name")
    features: list[Annotated[SerializeAsAny[Features], embedded(Features)]] = Field(
        [], description="feature spaces that metrics name"
    )
    reference: Reference = Field(
        Reference(split="test", samples=None), description="the real data that samples are compared with"
    )
    metrics: list[Annotated[SerializeAsAny[Metric], embedded(Metric)]] = Field(
        [], description="metrics beside those every arm has"
    )
    claims: list[str] = Field(list(CLAIMS), description="published claims to check")
    published: list[Published] = Field([], description="published numbers to compare with")
    figures: TrainedFigures = Field(
        ["trajectory"], validate_default=True, description="figures to draw: names, or blocks of a `kind` and its keys"
    )

    @field_validator("features")
    @classmethod
    def _spaces_of_their_own(cls, value: list[Features]) -> list[Features]:
        names = [DATA, *(features.space for features in value)]
        if repeated := [name for name, count in Counter(names).items() if count > 1]:
            raise ValueError(f"there are two feature spaces {repeated[0]!r}; metrics could not tell them apart")
        return value

    @model_validator(mode="after")
    def _metrics_have_names_of_their_own(self) -> Study:
        found: set[tuple[str, str | None]] = set()
        for number, metric in enumerate(self.metrics):
            if (metric.kind, metric.space) in found:
                where = f" on {metric.space}" if metric.space else ""
                raise ValueError(
                    f"metrics.{number}: {metric.kind}{where} is listed twice, and tables would not tell the two apart; "
                    "leave one out"
                )
            found.add((metric.kind, metric.space))
        return self

    @field_validator("claims")
    @classmethod
    def _known(cls, value: list[str]) -> list[str]:
        return known(value, tuple(CLAIMS))

    @model_validator(mode="after")
    def _arms_fit_their_origins(self) -> Study:
        for name, arm in self.arms.items():
            if arm.origin not in self.origins:
                raise ValueError(
                    f"arms.{name}.origin: there is no origin {arm.origin!r}; known are {', '.join(self.origins)}"
                    f"{nearest(self.origins, arm.origin)}"
                )
            self._check_arm(f"arms.{name}", arm, self.origins[arm.origin])
        return self

    @model_validator(mode="after")
    def _published_numbers_are_of_arms(self) -> Study:
        for number, printed in enumerate(self.published):
            check(f"published.{number}.arm", partial(known, [printed.arm], tuple(self.arms)))
            if printed.generation > self.generations:
                raise ValueError(f"published.{number}: there is no generation {printed.generation}")
        return self

    def _check_arm(self, key: str, arm: Arm, origin: Origin) -> None:
        data = origin.data.description
        if arm.reward.needs_judge and origin.judge is None:
            raise ValueError(f"{key}.reward: {arm.reward.kind} needs a judge; give origins.{arm.origin} one")
        arm.check_choice(key)
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
        origin.check_real(f"{key}.mixing.real", arm.mixing.real)
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
        check(f"{key}.retraining", partial(origin.check_carry_over, arm.origin, arm.retraining.carry_over))
        self._check_measurement(arm.origin, origin, sampler.given)

    def _check_measurement(self, name: str, origin: Origin, given: int) -> None:
        data = origin.data.description
        generated = replace(data, shape=(data.shape[0] - given, *data.shape[1:])) if given else data
        for number, features in enumerate(self.features):
            if features.needs_judge and origin.judge is None:
                raise ValueError(f"features.{number}: {features.kind} needs a judge; give origins.{name} one")
            origin.check_answers(f"features.{number}", features.kind, features.needs_origin)
            check(f"features.{number}", partial(features.check, data))
        spaces = [DATA, *(features.space for features in self.features)]
        of_origin = [features.space for features in self.features if features.needs_origin]
        for number, metric in enumerate(self.metrics):
            if metric.space not in (None, *spaces):
                raise ValueError(
                    f"metrics.{number}: there are no features {metric.space!r}; known are {', '.join(spaces)}, "
                    "others are to be listed under features"
                )
            if metric.compares and metric.space in of_origin:
                raise ValueError(
                    f"metrics.{number}: {metric.kind} compares with real data, which have no features "
                    f"{metric.space!r}: generation 0's model of every seed makes its own"
                )
            check(f"metrics.{number}", partial(metric.check, generated))

    def spaces_against_training(self) -> set[str]:
        """Spaces in which some metric asks how near samples are to all training data."""
        return {metric.space for metric in self.metrics if metric.space and metric.against_training}

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
