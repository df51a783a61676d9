"""Studies as figures and the report look at them: titles, arms in order, and what is known before anything is run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Protocol

from pydantic import ConfigDict, Field, SerializeAsAny

from recurate.curation import Curation
from recurate.curation.rewards import Reward
from recurate.foundation.components import Settings, embedded
from recurate.foundation.quoting import nearest
from recurate.measuring.reference import Reference
from recurate.mixing.regimes import RegimeName, Sizes, TrainedRegime


class PublishedView(Settings):
    """A number that a paper or its code printed."""

    arm: str
    measure: str
    generation: int
    value: float
    note: str


class MetricView(Settings):
    """A metric that is measured beside those of every arm: its kind, and the feature space that it looks at."""

    kind: str
    space: str | None

    @property
    def is_own(self) -> bool:
        """Whether it is a user's own, of which nobody knows what it measures."""
        return self.kind.endswith(".py")


class ArmView(Settings):
    """An arm of a trained study.

    `model` is the kind of network and `role` what it is, such as a vector field. `shape` is that of one sample,
    `classes` the number of classes that samples are counted in, 0 where they are not.
    `choices` is K, None where people do not choose one of K; `control` is the arm that differs in K = 1 alone, if
    there is one, and `no_control` says why there is none where one keeps another number of samples.
    `supremum` is the reward's r*; `reward` and `curation` themselves are there for figures that evaluate them.
    """

    title: str
    panel: str
    origin: str
    choices: float | None = Field(allow_inf_nan=True)
    by_prompt: bool
    real_fraction: float
    regime: TrainedRegime
    is_biased: bool
    supremum: float
    samples: int
    shape: tuple[int, ...]
    classes: int
    class_names: tuple[str, ...]
    has_judge: bool
    model: str
    role: str
    is_autoencoder: bool
    reward: Annotated[SerializeAsAny[Reward], embedded(Reward)] | None = None
    curation: Annotated[SerializeAsAny[Curation], embedded(Curation)] | None = None
    control: str | None = None
    no_control: str = ""

    @property
    def is_curated(self) -> bool:
        """Whether people choose, rather than take what comes (K = 1)."""
        return self.choices != 1


class StudyView(Settings):
    """A trained study; `features` are the names of its feature spaces."""

    name: str
    title: str
    answers: str
    seeds: list[int]
    generations: int
    reference: Reference
    features: list[str]
    metrics: list[MetricView]
    published: list[PublishedView]
    arms: dict[str, ArmView]

    def of_arms(self, names: Sequence[str]) -> StudyView:
        """The study with these of its arms alone, in its order; with all if there are no `names`.

        Raises ValueError for a name that it does not have.
        """
        if unknown := [name for name in names if name not in self.arms]:
            raise ValueError(
                f"arms: there is no arm {unknown[0]!r}; known are {', '.join(self.arms)}"
                f"{nearest(self.arms, unknown[0])}"
            )
        arms = {name: arm for name, arm in self.arms.items() if name in names}
        return self.model_copy(update={"arms": arms}) if names else self

    def measures(self, *kinds: str) -> bool:
        """Whether a metric of one of these kinds is measured, or one of a user's own, which may be like it."""
        return any(metric.kind in kinds or metric.is_own for metric in self.metrics)

    def check_autoencoders(self) -> None:
        """Raise ValueError unless generation 0 of all arms is an autoencoder."""
        for arm in self.arms.values():
            if not arm.is_autoencoder:
                raise ValueError(f"needs an autoencoder as generation 0, {arm.model} is {arm.role}")

    def check_features(self, space: str) -> None:
        """Raise ValueError unless the study has the feature space."""
        if space not in self.features:
            raise ValueError(f"shows the features {space}; list them under features")

    def check_blocks(self) -> None:
        """Raise ValueError unless the texts of all arms are blocks of one size, which perplexities depend on."""
        sizes = sorted({arm.shape[0] for arm in self.arms.values()})
        if len(sizes) > 1:
            raise ValueError(
                f"perplexities of blocks of {' and '.join(map(str, sizes))} tokens do not compare; draw arms with "
                "blocks of one size"
            )

    def check_plane(self) -> None:
        """Raise ValueError unless the data of all arms are points of the plane."""
        for name, arm in self.arms.items():
            if arm.shape != (2,):
                raise ValueError(
                    f"cannot show the data of arms.{name}, whose shape is {arm.shape}; it is for points of the plane"
                )

    def check_images(self) -> None:
        """Raise ValueError unless the data of all arms are images."""
        for name, arm in self.arms.items():
            if len(arm.shape) != 3:
                raise ValueError(f"cannot show the data of arms.{name}, whose shape is {arm.shape}; it is for images")


class RatesView(Settings):
    """How the decay of errors is fitted."""

    measures: list[str]
    drop: int
    exponent: float


class SimulatedArmView(Settings):
    """An arm of a simulated study; `ddof` and `std` are those of a Gaussian, and None of other estimators.

    `dimensions` is the number of coordinates of a sample, `replicates` how many loops each seed has.
    """

    model_config = ConfigDict(strict=False)  # sizes come by name, from a job's settings
    title: str
    panel: str
    estimator: str
    dimensions: int
    ddof: int | None
    std: float | None
    sampling_bias: float
    sizes: Sizes
    regime: RegimeName
    choices: float | None = Field(allow_inf_nan=True)
    replicates: int = 1


class SimulatedView(Settings):
    """A simulated study; its seeds have loops of their own, as many as an arm's `replicates`."""

    name: str
    title: str
    answers: str
    seeds: list[int]
    generations: int
    measures: list[str]
    published: list[PublishedView]
    rates: RatesView | None
    common_random_numbers: bool = False
    arms: dict[str, SimulatedArmView]

    @property
    def units(self) -> str:
        """What spreads are taken over: replicates, or seeds where these have several loops."""
        return "seeds" if any(arm.replicates > 1 for arm in self.arms.values()) else "replicates"

    @property
    def replicates(self) -> str:
        """ "n = 50 replicates", "n = 50 seeds of 1 or 20 loops each"."""
        loops = sorted({str(arm.replicates) for arm in self.arms.values()}, key=int)
        return f"n = {len(self.seeds)} {self.units}" + (f" of {' or '.join(loops)} loops each" * (loops != ["1"]))

    def check_measures(self, key: str, names: Sequence[str]) -> None:
        """Raise ValueError unless all that an option `key` names is measured."""
        for name in names:
            if name not in self.measures:
                raise ValueError(f"{key}: {name!r} is not measured; measures are {', '.join(self.measures)}")

    def check_estimator(self, kind: str, dimensions: int) -> None:
        """Raise ValueError unless all arms fit this kind of estimator to samples of so many coordinates."""
        for name, arm in self.arms.items():
            if (arm.estimator, arm.dimensions) != (kind, dimensions):
                raise ValueError(f"is about {kind} in {dimensions} dimensions, arms.{name} is not")


class InPanel(Protocol):
    """An arm that has its place in a panel."""

    @property
    def panel(self) -> str: ...


def panels(arms: Mapping[str, InPanel]) -> dict[str, list[str]]:
    """Names of the arms of every panel, both in their order."""
    names: dict[str, list[str]] = {}
    for name, arm in arms.items():
        names.setdefault(arm.panel, []).append(name)
    return names
