"""Studies as figures and the report look at them, from the classes that a study file fills."""

from __future__ import annotations

from recurate.closed_form.estimators.gaussian import Gaussian
from recurate.data import Data
from recurate.figures import Figure, TrainedFigure
from recurate.figures.parts.view import (
    ArmView,
    MetricView,
    PublishedView,
    RatesView,
    SimulatedArmView,
    SimulatedView,
    StudyView,
)
from recurate.models import Autoencoder
from recurate.stages.draw import Reads
from recurate.study.arm import Arm
from recurate.study.common import Published
from recurate.study.controls import controls, of_other_size
from recurate.study.origin import Origin
from recurate.study.simulated import Rates, SimulatedStudy
from recurate.study.simulated_arm import SimulatedArm
from recurate.study.trained import Study


def figure_reads(name: str, study: Study | SimulatedStudy, figure: Figure) -> Reads:
    """What drawing a figure of the study `name` reads.

    Raises ValueError if the figure shows arms that the study does not have.
    """
    if isinstance(study, SimulatedStudy):
        return Reads(figure=figure, study=simulated_view(name, study))
    assert isinstance(figure, TrainedFigure), "a study lists figures of its own loops"
    return Reads(figure=figure, study=trained_view(name, study, figure.shows_rewards).of_arms(figure.arms))


def trained_view(name: str, study: Study, rewards: bool = False) -> StudyView:
    """A trained study; its arms hold their `rewards` where those are shown."""
    of_arms, missing = controls(study), of_other_size(study)
    return StudyView(
        name=name,
        title=study.title,
        answers=study.answers,
        seeds=study.seeds,
        generations=study.generations,
        reference=study.reference,
        features=[features.space for features in study.features],
        metrics=[MetricView(kind=metric.kind, space=metric.space) for metric in study.metrics],
        published=_published(study.published),
        arms={
            key: _arm(key, arm, study.origins[arm.origin], rewards).model_copy(
                update={"control": of_arms.get(key), "no_control": missing.get(key, "")}
            )
            for key, arm in study.arms.items()
        },
    )


def _arm(name: str, arm: Arm, origin: Origin, rewards: bool) -> ArmView:
    data, sampler = origin.data.description, arm.sampler or origin.sampler
    return ArmView(
        title=arm.title or name,
        panel=arm.panel,
        origin=arm.origin,
        choices=arm.curation.bradley_terry_choices,
        by_prompt=arm.curation.by_prompt,
        real_fraction=arm.mixing.real_fraction,
        regime=arm.mixing.name,
        is_biased=bool(sampler.other_law(origin.model)),
        supremum=arm.reward.supremum,
        samples=origin.samples,
        shape=data.shape,
        classes=data.classes if _tells_classes(origin) else 0,
        class_names=data.class_names,
        has_judge=origin.judge is not None,
        model=origin.model.kind,
        role=origin.model.role,
        is_autoencoder=isinstance(origin.model, Autoencoder),
        reward=arm.reward if rewards else None,
        curation=arm.curation if rewards else None,
    )


def _tells_classes(origin: Origin) -> bool:
    """Whether somebody says which class a sample is of: the judge, or the data by their own geometry."""
    return origin.judge is not None or type(origin.data).classify is not Data.classify


def simulated_view(name: str, study: SimulatedStudy) -> SimulatedView:
    """A simulated study."""
    return SimulatedView(
        name=name,
        title=study.title,
        answers=study.answers,
        seeds=study.seeds,
        generations=study.generations,
        measures=study.measures,
        published=_published(study.published),
        rates=_rates(study.rates),
        common_random_numbers=study.common_random_numbers,
        arms={key: _simulated_arm(key, arm) for key, arm in study.arms.items()},
    )


def _rates(fit: Rates | None) -> RatesView | None:
    if fit is None:
        return None
    return RatesView(measures=fit.measures, drop=fit.drop, exponent=fit.exponent)


def _simulated_arm(name: str, arm: SimulatedArm) -> SimulatedArmView:
    gaussian = arm.estimator if isinstance(arm.estimator, Gaussian) else None
    return SimulatedArmView(
        title=arm.title or name,
        panel=arm.panel,
        estimator=arm.estimator.kind,
        replicates=arm.replicates,
        dimensions=arm.estimator.coordinates,
        ddof=gaussian.ddof if gaussian else None,
        std=gaussian.std if gaussian else None,
        sampling_bias=arm.sampling_bias,
        sizes=arm.mixing.sizes,
        regime=arm.mixing.regime,
        choices=arm.curation.bradley_terry_choices if arm.curation else 1,
    )


def _published(numbers: list[Published]) -> list[PublishedView]:
    return [
        PublishedView(arm=n.arm, measure=n.measure, generation=n.generation, value=n.value, note=n.note)
        for n in numbers
    ]
