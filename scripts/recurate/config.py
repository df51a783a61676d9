"""The configuration: which studies at which scale, and what a study file may say.

Everything is validated here, before Snakemake builds its graph; a mistake becomes one line with file, key and remedy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BeforeValidator,
    Field,
    SerializeAsAny,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from recurate.checkpoint import Checkpoint
from recurate.components import Component, Settings, load
from recurate.curation import Curation
from recurate.data import Data
from recurate.errors import RecurateError
from recurate.features import Features
from recurate.judges import Judge
from recurate.layout import NAME
from recurate.metrics import DATA, Metric
from recurate.mixing import Mixing
from recurate.models import Model
from recurate.objectives import Objective
from recurate.rewards import Reward
from recurate.samplers import Sampler
from recurate.theory.claims import CLAIMS
from recurate.training import Trainer, Training

FIGURES = ("densities", "trajectory", "shares", "quality", "choices", "contact_sheet", "animation")
MAX_GENERATIONS = 999


def _component(base: type[Component], family: str) -> BeforeValidator:
    return BeforeValidator(partial(_load, base, family))


def _load(base: type[Component], family: str, spec: Any) -> Component:
    try:
        return load(base, family, spec)
    except ValidationError as error:
        raise PydanticCustomError("component", "invalid", {"inner": error.errors(include_url=False)}) from error
    except RecurateError as error:
        raise ValueError(str(error)) from error


class Origin(Settings):
    """Generation 0: a model fitted to real data, shared by all arms that start from it."""

    data: Annotated[SerializeAsAny[Data], _component(Data, "data")] = Field(description="the real data")
    judge: Annotated[SerializeAsAny[Judge], _component(Judge, "judges")] | None = Field(
        None, description="classifier trained on the real data, for rewards, class shares and features"
    )
    model: Annotated[SerializeAsAny[Model], _component(Model, "models")] = Field(description="the network")
    objective: Annotated[SerializeAsAny[Objective], _component(Objective, "objectives")] = Field(
        description="the training objective"
    )
    training: Training | None = Field(None, description="training of generation 0; none if a checkpoint is taken as is")
    checkpoint: Checkpoint | None = Field(
        None, description="parameters trained elsewhere, which generation 0 is, or which its training starts from"
    )
    sampler: Annotated[SerializeAsAny[Sampler], _component(Sampler, "samplers")] = Field(
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
    def _parts_fit_the_data(self) -> Origin:
        for key in ("judge", "model", "training"):
            part = getattr(self, key)
            if part is not None:
                _check(key, partial(part.check, self.data.description))
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
    reward: Annotated[SerializeAsAny[Reward], _component(Reward, "rewards")] = Field(description="what curators prefer")
    curation: Annotated[SerializeAsAny[Curation], _component(Curation, "curation")] = Field(
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


class Request(Settings):
    """What the jobs of one rule ask a scheduler for."""

    mem_mb: int | None = Field(None, ge=1, description="memory in MB; measured or guessed if none")
    runtime: int | None = Field(None, ge=1, description="time in minutes; measured or guessed if none")


class Study(Settings):
    """One study file: origins, arms, figures and claims."""

    title: str = Field(description="heading in the report")
    answers: str = Field(description="which published figure or statement the study answers")
    seeds: list[int] = Field(description="independent replicates: a number of them (0, 1, ..), or a list")
    seeds_per_job: int = Field(8, ge=1, description="consecutive seeds that one job trains together")
    generations: int = Field(ge=1, le=MAX_GENERATIONS, description="number of retrained generations T")
    origins: dict[str, Origin] = Field(min_length=1, description="origins by name")
    arms: dict[str, Arm] = Field(min_length=1, description="arms by name")
    features: list[Annotated[SerializeAsAny[Features], _component(Features, "features")]] = Field(
        [], description="feature spaces that metrics name"
    )
    reference: Reference = Field(
        Reference(split="test", samples=None), description="the real data that samples are compared with"
    )
    metrics: list[Annotated[SerializeAsAny[Metric], _component(Metric, "metrics")]] = Field(
        [], description="metrics beside those every arm has"
    )
    claims: list[str] = Field(list(CLAIMS), description="published claims to check")
    figures: list[str] = Field(["trajectory"], description="figures to draw")
    resources: dict[str, Request] = Field(
        {}, description="memory and time on a cluster by rule (such as train_arm), for the first attempt"
    )

    @field_validator("seeds", mode="before")
    @classmethod
    def _count_or_list(cls, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            if value < 1:
                raise ValueError(f"{value} is not allowed; give a number of seeds >= 1 or a list of seeds")
            return list(range(value))
        return value

    @field_validator("seeds")
    @classmethod
    def _sorted_and_unique(cls, value: list[int]) -> list[int]:
        repeated = [seed for seed, count in Counter(value).items() if count > 1]
        if repeated or not value or min(value) < 0:
            raise ValueError(f"duplicate or negative seeds in {value}; list each replicate's number (>= 0) once")
        return sorted(value)

    @field_validator("origins", "arms", mode="before")
    @classmethod
    def _safe_names(cls, value: Any) -> Any:
        for name in value if isinstance(value, dict) else ():
            if not NAME.match(str(name)):
                raise ValueError(f"{name!r} is not a name; use lower-case letters, digits and _, with a letter first")
        return value

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
        known = FIGURES if info.field_name == "figures" else tuple(CLAIMS)
        for name in value:
            if name not in known:
                raise ValueError(f"{name!r} is not known; allowed are {', '.join(known)}")
        return value

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
        _check(f"{key}.reward", partial(arm.reward.check, data))
        _check(f"{key}.curation", partial(arm.curation.check, origin.samples))
        _check(f"{key}.retraining", partial(arm.retraining.check, data))
        _check(f"{key}.retraining", partial(arm.retraining.check_origin, arm.origin, origin.training))
        for number, features in enumerate(self.features):
            if features.needs_judge and origin.judge is None:
                raise ValueError(f"features.{number}: {features.kind} needs a judge; give origins.{arm.origin} one")
            _check(f"features.{number}", partial(features.check, data))
        spaces = [DATA, *(features.space for features in self.features)]
        for number, metric in enumerate(self.metrics):
            if metric.space not in (None, *spaces):
                raise ValueError(
                    f"metrics.{number}: there are no features {metric.space!r}; known are {', '.join(spaces)}, "
                    "others are to be listed under features"
                )
            _check(f"metrics.{number}", partial(metric.check, data))
        for figure, dimensions in (("densities", 1), ("animation", 1), ("contact_sheet", 3)):
            if figure in self.figures and len(data.shape) != dimensions:
                raise ValueError(f"figures: {figure} cannot show the data of {key}, whose shape is {data.shape}")

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
    data: str = Field("data", description="folder that image data sets and feature networks are fetched into, once")
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


def _check(key: str, check: Callable[[], None]) -> None:
    try:
        check()
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from error
