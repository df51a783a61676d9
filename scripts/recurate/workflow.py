"""What the rules ask: a job's settings and code digest, its inputs, the targets. Knows nothing of Snakemake.

Every function takes an object with the wildcards as attributes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from recurate import store
from recurate.config import Config
from recurate.digest import code_digest, kinds_in
from recurate.errors import RecurateError
from recurate.features import inception
from recurate.layout import NAME, WILDCARDS, Layout, format_generation, format_seeds
from recurate.reporting import report_cards, report_models, report_spec
from recurate.scheduling import Resource, Scheduling
from recurate.stages import Spec, Stages
from recurate.study_files import read_study, validated

GENERAL_TARGETS = ("all", "report", "data")
SCRIPTS = Path(__file__).parents[1]


class Project(Stages):
    """The studies of a project folder, as its configuration resolves them."""

    wildcards = WILDCARDS
    metric_columns = store.METRIC_COLUMNS
    forecast_columns = store.FORECAST_COLUMNS
    report_template = "scripts/recurate/figures/report.html.j2"

    def __init__(self, config: dict[str, Any], folder: str = "config/studies") -> None:
        self.config = validated(Config, config, "config/config.yaml")
        self.layout = Layout(self.config.results, self.config.data)
        self._results_can_be_written()
        files = {path.stem: path for path in sorted(Path(folder).glob("*.yaml"))}
        self._names_are_known(files, folder)
        overrides = self.config.overrides
        super().__init__({n: read_study(path, self.config.scale, overrides.get(n, {})) for n, path in files.items()})
        self.scheduling = Scheduling(self, self.config, self.layout)

    def _names_are_known(self, files: dict[str, Path], folder: str) -> None:
        for key, names in (("studies", self.config.studies), ("overrides", list(self.config.overrides))):
            for name in names:
                if name not in files:
                    raise RecurateError(
                        f"config/config.yaml: {key}: no study {name!r} in {folder}; known are {', '.join(files)}"
                    )
        for name, path in files.items():
            if not NAME.match(name):
                raise RecurateError(f"{path}: a study's file name needs lower-case letters, digits and _ only")

    def _results_can_be_written(self) -> None:
        folder = Path(self.config.results)
        existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
        if not (existing.is_dir() and os.access(existing, os.W_OK)):
            raise RecurateError(
                f"config/config.yaml: results: {existing} is not a folder that can be written to; name another"
            )

    def check_targets(self, targets: Iterable[str]) -> None:
        """Raise RecurateError for a target that names a study or an arm which does not exist."""
        for target in targets:
            if NAME.match(target) and target not in (*self.studies, *GENERAL_TARGETS):
                raise RecurateError(f"there is no study or target {target!r}; studies are {', '.join(self.studies)}")
            parts = Path(target).parts
            below = parts[len(Path(self.config.results).parts) :]
            if target.startswith(f"{self.config.results}/") and len(below) > 3 and below[1] == "arms":
                self._arm_is_known(*below[0:3:2])

    def check_resources(self, rules: Collection[str]) -> None:
        """Raise RecurateError for a study that asks for resources of a rule which is not one of `rules`."""
        for name, study in self.studies.items():
            for rule in study.resources:
                if rule not in rules:
                    raise RecurateError(
                        f"study {name}, resources: there is no rule {rule!r}; rules are {', '.join(sorted(rules))}"
                    )

    def _arm_is_known(self, study: str, arm: str) -> None:
        arms = self.studies[study].arms if study in self.studies else {}
        if arm not in arms:
            raise RecurateError(f"study {study} has no arm {arm!r}; its arms are {', '.join(arms)}")

    def spec_report(self, _: Any) -> Spec:
        """What the report says about the default studies, and where their files lie."""
        return report_spec(self)

    def resources(self, rule: str, mem_mb: int, runtime: int) -> dict[str, Resource]:
        """What a rule asks a scheduler for: `mem_mb` MB, `runtime` minutes, unless the study or a run knows better."""
        return self.scheduling.requests(rule, mem_mb, runtime)

    @property
    def light_jobs_are_local(self) -> bool:
        """Whether figures, tables and forecasts run where Snakemake does, not on the cluster."""
        return self.config.light_jobs == "submit_host"

    def spec(self, stage: str) -> Callable[[Any], str]:
        """Settings of a stage as JSON text, as a function of the wildcards; Snakemake would flatten a mapping."""
        return once_per_arm(lambda w: json.dumps(self.settings(stage, w)))

    def code(self, script: str, stage: str | None = None) -> Callable[[Any], str]:
        """Code digest of a script and of the components its stage's settings name, as a function of the wildcards."""
        return once_per_arm(lambda w: code_digest(SCRIPTS / script, kinds_in(self.settings(stage, w)) if stage else ()))

    def environment(self, usual: str) -> Callable[[Any], str]:
        """Conda file of a job: that of language models where the data are text, and else the `usual` one."""

        def of_job(wildcards: Any) -> str:
            name = "language" if self.origin(wildcards).data.description.vocabulary else usual
            return f"../envs/{name}.yaml"

        return of_job

    # Inputs

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
        return self._fill(template, study=w.study, origin=self._origin_name(w), seeds=w.seeds)

    def feature_weights(self, w: Any) -> list[str]:
        """Files of the networks that feature spaces are made with."""
        return [features.weights_file for features in self.study(w).features if features.weights_file]

    def _in_origin(self, w: Any, name: str) -> str:
        return self._fill(self.layout.in_origin(name), study=w.study, origin=self._origin_name(w))

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
            return self._fill(template, study=w.study, origin=self.arm(w).origin, seeds=w.seeds)
        return self._in_arm(w, generation, name)

    def _in_arm(self, w: Any, generation: int, name: str) -> str:
        template = self.layout.arm_generation(name)
        return self._fill(template, study=w.study, arm=w.arm, seeds=w.seeds, generation=format_generation(generation))

    def arm_zero_curated(self, w: Any) -> str:
        """Curated set of an arm's generation 0, which holds the rewards that its forecast starts from."""
        return self._in_arm(w, 0, "curated.safetensors")

    def metric_tables(self, w: Any) -> list[str]:
        """Every `metrics.csv` of a study, in the order of arms, seeds and generations."""
        if w.study in self.simulated:
            return self._of_simulated_arms(w, "metrics.csv")
        template = self.layout.arm_generation("metrics.csv")
        return [
            self._fill(template, study=w.study, arm=arm, seeds=seeds, generation=format_generation(generation))
            for arm in self.study(w).arms
            for seeds in self._seed_batches(w)
            for generation in range(self.study(w).generations + 1)
        ]

    def trajectories(self, w: Any) -> list[str]:
        """Recorded arrays of every arm of a simulated study."""
        return self._of_simulated_arms(w, "trajectories.safetensors")

    def _of_simulated_arms(self, w: Any, name: str) -> list[str]:
        template = self.layout.in_arm(name)
        return [self._fill(template, study=w.study, arm=arm) for arm in self.simulated[w.study].arms]

    def rates(self, w: Any) -> str | list[str]:
        """Fitted rates of a simulated study, or nothing."""
        return self._fill(self.layout.in_study("rates.csv"), study=w.study) if self.simulated[w.study].rates else []

    def forecast_tables(self, w: Any) -> list[str]:
        """The `forecast.csv` of every arm of a study that has one."""
        template = self.layout.arm_seeds("forecast.csv")
        return [
            self._fill(template, study=w.study, arm=arm, seeds=seeds)
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
            self._of_generation(_Wildcards(study=w.study, arm=arm, seeds=seeds), generation, "features.safetensors")
            for seeds in self._seed_batches(w)
            for arm in self.study(w).arms
            for generation in range(self.study(w).generations + 1)
        ]

    def shown_models(self, w: Any) -> list[str]:
        """Models that `shown_samples` were drawn from."""
        return [self._of_generation(v, generation, "model.safetensors") for v, generation in self._shown(w)]

    def shown_real(self, w: Any) -> list[str]:
        """Real data of every arm's origin, arms in order."""
        return [self.real(_Wildcards(study=w.study, arm=arm)) for arm in self.study(w).arms]

    def _shown(self, w: Any) -> list[tuple[Any, int]]:
        first = self._seed_batches(w)[0]
        generations = range(self.study(w).generations + 1)
        return [
            (_Wildcards(study=w.study, arm=arm, seeds=first), generation)
            for arm in self.study(w).arms
            for generation in generations
        ]

    def _seed_batches(self, w: Any) -> list[str]:
        return [format_seeds(batch) for batch in self.study(w).seed_batches()]

    # Shared by all studies

    @property
    def shared_data(self) -> list[str]:
        """Data sets of the studies that are fetched once for all of them."""
        origins = [origin for study in self.trained.values() for origin in study.origins.values()]
        kinds = {origin.data.kind if origin.data.shared else origin.data.made_from for origin in origins}
        return sorted(kind for kind in kinds if kind)

    def shared_spec(self, data: str) -> str:
        """Settings of a shared data set: it has none of its own."""
        return json.dumps({"data": {"kind": data}, "data_seed": 0})

    def shared_code(self, data: str) -> str:
        """Code digest of fetching a shared data set."""
        return code_digest(SCRIPTS / "prepare_real.py", [("data", data)])

    @property
    def fetched(self) -> list[str]:
        """Every file that needs a network: shared data sets, feature networks in the data folder."""
        networks = {path for study in self.trained for path in self.feature_weights(_Wildcards(study=study))}
        return [self.layout.in_data(f"{data}.safetensors") for data in self.shared_data] + sorted(
            path for path in networks if path == self.inception
        )

    @property
    def inception(self) -> str:
        """Where clean-fid's Inception network is fetched to."""
        return self.layout.in_data(inception.NAME)

    # Targets

    def complete(self, study: str) -> list[str]:
        """Files that make a study complete: its tables and figures, where they come from and what they cost."""
        names = ("provenance.json", "cost.csv")
        return self.targets(study) + [self._fill(self.layout.in_study(name), study=study) for name in names]

    def targets(self, study: str) -> list[str]:
        """Tables and figures of a study."""
        files = [self._fill(self.layout.in_study(name), study=study) for name in self.tables(study)]
        return files + [path for figure in self.studies[study].figures for path in self.figure_files(study, figure)]

    def tables(self, study: str) -> tuple[str, ...]:
        """Names of a study's tables."""
        if study in self.trained:
            return ("metrics.csv", "forecast.csv", "claims.csv", "config.yaml")
        rates = ("rates.csv",) if self.simulated[study].rates else ()
        return ("metrics.csv", "laws.csv", *rates, "claims.csv", "config.yaml")

    def figure_files(self, study: str, figure: str) -> list[str]:
        """Files of one figure, without its caption."""
        extensions = ("gif",) if figure == "animation" else ("pdf", "png")
        return [self._fill(self.layout.in_study(f"figures/{figure}.{ext}"), study=study) for ext in extensions]

    def captions(self, study: str) -> list[str]:
        """Caption files of a study's figures."""
        return [
            self._fill(self.layout.in_study(f"figures/{figure}.txt"), study=study)
            for figure in self.studies[study].figures
        ]

    def report_inputs(self, _: Any) -> list[str]:
        """All that the report shows: the default studies' targets, captions, cards and some models."""
        shown = [path for study in self.config.studies for path in self.targets(study) + self.captions(study)]
        return [*shown, *report_cards(self), *report_models(self)]

    @staticmethod
    def _fill(template: str, **wildcards: str) -> str:
        return template.format(**wildcards)


def alternatives(names: Iterable[str]) -> str:
    """Regular expression that matches these names; nothing if there are none."""
    return "|".join(names) or "(?!)"


def once_per_arm(compute: Callable[[Any], str]) -> Callable[[Any], str]:
    """Remember what `compute` gives for a study, an origin or an arm: thousands of jobs of a graph ask for it."""
    known: dict[tuple[str | None, ...], str] = {}

    def remembered(wildcards: Any) -> str:
        key = tuple(getattr(wildcards, name, None) for name in ("study", "origin", "arm"))
        if key not in known:
            known[key] = compute(wildcards)
        return known[key]

    return remembered


class _Wildcards:
    def __init__(self, **wildcards: str) -> None:
        self.__dict__.update(wildcards)
