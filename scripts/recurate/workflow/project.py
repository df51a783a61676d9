"""What the rules ask: a job's settings and code digest, the targets. Knows nothing of Snakemake.

Every function takes an object with the wildcards as attributes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from recurate.data import Data
from recurate.files.paths import NAME, WILDCARDS, Layout
from recurate.files.tables import FORECAST_COLUMNS, METRIC_COLUMNS
from recurate.foundation.components import module_file
from recurate.foundation.errors import RecurateError
from recurate.measuring.features import inception
from recurate.study.config import Config
from recurate.study.families import FAMILIES
from recurate.study.reading import read_study, validated
from recurate.workflow.code_digest import code_digest
from recurate.workflow.inputs import Inputs, Wildcards
from recurate.workflow.report_settings import report_cards, report_models, report_spec
from recurate.workflow.resources import Resource, Scheduling
from recurate.workflow.stage_settings import Spec

GENERAL_TARGETS = ("all", "report", "data")
SCRIPTS = Path(__file__).parents[2]


class Project(Inputs):
    """The studies of a project folder, as its configuration resolves them."""

    wildcards = WILDCARDS
    metric_columns = METRIC_COLUMNS
    forecast_columns = FORECAST_COLUMNS
    report_template = "scripts/recurate/report/report.html.j2"

    def __init__(self, config: dict[str, Any], folder: str = "config/studies") -> None:
        self.config = validated(Config, config, "config/config.yaml")
        self._results_can_be_written()
        files = {path.stem: path for path in sorted(Path(folder).glob("*.yaml"))}
        self._names_are_known(files, folder)
        overrides = self.config.overrides
        studies = {n: read_study(path, self.config.scale, overrides.get(n, {})) for n, path in files.items()}
        super().__init__(studies, Layout(self.config.results, self.config.data))
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
        return code_digest(SCRIPTS / "prepare_real.py", [module_file(Data, data)])

    @property
    def fetched(self) -> list[str]:
        """Every file that needs a network: shared data sets, feature networks in the data folder."""
        networks = {path for study in self.trained for path in self.feature_weights(Wildcards(study=study))}
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
        return self.targets(study) + [self.layout.in_study(name).format(study=study) for name in names]

    def targets(self, study: str) -> list[str]:
        """Tables and figures of a study."""
        files = [self.layout.in_study(name).format(study=study) for name in self.tables(study)]
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
        return [self.layout.in_study(f"figures/{figure}.{ext}").format(study=study) for ext in extensions]

    def captions(self, study: str) -> list[str]:
        """Caption files of a study's figures."""
        return [
            self.layout.in_study(f"figures/{figure}.txt").format(study=study) for figure in self.studies[study].figures
        ]

    def report_inputs(self, _: Any) -> list[str]:
        """All that the report shows: the default studies' targets, captions, cards and some models."""
        shown = [path for study in self.config.studies for path in self.targets(study) + self.captions(study)]
        return [*shown, *report_cards(self), *report_models(self)]


BASE_OF_KEY = dict(
    zip(
        ("data", "judge", "model", "objective", "sampler", "reward", "curation", "features", "metrics", "estimator"),
        FAMILIES,
        strict=True,
    )
)


def kinds_in(spec):
    found = []
    for key, value in spec.items():
        parts = [part for part in (value if isinstance(value, list) else [value]) if isinstance(part, dict)]
        if key in BASE_OF_KEY:
            found += [module_file(BASE_OF_KEY[key], part["kind"]) for part in parts]
        found += [inner for part in parts for inner in kinds_in(part)]
    return found


def once_per_arm(compute: Callable[[Any], str]) -> Callable[[Any], str]:
    """Remember what `compute` gives for a study, an origin or an arm: thousands of jobs of a graph ask for it."""
    known: dict[tuple[str | None, ...], str] = {}

    def remembered(wildcards: Any) -> str:
        key = tuple(getattr(wildcards, name, None) for name in ("study", "origin", "arm"))
        if key not in known:
            known[key] = compute(wildcards)
        return known[key]

    return remembered
