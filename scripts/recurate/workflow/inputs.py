"""Which files a job reads, by its wildcards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from recurate.files.paths import Layout, format_generation, format_seeds
from recurate.study.simulated import SimulatedStudy
from recurate.study.trained import Study
from recurate.workflow.stage_settings import Stages


class Inputs(Stages):
    """Paths below the folders of a layout, one function for each input that rules name."""

    def __init__(self, studies: dict[str, Study | SimulatedStudy], layout: Layout) -> None:
        super().__init__(studies)
        self.layout = layout

    @property
    def trained_names(self) -> str:
        """Regular expression of the trained studies' names, where a simulated study has a file of the same name."""
        return alternatives(self.trained)

    @property
    def simulated_names(self) -> str:
        """Regular expression of the simulated studies' names."""
        return alternatives(self.simulated)

    def judge(self, w: Any) -> str | list[str]:
        """The judge's parameters, or nothing where the origin has none."""
        return self._in_origin(w, "judge.safetensors") if self.origin(w).judge else []

    def judge_weights(self, w: Any) -> str | list[str]:
        """The judge's parameters as others trained them, or nothing where it is trained here."""
        judge = self.origin(w).judge
        return judge.weights.path if judge and judge.weights else []

    def real(self, w: Any) -> str:
        """Real data of an origin, given by name or through an arm; some data sets are fetched once for all studies."""
        data = self.origin(w).data
        if data.shared:
            return self.layout.in_data(f"{data.kind}.safetensors")
        return self._in_origin(w, "real.safetensors")

    def real_of_sampler(self, w: Any) -> str | list[str]:
        """Real data, where sampling begins from them."""
        own = self.arm(w).sampler if hasattr(w, "arm") else None
        return self.real(w) if (own or self.origin(w).sampler).needs_real else []

    def raw_data(self, w: Any) -> str | list[str]:
        """The shared data set that an origin's real data are made from, or nothing."""
        kind = self.origin(w).data.made_from
        return self.layout.in_data(f"{kind}.safetensors") if kind else []

    def checkpoint(self, w: Any) -> str | list[str]:
        """Parameters trained elsewhere that an origin takes, or nothing."""
        checkpoint = self.origin(w).checkpoint
        return checkpoint.path if checkpoint else []

    def features(self, w: Any) -> str | list[str]:
        """Features of a generation's samples, or nothing in a study without feature spaces."""
        return self._of_generation(w, int(w.generation), "features.safetensors") if self.study(w).features else []

    def reference(self, w: Any) -> str | list[str]:
        """Features and statistics of real data, or nothing in a study without feature spaces."""
        return self._in_origin(w, "reference.safetensors") if self.study(w).features else []

    def judge_of_features(self, w: Any) -> str | list[str]:
        """The judge, where a feature space is one of its layers."""
        return self.judge(w) if any(features.needs_judge for features in self.study(w).features) else []

    def origin_of_features(self, w: Any) -> str | list[str]:
        """Generation 0's model, where a feature space is made by it."""
        asked = any(features.needs_origin for features in self.study(w).features)
        return self.origin_model(w) if asked else []

    def text_of_reward(self, w: Any) -> str | list[str]:
        """Real data with the tokenizer, where the arm's reward reads text."""
        return self.real(w) if self.arm(w).reward.reads_text else []

    def measured_model(self, w: Any) -> str | list[str]:
        """A generation's own model, where some metric asks it."""
        return self._of_generation(w, int(w.generation), "model.safetensors") if self.measures_model(w) else []

    def origin_of_reward(self, w: Any) -> str | list[str]:
        """Generation 0's model, where the arm's reward asks it."""
        return self.origin_model(w) if self.arm(w).reward.needs_origin else []

    def origin_model(self, w: Any) -> str:
        """Generation 0's model of an origin, given by name or through an arm."""
        template = self.layout.origin_generation("model.safetensors")
        return template.format(study=w.study, origin=self._origin_name(w), seeds=w.seeds)

    def feature_weights(self, w: Any) -> list[str]:
        """Files of the networks that feature spaces are made with."""
        return [features.weights_file for features in self.study(w).features if features.weights_file]

    def _in_origin(self, w: Any, name: str) -> str:
        return self.layout.in_origin(name).format(study=w.study, origin=self._origin_name(w))

    def model(self, w: Any) -> str:
        """Model of an arm's generation; generation 0 is the origin's."""
        return self._of_generation(w, int(w.generation), "model.safetensors")

    def samples(self, w: Any) -> str:
        """Sample set of a generation; generation 0 is the origin's, unless the arm draws in its own way."""
        return self._of_generation(w, int(w.generation), "samples.safetensors")

    def training_samples(self, w: Any) -> list[str]:
        """Sample sets of the generations that are trained on: the last, or all where data accumulate."""
        return [self._of_generation(w, generation, "samples.safetensors") for generation in self._trained_on(w)]

    def training_curated(self, w: Any) -> list[str]:
        """Curated sets that belong to `training_samples`."""
        return [self._in_arm(w, generation, "curated.safetensors") for generation in self._trained_on(w)]

    def training_source(self, w: Any) -> str | list[str]:
        """Model that training draws its synthetic samples from, or nothing where they are stored."""
        if self.arm(w).retraining.synthetic == "stored":
            return []
        return self._of_generation(w, int(w.generation) - 1, "model.safetensors")

    def _trained_on(self, w: Any) -> Iterable[int]:
        if self.arm(w).retraining.synthetic == "afresh":
            return ()
        return self.arm(w).mixing.shares(int(w.generation)).curated

    def start(self, w: Any) -> str | list[str]:
        """Model whose parameters training starts from, or nothing to start from scratch."""
        start = self.arm(w).retraining.start
        if start == "scratch":
            return []
        generation = int(w.generation) - 1 if start == "previous" else 0
        return self._of_generation(w, generation, "model.safetensors")

    def _of_generation(self, w: Any, generation: int, name: str) -> str:
        if generation == 0 and (name == "model.safetensors" or not self.draws_its_own(w)):
            template = self.layout.origin_generation(name)
            return template.format(study=w.study, origin=self.arm(w).origin, seeds=w.seeds)
        return self._in_arm(w, generation, name)

    def _in_arm(self, w: Any, generation: int, name: str) -> str:
        template = self.layout.arm_generation(name)
        return template.format(study=w.study, arm=w.arm, seeds=w.seeds, generation=format_generation(generation))

    def arm_zero_curated(self, w: Any) -> str:
        """Curated set of an arm's generation 0, which holds the rewards that its forecast starts from."""
        return self._in_arm(w, 0, "curated.safetensors")

    def metric_tables(self, w: Any) -> list[str]:
        """Every `metrics.csv` of a study, in the order of arms, seeds and generations."""
        if w.study in self.simulated:
            return self._of_simulated_arms(w, "metrics.csv")
        template = self.layout.arm_generation("metrics.csv")
        return [
            template.format(study=w.study, arm=arm, seeds=seeds, generation=format_generation(generation))
            for arm in self.study(w).arms
            for seeds in self._seed_batches(w)
            for generation in range(self.study(w).generations + 1)
        ]

    def trajectories(self, w: Any) -> list[str]:
        """Recorded arrays of every arm of a simulated study."""
        return self._of_simulated_arms(w, "trajectories.safetensors")

    def _of_simulated_arms(self, w: Any, name: str) -> list[str]:
        template = self.layout.in_arm(name)
        return [template.format(study=w.study, arm=arm) for arm in self.simulated[w.study].arms]

    def rates(self, w: Any) -> str | list[str]:
        """Fitted rates of a simulated study, or nothing."""
        return self.layout.in_study("rates.csv").format(study=w.study) if self.simulated[w.study].rates else []

    def forecast_tables(self, w: Any) -> list[str]:
        """The `forecast.csv` of every arm of a study that has one."""
        template = self.layout.arm_seeds("forecast.csv")
        return [
            template.format(study=w.study, arm=arm, seeds=seeds)
            for arm in self.study(w).arms
            if self.has_forecast(w.study, arm)
            for seeds in self._seed_batches(w)
        ]

    def shown_samples(self, w: Any) -> list[str]:
        """Sample sets of the first seeds, for pictures: arms in order, each with generations 0..T."""
        return [self._of_generation(v, generation, "samples.safetensors") for v, generation in self._shown(w)]

    def shown_curated(self, w: Any) -> list[str]:
        """Curated sets that belong to `shown_samples`."""
        return [self._in_arm(v, generation, "curated.safetensors") for v, generation in self._shown(w)]

    def shown_features(self, w: Any) -> list[str]:
        """Features of all seeds, for pictures: batches of seeds in order, each with all arms and generations 0..T."""
        return [
            self._of_generation(Wildcards(study=w.study, arm=arm, seeds=seeds), generation, "features.safetensors")
            for seeds in self._seed_batches(w)
            for arm in self.study(w).arms
            for generation in range(self.study(w).generations + 1)
        ]

    def shown_models(self, w: Any) -> list[str]:
        """Models that `shown_samples` were drawn from."""
        return [self._of_generation(v, generation, "model.safetensors") for v, generation in self._shown(w)]

    def shown_real(self, w: Any) -> list[str]:
        """Real data of every arm's origin, arms in order."""
        return [self.real(Wildcards(study=w.study, arm=arm)) for arm in self.study(w).arms]

    def _shown(self, w: Any) -> list[tuple[Any, int]]:
        first = self._seed_batches(w)[0]
        generations = range(self.study(w).generations + 1)
        return [
            (Wildcards(study=w.study, arm=arm, seeds=first), generation)
            for arm in self.study(w).arms
            for generation in generations
        ]

    def _seed_batches(self, w: Any) -> list[str]:
        return [format_seeds(batch) for batch in self.study(w).seed_batches()]


def alternatives(names: Iterable[str]) -> str:
    """Regular expression that matches these names; nothing if there are none."""
    return "|".join(names) or "(?!)"


class Wildcards:
    """Wildcards of one job, as Snakemake would give them."""

    def __init__(self, **wildcards: str) -> None:
        self.__dict__.update(wildcards)
