"""The settings of every stage: what its script reads and no more, because a change in them makes it run again.

Every method takes the wildcards of a job.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from recurate.data import Data
from recurate.foundation.components import load
from recurate.measuring.metrics import DATA
from recurate.mixing.trained import Mixing
from recurate.models import Autoencoder
from recurate.stages import (
    claims,
    curate,
    effects,
    extract,
    forecast,
    laws,
    measure,
    nearness,
    prepare_real,
    rates,
    reference,
    sample,
    simulate,
    train,
    train_judge,
    traverse,
)
from recurate.stages.claims import Trained as TrainedClaims
from recurate.study.controls import controls
from recurate.study.simulated_arm import SimulatedArm
from recurate.training.settings import Training
from recurate.workflow.studies import Studies, Wildcards

ALL_REAL = Mixing(regime="augmentation", real_fraction=1.0, real=None)


class StageSettings:
    """Settings of the stages of some studies."""

    def __init__(self, studies: Studies) -> None:
        self.studies = studies

    def shared(self, kind: str) -> Callable[[Wildcards], prepare_real.Reads]:
        """Settings of a shared data set: it has none of its own."""
        reads = prepare_real.Reads(data=load(Data, {"kind": kind}))
        return lambda _: reads

    def real(self, w: Wildcards) -> prepare_real.Reads:
        """Real data."""
        return prepare_real.Reads(data=self.studies.origin(w).data)

    def judge(self, w: Wildcards) -> train_judge.Reads:
        """Judge; called for origins that have one."""
        origin = self.studies.origin(w)
        assert origin.judge is not None, w
        return train_judge.Reads(judge=origin.judge, classes=origin.data.description.classes)

    def train_origin(self, w: Wildcards) -> train.Reads:
        """Training of generation 0."""
        origin = self.studies.origin(w)
        return train.Reads(
            model=origin.model,
            objective=origin.objective,
            training=origin.training,
            carry_over=[],
            mixing=ALL_REAL,
            real_samples=origin.real_samples,
            checkpoint=origin.checkpoint,
            sampler=None,
        )

    def train_arm(self, w: Wildcards) -> train.Reads:
        """Training of a later generation; where it starts from shows in its inputs."""
        origin, arm = self.studies.origin(w), self.studies.arm(w)
        return train.Reads(
            model=origin.model,
            objective=origin.objective,
            training=Training.model_validate(arm.retraining.model_dump(include=set(Training.model_fields))),
            carry_over=arm.retraining.carry_over,
            mixing=arm.mixing,
            real_samples=origin.real_samples,
            checkpoint=None,
            sampler=self.studies.sampler(w) if arm.retraining.synthetic == "afresh" else None,
            curation=arm.curation if self.studies.keeps_unseen(w) else None,
        )

    def sample(self, w: Wildcards) -> sample.Reads:
        """Sampling, the same for an origin and its arms, but for those that draw in their own way."""
        origin = self.studies.origin(w)
        sampler = self.studies.sampler(w) if hasattr(w, "arm") else origin.sampler
        return sample.Reads(model=origin.model, sampler=sampler, samples=origin.samples)

    def curate(self, w: Wildcards) -> curate.Reads:
        """Reward, curation and classes."""
        origin, arm = self.studies.origin(w), self.studies.arm(w)
        return curate.Reads(
            data=origin.data,
            judge=origin.judge,
            reward=arm.reward,
            curation=arm.curation,
            model=origin.model if arm.reward.needs_origin else None,
        )

    def extract(self, w: Wildcards) -> extract.Reads:
        """Features of a generation's samples."""
        origin = self.studies.origin(w)
        return extract.Reads(
            features=self.studies.study(w).features,
            judge=origin.judge if self.studies.features_ask_judge(w) else None,
            model=origin.model if self.studies.features_ask_origin(w) else None,
            given=self.studies.sampler(w).given,
        )

    def reference(self, w: Wildcards) -> reference.Reads:
        """Features of real data, and their statistics."""
        study = self.studies.study(w)
        return reference.Reads(
            features=study.features,
            reference=study.reference,
            judge=self.studies.origin(w).judge if self.studies.features_ask_judge(w) else None,
        )

    def nearness(self, w: Wildcards) -> nearness.Reads:
        """How near held-out data lie to the training data; called for studies in which a metric asks."""
        study = self.studies.study(w)
        asked = study.spaces_against_training()
        return nearness.Reads(
            features=[features for features in study.features if features.space in asked],
            data_themselves=DATA in asked,
            reference=study.reference,
            judge=self.studies.origin(w).judge if self.studies.features_ask_judge(w) else None,
        )

    def measure(self, w: Wildcards) -> measure.Reads:
        """Metrics."""
        study, origin = self.studies.study(w), self.studies.origin(w)
        return measure.Reads(
            metrics=study.metrics,
            reference=study.reference,
            classes=origin.data.description.classes,
            supremum=self.studies.arm(w).reward.supremum,
            components=self.studies.arm(w).reward.components,
            vocabulary=origin.data.description.vocabulary,
            given=self.studies.sampler(w).given,
            model=origin.model if self.studies.measures_model(w) else None,
        )

    def forecast(self, w: Wildcards) -> forecast.Reads:
        """Forecast: the operator's parameters and the horizon."""
        arm = self.studies.arm(w)
        return forecast.Reads(
            curation=arm.curation,
            mixing=arm.mixing,
            generations=self.studies.study(w).generations,
            classes=self.studies.origin(w).data.description.classes,
            supremum=arm.reward.supremum,
            components=arm.reward.components,
        )

    def traverse(self, w: Wildcards) -> traverse.Reads:
        """The network of every arm."""
        study = self.studies.study(w)
        models = {name: study.origins[arm.origin].model for name, arm in study.arms.items()}
        return traverse.Reads(models={name: m for name, m in models.items() if isinstance(m, Autoencoder)})

    def claims(self, w: Wildcards) -> claims.Reads:
        """Claims of a trained study and each arm as they see it; of a simulated one published numbers."""
        if w.study in self.studies.simulated:
            simulated = self.studies.simulated[w.study]
            loops = {name: arm.replicates for name, arm in simulated.arms.items()}
            reads = claims.Simulated(generations=simulated.generations, published=simulated.published, replicates=loops)
            return claims.Reads(study=reads)
        return claims.Reads(study=self.trained_claims(w))

    def trained_claims(self, w: Wildcards) -> TrainedClaims:
        """Claims of a trained study and each arm as they see it."""
        study = self.studies.study(w)
        arms = {
            name: claims.ArmOfClaims(
                curation=arm.curation,
                mixing=arm.mixing,
                is_biased=bool(self.studies.other_law(Wildcards(study=w.study, arm=name))),
            )
            for name, arm in study.arms.items()
        }
        return TrainedClaims(claims=study.claims, arms=arms)

    def effects(self, w: Wildcards) -> effects.Reads:
        """Which arm is the control of which."""
        return effects.Reads(controls=dict(controls(self.studies.study(w))))

    def resolved(self, w: Wildcards) -> dict[str, object]:
        """All settings of a study that its results follow from, defaults filled in, as they stand in its file."""
        study = self.studies.all[w.study].model_dump(mode="json", exclude={"resources"})
        arms = {name: _without(arm, "parameters") for name, arm in study["arms"].items()}
        return {**study, "arms": arms}

    # Simulated studies

    def simulate(self, w: Wildcards) -> simulate.Reads:
        """One simulated arm, and what is recorded of it."""
        study = self.studies.simulated[w.study]
        return simulate.Reads(
            arm=_bare(study.arms[w.arm]),
            generations=study.generations,
            measures=study.measures,
            seeds=study.seeds,
            common_random_numbers=study.common_random_numbers,
            snapshots=study.kept_models,
            recorded=study.recorded(),
        )

    def laws(self, w: Wildcards) -> laws.Reads:
        """Every simulated arm, as theory sees it."""
        study = self.studies.simulated[w.study]
        arms = {name: _lawful(arm) for name, arm in study.arms.items()}
        return laws.Reads(arms=arms, generations=study.generations, measures=study.measures, recorded=study.recorded())

    def rates(self, w: Wildcards) -> rates.Reads:
        """Every simulated arm, and how its errors are fitted; called for studies that fit them."""
        study = self.studies.simulated[w.study]
        assert study.rates is not None, w
        arms = {name: _lawful(arm) for name, arm in study.arms.items()}
        return rates.Reads(arms=arms, generations=study.generations, rates=study.rates)


def _without(settings: Mapping[str, object], empty: str) -> dict[str, object]:
    """Settings without a key, if what stands there is empty."""
    return {key: value for key, value in settings.items() if key != empty or value}


def _bare(arm: SimulatedArm) -> SimulatedArm:
    """An arm without what only figures look at."""
    return arm.model_copy(update={"title": "", "panel": "", "parameters": {}})


def _lawful(arm: SimulatedArm) -> SimulatedArm:
    """An arm without what its law does not depend on."""
    return _bare(arm).model_copy(update={"replicates": 1})
