"""Which files a job reads, by its wildcards."""

from __future__ import annotations

from collections.abc import Sequence

from recurate.files import manifests
from recurate.files.paths import Layout, format_generation, format_seeds
from recurate.workflow.studies import Studies, Wildcards

Nothing = list[str]  # an empty list: the job does without


class Inputs:
    """Paths below the folders of a layout, one function for each input that rules name."""

    def __init__(self, studies: Studies, layout: Layout) -> None:
        self.studies = studies
        self.layout = layout

    def judge(self, w: Wildcards) -> str | Nothing:
        """The judge's parameters, or nothing where the origin has none."""
        return self._in_origin(w, "judge.safetensors") if self.studies.origin(w).judge else []

    def real(self, w: Wildcards) -> str:
        """Real data of an origin, given by name or through an arm; some data sets are fetched once for all studies."""
        data = self.studies.origin(w).data
        if data.shared:
            return self.layout.in_data(f"{data.kind}.safetensors")
        return self._in_origin(w, "real.safetensors")

    def real_of_sampler(self, w: Wildcards) -> str | Nothing:
        """Real data, where sampling begins from them."""
        return self.real(w) if self.studies.sampler(w).needs_real else []

    def raw_data(self, w: Wildcards) -> str | Nothing:
        """The shared data set that an origin's real data are made from, or nothing."""
        kind = self.studies.origin(w).data.made_from
        return self.layout.in_data(f"{kind}.safetensors") if kind else []

    def checkpoint(self, w: Wildcards) -> str | Nothing:
        """Parameters trained elsewhere that an origin takes, or nothing."""
        checkpoint = self.studies.origin(w).checkpoint
        return checkpoint.path if checkpoint else []

    def features(self, w: Wildcards) -> str | Nothing:
        """Features of a generation's samples, or nothing in a study without feature spaces."""
        return (
            self._of_generation(w, int(w.generation), "features.safetensors") if self.studies.study(w).features else []
        )

    def reference(self, w: Wildcards) -> str | Nothing:
        """Features and statistics of real data, or nothing in a study without feature spaces."""
        return self._in_origin(w, "reference.safetensors") if self.studies.study(w).features else []

    def nearness(self, w: Wildcards) -> str | Nothing:
        """How near held-out data lie to the training data, or nothing in a study where no metric asks."""
        asked = self.studies.study(w).spaces_against_training()
        return self._in_origin(w, "nearness.safetensors") if asked else []

    def judge_of_features(self, w: Wildcards) -> str | Nothing:
        """The judge, where a feature space is one of its layers."""
        return self.judge(w) if self.studies.features_ask_judge(w) else []

    def origin_of_features(self, w: Wildcards) -> str | Nothing:
        """Generation 0's model, where a feature space is made by it."""
        return self.origin_model(w) if self.studies.features_ask_origin(w) else []

    def text_of_reward(self, w: Wildcards) -> str | Nothing:
        """Real data with the tokenizer, where the arm's reward reads text."""
        return self.real(w) if self.studies.arm(w).reward.reads_text else []

    def measured_model(self, w: Wildcards) -> str | Nothing:
        """A generation's own model, where some metric asks it."""
        return self._of_generation(w, int(w.generation), "model.safetensors") if self.studies.measures_model(w) else []

    def origin_of_reward(self, w: Wildcards) -> str | Nothing:
        """Generation 0's model, where the arm's reward asks it."""
        return self.origin_model(w) if self.studies.arm(w).reward.needs_origin else []

    def origin_model(self, w: Wildcards) -> str:
        """Generation 0's model of an origin, given by name or through an arm."""
        template = self.layout.origin_generation("model.safetensors")
        return template.format(study=w.study, origin=self.studies.origin_name(w), seeds=w.seeds)

    def feature_networks(self, w: Wildcards) -> list[str]:
        """Files of the networks that feature spaces are made with, each once."""
        names = (features.fetched_file for features in self.studies.study(w).features)
        return [self.layout.in_data(name) for name in dict.fromkeys(names) if name]

    def _in_origin(self, w: Wildcards, name: str) -> str:
        return self.layout.in_origin(name).format(study=w.study, origin=self.studies.origin_name(w))

    def model(self, w: Wildcards) -> str:
        """Model of an arm's generation; generation 0 is the origin's."""
        return self._of_generation(w, int(w.generation), "model.safetensors")

    def samples(self, w: Wildcards) -> str:
        """Sample set of a generation; generation 0 is the origin's, unless the arm draws in its own way."""
        return self._of_generation(w, int(w.generation), "samples.safetensors")

    def training_samples(self, w: Wildcards) -> str | Nothing:
        """Sample set of the generation before, or nothing where synthetic samples are drawn afresh."""
        return self._of_generation(w, int(w.generation) - 1, "samples.safetensors") if self._stored(w) else []

    def training_curated(self, w: Wildcards) -> str | Nothing:
        """Curated set that belongs to `training_samples`, or nothing where no reward decides what is kept."""
        if not self._stored(w) or self.studies.keeps_unseen(w):
            return []
        return self._in_arm(w, int(w.generation) - 1, "curated.safetensors")

    def training_earlier(self, w: Wildcards) -> str | Nothing:
        """List of what the generation before was trained on, where data accumulate and it was trained on any."""
        last = int(w.generation) - 1
        if last == 0 or not self._stored(w) or not self.studies.arm(w).mixing.rule.accumulates:
            return []
        return self._in_arm(w, last, manifests.NAME)

    def training_source(self, w: Wildcards) -> str | Nothing:
        """Model that training draws its synthetic samples from, or nothing where they are stored."""
        if self._stored(w):
            return []
        return self._of_generation(w, int(w.generation) - 1, "model.safetensors")

    def _stored(self, w: Wildcards) -> bool:
        return self.studies.arm(w).retraining.synthetic == "stored"

    def start(self, w: Wildcards) -> str | Nothing:
        """Model whose parameters training starts from, or nothing to start from scratch."""
        start = self.studies.arm(w).retraining.start
        if start == "scratch":
            return []
        generation = int(w.generation) - 1 if start == "previous" else 0
        return self._of_generation(w, generation, "model.safetensors")

    def _of_generation(self, w: Wildcards, generation: int, name: str) -> str:
        if generation == 0 and (name == "model.safetensors" or not self.studies.draws_its_own(w)):
            template = self.layout.origin_generation(name)
            return template.format(study=w.study, origin=self.studies.arm(w).origin, seeds=w.seeds)
        return self._in_arm(w, generation, name)

    def _in_arm(self, w: Wildcards, generation: int, name: str) -> str:
        template = self.layout.arm_generation(name)
        return template.format(study=w.study, arm=w.arm, seeds=w.seeds, generation=format_generation(generation))

    def arm_zero_curated(self, w: Wildcards) -> str:
        """Curated set of an arm's generation 0, which holds the rewards that its forecast starts from."""
        return self._in_arm(w, 0, "curated.safetensors")

    def metric_tables(self, w: Wildcards) -> list[str]:
        """Every `metrics.csv` of a study, in the order of arms, seeds and generations."""
        if w.study in self.studies.simulated:
            return self._of_simulated_arms(w, "metrics.csv")
        template = self.layout.arm_generation("metrics.csv")
        return [
            template.format(study=w.study, arm=arm, seeds=seeds, generation=format_generation(generation))
            for arm in self.studies.study(w).arms
            for seeds in self._seed_batches(w)
            for generation in range(self.studies.study(w).generations + 1)
        ]

    def trajectories(self, w: Wildcards) -> list[str]:
        """Recorded arrays of every arm of a simulated study."""
        return self._of_simulated_arms(w, "trajectories.safetensors")

    def _of_simulated_arms(self, w: Wildcards, name: str) -> list[str]:
        template = self.layout.in_arm(name)
        return [template.format(study=w.study, arm=arm) for arm in self.studies.simulated[w.study].arms]

    def theory(self, w: Wildcards) -> str:
        """What theory says of a study: the forecast of trained loops, the laws of simulated ones."""
        return self._in_study(w, "laws.csv" if w.study in self.studies.simulated else "forecast.csv")

    def rates(self, w: Wildcards) -> str | Nothing:
        """Fitted rates of a simulated study, or nothing."""
        fits = w.study in self.studies.simulated and self.studies.simulated[w.study].rates
        return self._in_study(w, "rates.csv") if fits else []

    def _in_study(self, w: Wildcards, name: str) -> str:
        return self.layout.in_study(name).format(study=w.study)

    def gathered(self, w: Wildcards) -> list[str]:
        """Tables that the table `metrics` or `forecast` of a study is put together from."""
        return self.metric_tables(w) if w.table == "metrics" else self.forecast_tables(w)

    def forecast_tables(self, w: Wildcards) -> list[str]:
        """The `forecast.csv` of every arm of a study that has one."""
        template = self.layout.arm_seeds("forecast.csv")
        return [
            template.format(study=w.study, arm=arm, seeds=seeds)
            for arm in self.studies.study(w).arms
            if self.studies.has_forecast(Wildcards(study=w.study, arm=arm))
            for seeds in self._seed_batches(w)
        ]

    def shown_samples(self, w: Wildcards, arms: Sequence[str]) -> list[str]:
        """Sample sets of the first seeds, for pictures: arms in order, each with generations 0..T."""
        return [self._of_generation(v, generation, "samples.safetensors") for v, generation in self._shown(w, arms)]

    def shown_curated(self, w: Wildcards, arms: Sequence[str]) -> list[str]:
        """Curated sets that belong to `shown_samples`."""
        return [self._in_arm(v, generation, "curated.safetensors") for v, generation in self._shown(w, arms)]

    def shown_features(self, w: Wildcards, arms: Sequence[str]) -> list[str]:
        """Features of all seeds, for pictures: batches of seeds in order, each with all arms and generations 0..T."""
        return [
            self._of_generation(Wildcards(study=w.study, arm=arm, seeds=seeds), generation, "features.safetensors")
            for seeds in self._seed_batches(w)
            for arm in arms
            for generation in range(self.studies.study(w).generations + 1)
        ]

    def shown_models(self, w: Wildcards) -> list[str]:
        """Models of the first seeds: all arms in order, each with generations 0..T."""
        arms = list(self.studies.study(w).arms)
        return [self._of_generation(v, generation, "model.safetensors") for v, generation in self._shown(w, arms)]

    def shown_real(self, w: Wildcards, arms: Sequence[str]) -> list[str]:
        """Real data of every arm's origin, arms in order."""
        return [self.real(Wildcards(study=w.study, arm=arm)) for arm in arms]

    def _shown(self, w: Wildcards, arms: Sequence[str]) -> list[tuple[Wildcards, int]]:
        first = self._seed_batches(w)[0]
        generations = range(self.studies.study(w).generations + 1)
        return [
            (Wildcards(study=w.study, arm=arm, seeds=first), generation) for arm in arms for generation in generations
        ]

    def _seed_batches(self, w: Wildcards) -> list[str]:
        return [format_seeds(batch) for batch in self.studies.study(w).seed_batches()]
