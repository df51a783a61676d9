"""Settings of claims and figures, still as mappings."""

from __future__ import annotations

from typing import Any

from recurate.workflow.stage_settings import StageSettings
from recurate.workflow.studies import Wildcards

Spec = dict[str, Any]


class UntypedSettings(StageSettings):
    """Settings that are not typed yet."""

    def claims(self, w: Any) -> Spec:
        """Claims of a study, and each arm's operator."""
        study = self.studies.study(w)
        return {"claims": study.claims, "arms": self._arms(w)}

    def figure(self, w: Any) -> Spec:
        """What a figure may say about a study: titles, arms in order, seeds, generations."""
        study = self.studies.study(w)
        names = ("title", "answers", "seeds", "generations", "reference")
        return {**_plain(study, *names), "arms": self._arms(w)}

    def _arms(self, w: Any) -> dict[str, Spec]:
        study = self.studies.study(w)
        return {
            name: {
                "title": arm.title or name,
                "panel": arm.panel,
                "origin": arm.origin,
                "choices": arm.curation.choices,
                "by_prompt": arm.curation.by_prompt,
                "real_fraction": arm.mixing.real_fraction,
                "regime": arm.mixing.name,
                "is_biased": self.studies.sampler(Wildcards(study=w.study, arm=name)).is_biased,
                "supremum": arm.reward.supremum,
                "classes": study.origins[arm.origin].data.description.classes,
                "samples": study.origins[arm.origin].samples,
                "class_names": list(study.origins[arm.origin].data.description.class_names),
            }
            for name, arm in study.arms.items()
        }

    def resolved(self, w: Any) -> Spec:
        """All settings of a study that its results follow from, defaults filled in."""
        return self.studies.all[w.study].model_dump(mode="json", exclude={"resources"})

    def agreement(self, w: Any) -> Spec:
        """Published numbers to compare with."""
        return _plain(self.studies.simulated[w.study], "generations", "published")

    def curves(self, w: Any) -> Spec:
        """What a figure may say about a simulated study."""
        study = self.studies.simulated[w.study]
        told = ("title", "answers", "seeds", "generations", "measures", "published", "rates")
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
        return {**_plain(study, *told), "arms": arms}


def _plain(settings: Any, *names: str) -> Spec:
    return settings.model_dump(mode="json", include=set(names))
