"""The settings of every stage: what it reads and no more, because a change in them makes Snakemake run it again.

Every function takes an object with the wildcards as attributes.
"""

from __future__ import annotations

from typing import Any

from recurate.mixing.trained import Mixing
from recurate.sampling import Sampler
from recurate.study.arm import Arm
from recurate.study.origin import Origin
from recurate.study.simulated import SimulatedStudy
from recurate.study.simulated_arm import SimulatedArm
from recurate.study.trained import Study

Spec = dict[str, Any]


class Stages:
    """Settings of the stages of some studies."""

    def __init__(self, studies: dict[str, Study | SimulatedStudy]) -> None:
        self.studies = studies
        self.trained = {name: study for name, study in studies.items() if isinstance(study, Study)}
        self.simulated = {name: study for name, study in studies.items() if isinstance(study, SimulatedStudy)}

    def study(self, w: Any) -> Study:
        """Settings of a trained study."""
        return self.trained[w.study]

    def arm(self, w: Any) -> Arm:
        """Settings of an arm."""
        return self.study(w).arms[w.arm]

    def origin(self, w: Any) -> Origin:
        """Settings of an origin, given by name or through an arm."""
        return self.study(w).origins[self._origin_name(w)]

    def _origin_name(self, w: Any) -> str:
        return w.origin if hasattr(w, "origin") else self.arm(w).origin

    def settings(self, stage: str, w: Any) -> Spec:
        """What a stage reads, for the wildcards `w`."""
        return getattr(self, f"spec_{stage}")(w)

    def spec_real(self, w: Any) -> Spec:
        """Real data."""
        return _plain(self.origin(w), "data", "data_seed")

    def spec_judge(self, w: Any) -> Spec:
        """Judge."""
        origin = self.origin(w)
        return {**_plain(origin, "judge", "data_seed"), "classes": origin.data.description.classes}

    def spec_train_origin(self, w: Any) -> Spec:
        """Training of generation 0."""
        parts = _plain(self.origin(w), "model", "objective", "training", "checkpoint")
        mixing = Mixing(regime="augmentation", real_fraction=1.0, real=None)
        return {**parts, **self._real_samples(w), "mixing": mixing.model_dump(mode="json")}

    def spec_train_arm(self, w: Any) -> Spec:
        """Training of a later generation; where it starts from shows in its inputs."""
        arm = self.arm(w)
        training = arm.retraining.model_dump(mode="json", exclude={"start", "synthetic"})
        parts = {**_plain(self.origin(w), "model", "objective"), **self._real_samples(w)}
        if arm.retraining.synthetic == "afresh":
            parts |= {"sampler": self._sampler(self.study(w), w.arm).model_dump(mode="json")}
        return {**parts, **_plain(arm, "mixing"), "training": training}

    def _real_samples(self, w: Any) -> Spec:
        return {} if self.origin(w).real_samples is None else _plain(self.origin(w), "real_samples")

    def spec_sample(self, w: Any) -> Spec:
        """Sampling, the same for an origin and its arms, but for those that draw in their own way."""
        own = _plain(self.arm(w), "sampler") if self.draws_its_own(w) else {}
        return {**_plain(self.origin(w), "model", "sampler", "samples"), **own}

    def draws_its_own(self, w: Any) -> bool:
        """Whether the wildcards name an arm that draws its samples, generation 0's too, in its own way."""
        return hasattr(w, "arm") and self.arm(w).sampler is not None

    def has_forecast(self, study: str, arm: str) -> bool:
        """Whether an arm's trajectory can be forecast, which needs samples of what was learnt."""
        return not self._sampler(self.trained[study], arm).is_biased

    @staticmethod
    def _sampler(study: Study, arm: str) -> Sampler:
        return study.arms[arm].sampler or study.origins[study.arms[arm].origin].sampler

    def spec_curate(self, w: Any) -> Spec:
        """Reward, curation and classes."""
        parts = {**_plain(self.origin(w), "data", "judge"), **_plain(self.arm(w), "reward", "curation")}
        return parts | (_plain(self.origin(w), "model") if self.arm(w).reward.needs_origin else {})

    def spec_extract(self, w: Any) -> Spec:
        """Features of a generation's samples."""
        asked = any(features.needs_origin for features in self.study(w).features)
        model = _plain(self.origin(w), "model") if asked else {}
        return {**_plain(self.study(w), "features"), **self._judge_of_features(w), **model}

    def spec_reference(self, w: Any) -> Spec:
        """Features of real data, and their statistics."""
        return {**_plain(self.study(w), "features", "reference"), **self._judge_of_features(w)}

    def _judge_of_features(self, w: Any) -> Spec:
        needed = any(features.needs_judge for features in self.study(w).features)
        return _plain(self.origin(w), "judge") if needed else {"judge": None}

    def spec_measure(self, w: Any) -> Spec:
        """Metrics."""
        data = self.origin(w).data.description
        return {
            **_plain(self.study(w), "metrics", "reference"),
            "classes": data.classes,
            "supremum": self.arm(w).reward.supremum,
            **({"vocabulary": data.vocabulary} if data.vocabulary else {}),
            **(_plain(self.origin(w), "model") if self.measures_model(w) else {}),
        }

    def measures_model(self, w: Any) -> bool:
        """Whether some metric asks the generation's own model."""
        return any(metric.needs_model for metric in self.study(w).metrics)

    def spec_forecast(self, w: Any) -> Spec:
        """Forecast: the operator's parameters and the horizon."""
        arm = self.arm(w)
        return {
            "choices": arm.curation.choices,
            "by_prompt": arm.curation.by_prompt,
            "real_fraction": arm.mixing.real_fraction,
            "regime": arm.mixing.name,
            "generations": self.study(w).generations,
            "classes": self.origin(w).data.description.classes,
            "supremum": arm.reward.supremum,
        }

    def spec_claims(self, w: Any) -> Spec:
        """Claims of a study, and each arm's operator."""
        study = self.study(w)
        return {"claims": study.claims, "arms": self._arms(w)}

    def spec_figure(self, w: Any) -> Spec:
        """What a figure may say about a study: titles, arms in order, seeds, generations."""
        study = self.study(w)
        names = ("title", "answers", "seeds", "generations", "reference")
        return {**_plain(study, *names), "arms": self._arms(w)}

    def spec_latents(self, w: Any) -> Spec:
        """The same for latents, with published numbers."""
        return {**self.spec_figure(w), **_plain(self.study(w), "published")}

    def spec_traverse(self, w: Any) -> Spec:
        """The network of every arm."""
        study = self.study(w)
        return {"arms": [_plain(study.origins[arm.origin], "model") for arm in study.arms.values()]}

    def spec_densities(self, w: Any) -> Spec:
        """The same for pictures of the plane, with every arm's reward, whose level sets they show."""
        rewards = [_plain(arm, "reward")["reward"] for arm in self.study(w).arms.values()]
        return {**self.spec_figure(w), "reward": rewards}

    def _arms(self, w: Any) -> dict[str, Spec]:
        study = self.study(w)
        return {
            name: {
                "title": arm.title or name,
                "panel": arm.panel,
                "origin": arm.origin,
                "choices": arm.curation.choices,
                "by_prompt": arm.curation.by_prompt,
                "real_fraction": arm.mixing.real_fraction,
                "regime": arm.mixing.name,
                "is_biased": self._sampler(study, name).is_biased,
                "supremum": arm.reward.supremum,
                "classes": study.origins[arm.origin].data.description.classes,
                "samples": study.origins[arm.origin].samples,
                "class_names": list(study.origins[arm.origin].data.description.class_names),
            }
            for name, arm in study.arms.items()
        }

    def spec_resolved(self, w: Any) -> Spec:
        """All settings of a study that its results follow from, defaults filled in."""
        return self.studies[w.study].model_dump(mode="json", exclude={"resources"})

    # Simulated studies

    def spec_simulate(self, w: Any) -> Spec:
        """One simulated arm, and what is recorded of it."""
        study = self.simulated[w.study]
        arm = study.arms[w.arm]
        return {
            **_plain(study, "generations", "measures", "seeds", "snapshots"),
            **self._recorded(w),
            "arm": _bare(arm),
        }

    def _recorded(self, w: Any) -> Spec:
        return {"recorded": self.simulated[w.study].recorded()}

    def _simulated_arms(self, w: Any) -> Spec:
        return {"arms": {name: _bare(arm) for name, arm in self.simulated[w.study].arms.items()}}

    def spec_laws(self, w: Any) -> Spec:
        """Every simulated arm, as theory sees it."""
        study = self.simulated[w.study]
        return {**_plain(study, "generations", "measures"), **self._recorded(w), **self._simulated_arms(w)}

    def spec_rates(self, w: Any) -> Spec:
        """Every simulated arm, and how its errors are fitted."""
        return {**_plain(self.simulated[w.study], "generations", "rates"), **self._simulated_arms(w)}

    def spec_agreement(self, w: Any) -> Spec:
        """Published numbers to compare with."""
        return _plain(self.simulated[w.study], "generations", "published")

    def spec_curves(self, w: Any) -> Spec:
        """What a figure may say about a simulated study."""
        study = self.simulated[w.study]
        told = ("title", "answers", "seeds", "generations", "measures", "snapshots", "published", "rates")
        names = (*told, "drawn", "medians", "linear")
        arms = {
            name: {
                "title": arm.title or name,
                "panel": arm.panel,
                "estimator": arm.estimator.kind,
                "ddof": getattr(arm.estimator, "ddof", None),
                "std": getattr(arm.estimator, "std", None),
                "sampling_bias": arm.sampling_bias,
                "sizes": vars(arm.mixing.sizes),
                "regime": arm.mixing.regime,
                "choices": arm.curation.choices if arm.curation else 1,
            }
            for name, arm in study.arms.items()
        }
        return {**_plain(study, *names), "arms": arms}


def _plain(settings: Any, *names: str) -> Spec:
    return settings.model_dump(mode="json", include=set(names))


def _bare(arm: SimulatedArm) -> Spec:
    """An arm without what only figures look at."""
    return arm.model_dump(mode="json", exclude={"title", "panel"})
