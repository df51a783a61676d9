"""The configuration: which studies at which scale, and what a study file may say.

Everything is validated here, before Snakemake builds its graph; a mistake becomes one line with file, key and remedy.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, SerializeAsAny, field_validator, model_validator

from recurate.checkpoint import Checkpoint
from recurate.components import Settings, embedded
from recurate.curation import Curation
from recurate.data import Data
from recurate.features import Features
from recurate.judges import Judge
from recurate.metrics import DATA, Metric
from recurate.mixing import Mixing
from recurate.models import LanguageModel, Model
from recurate.objectives import Objective
from recurate.rewards import Reward
from recurate.samplers import Sampler
from recurate.study_settings import StudySettings, check, known
from recurate.theory.claims import CLAIMS
from recurate.training import Trainer, Training

FIGURES = (
    "densities", "trajectory", "shares", "quality", "choices", "contact_sheet", "animation", "language", "perplexities",
)  # fmt: skip
MAX_GENERATIONS = 999


class Origin(Settings):
    """Generation 0: a model fitted to real data, shared by all arms that start from it."""

    data: Annotated[SerializeAsAny[Data], embedded(Data, "data")] = Field(description="the real data")
    judge: Annotated[SerializeAsAny[Judge], embedded(Judge, "judges")] | None = Field(
        None, description="classifier trained on the real data, for rewards, class shares and features"
    )
    model: Annotated[SerializeAsAny[Model], embedded(Model, "models")] = Field(description="the network")
    objective: Annotated[SerializeAsAny[Objective], embedded(Objective, "objectives")] = Field(
        description="the training objective"
    )
    training: Training | None = Field(None, description="training of generation 0; none if a checkpoint is taken as is")
    checkpoint: Checkpoint | None = Field(
        None, description="parameters trained elsewhere, which generation 0 is, or which its training starts from"
    )
    sampler: Annotated[SerializeAsAny[Sampler], embedded(Sampler, "samplers")] = Field(
        description="how samples are drawn, in every generation"
    )
    samples: int = Field(ge=2, description="size of every generation's sample set")
    data_seed: int = Field(0, ge=0, description="seed of the real data and of the judge, shared by all replicates")

    @model_validator(mode="after")
    def _is_trained_somewhere(self) -> Origin:
        if self.training is None and self.checkpoint is None:
            raise ValueError("give training, or a checkpoint, or both")
        return self

    @model_validator(mode="after")
    def _parts_fit_the_network(self) -> Origin:
        for part, needed in ((self.objective, self.objective.trains), (self.sampler, self.sampler.draws_from)):
            if not isinstance(self.model, needed):
                raise ValueError(f"{part.kind} needs {needed.role}, the model {self.model.kind} is {self.model.role}")
        return self

    @model_validator(mode="after")
    def _parts_fit_the_data(self) -> Origin:
        if self.data.description.vocabulary and not isinstance(self.model, LanguageModel):
            raise ValueError(
                f"model: text needs {LanguageModel.role}, the model {self.model.kind} is {self.model.role}"
            )
        for key in ("judge", "model", "training"):
            part = getattr(self, key)
            if part is not None:
                check(key, partial(part.check, self.data.description))
        check("sampler", partial(self.sampler.check, self.data.description, self.model, self.samples))
        return self


class Retraining(Training):
    """Training of the generations after the origin."""

    start: Literal["scratch", "origin", "previous"] = Field(
        "previous", description="whose sampled parameters training starts from; the rate's course always starts afresh"
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

    def _check_arm(self, key: str, arm: Arm, origin: Origin) -> None:
        data = origin.data.description
        if arm.reward.needs_judge and origin.judge is None:
            raise ValueError(f"{key}.reward: {arm.reward.kind} needs a judge; give origins.{arm.origin} one")
        check(f"{key}.reward", partial(arm.reward.check, data))
        if arm.curation.by_prompt and not origin.sampler.answers:
            raise ValueError(f"{key}.curation: among: prompt, but the sampler {origin.sampler.kind} answers no prompts")
        pool = origin.sampler.answers if arm.curation.by_prompt else origin.samples
        check(f"{key}.curation", partial(arm.curation.check, pool))
        check(f"{key}.retraining", partial(arm.retraining.check, data))
        check(f"{key}.retraining", partial(arm.retraining.check_origin, arm.origin, origin.training))
        for number, features in enumerate(self.features):
            if features.needs_judge and origin.judge is None:
                raise ValueError(f"features.{number}: {features.kind} needs a judge; give origins.{arm.origin} one")
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
        for figure, dimensions in (("densities", 1), ("animation", 1), ("contact_sheet", 3)):
            if figure in self.figures and len(data.shape) != dimensions:
                raise ValueError(f"figures: {figure} cannot show the data of {key}, whose shape is {data.shape}")
        if "perplexities" in self.figures and "block_perplexity" not in spaces:
            raise ValueError("figures: perplexities shows the features block_perplexity; list them under features")

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


class Config(Settings):
    """`config/config.yaml`, with what `--config` changes."""

    studies: list[str] = Field(description="studies that the default target makes")
    scale: Literal["demo", "paper"] = Field("demo", description="demo: minutes on two cores; paper: the published size")
    results: str = Field("results", description="folder that everything is written to")
    data: str = Field("data", description="folder that published data sets and feature networks are fetched into, once")
    data_folders: dict[str, str] = Field(
        {}, description="folders by data set that hold its published files, for machines that cannot download them"
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="where networks run; auto takes a GPU if there is one"
    )
    light_jobs: Literal["submit_host", "cluster"] = Field(
        "submit_host", description="where figures, tables and forecasts are made when a cluster does the rest"
    )
    save_every: float = Field(
        Trainer.save_every, gt=0, description="seconds of training between two private checkpoints"
    )
    overrides: dict[str, dict[str, Any]] = Field(
        {}, description="settings by study that replace those of its file, for trying things out"
    )

    @field_validator("overrides", mode="before")
    @classmethod
    def _typed(cls, value: Any) -> Any:
        """Snakemake's `--config` leaves the values inside mappings as text; read them as YAML does."""
        if isinstance(value, dict):
            return {key: cls._typed(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [cls._typed(inner) for inner in value]
        if not isinstance(value, str):
            return value
        try:
            scalar = yaml.safe_load(value)
        except yaml.YAMLError:
            return value
        return value if isinstance(scalar, dict) else scalar
