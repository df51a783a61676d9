"""The studies of a project, asked with the wildcards of a job."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from recurate.models import Model
from recurate.sampling import TYPICAL, Sampler
from recurate.study.arm import Arm
from recurate.study.origin import Origin
from recurate.study.simulated import SimulatedStudy
from recurate.study.trained import Study


class Wildcards:
    """Wildcards of one job, as Snakemake gives them; a job has those that its rule names."""

    study: str
    origin: str
    arm: str
    seeds: str
    generation: str
    figure: str
    table: str

    def __init__(self, **wildcards: str) -> None:
        self.__dict__.update(wildcards)


class Studies:
    """Studies by name, trained and simulated ones."""

    def __init__(self, studies: Mapping[str, Study | SimulatedStudy]) -> None:
        self.all = dict(studies)
        self.trained = {name: study for name, study in studies.items() if isinstance(study, Study)}
        self.simulated = {name: study for name, study in studies.items() if isinstance(study, SimulatedStudy)}

    def study(self, w: Wildcards) -> Study:
        """Settings of a trained study."""
        return self.trained[w.study]

    def arm(self, w: Wildcards) -> Arm:
        """Settings of an arm."""
        return self.study(w).arms[w.arm]

    def origin(self, w: Wildcards) -> Origin:
        """Settings of an origin, given by name or through an arm."""
        return self.study(w).origins[self.origin_name(w)]

    def origin_name(self, w: Wildcards) -> str:
        """Name of an origin, given by itself or through an arm."""
        return w.origin if hasattr(w, "origin") else self.arm(w).origin

    def sampler(self, w: Wildcards) -> Sampler:
        """How an arm's samples are drawn, or an origin's."""
        return self.origin(w).sampler if hasattr(w, "origin") else self.arm(w).sampler or self.origin(w).sampler

    def other_law(self, w: Wildcards) -> str:
        """Why samples of an arm or origin come from another law than the one learnt; nothing where they do not."""
        return self.sampler(w).other_law(self.origin(w).model)

    def notes(self, w: Wildcards) -> list[str]:
        """What follows from a study's settings without running it: of samplers that discretise, what they keep."""
        if w.study not in self.trained:
            return []
        kept = {place: sampler.kept_variance(model) for place, (sampler, model) in self.samplers(w.study).items()}
        return [
            f"{place}: its sampler keeps {share:.3f} of the variance of N(0, {TYPICAL}^2) if the network is perfect"
            for place, share in kept.items()
            if share != 1
        ]

    def samplers(self, study: str) -> dict[str, tuple[Sampler, Model]]:
        """Samplers of a trained study's origins, and of arms that have one of their own, with the network of each."""
        settings = self.trained[study]
        return {
            **{f"origin {name}": (origin.sampler, origin.model) for name, origin in settings.origins.items()},
            **{
                f"arm {name}": (arm.sampler, settings.origins[arm.origin].model)
                for name, arm in settings.arms.items()
                if arm.sampler
            },
        }

    def draws_its_own(self, w: Wildcards) -> bool:
        """Whether the wildcards name an arm that draws its samples, generation 0's too, in its own way."""
        return hasattr(w, "arm") and self.arm(w).sampler is not None

    def keeps_unseen(self, w: Wildcards) -> bool:
        """Whether an arm is trained on stored samples that are kept whatever their rewards."""
        arm = self.arm(w)
        return arm.retraining.synthetic == "stored" and not arm.curation.asks_rewards

    def has_forecast(self, w: Wildcards) -> bool:
        """Whether an arm's trajectory can be forecast: from samples of what was learnt, by an exact operator."""
        return not self.other_law(w) and self.arm(w).curation.has_operator

    def measures_model(self, w: Wildcards) -> bool:
        """Whether some metric asks the generation's own model."""
        return any(metric.needs_model for metric in self.study(w).metrics)

    def features_ask_judge(self, w: Wildcards) -> bool:
        """Whether a feature space is one of the judge's layers."""
        return any(features.needs_judge for features in self.study(w).features)

    def features_ask_origin(self, w: Wildcards) -> bool:
        """Whether a feature space is made by generation 0's model."""
        return any(features.needs_origin for features in self.study(w).features)


def alternatives(names: Iterable[str]) -> str:
    """Regular expression that matches these names; nothing if there are none."""
    return "|".join(names) or "(?!)"
