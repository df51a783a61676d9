"""The studies of a project folder, and what the rules ask of them. Knows nothing of Snakemake."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from recurate.files.paths import NAME, Layout
from recurate.foundation.errors import RecurateError
from recurate.study.reading import as_config, read_study
from recurate.study.trained import Study
from recurate.workflow.figures import Figures, check_figures
from recurate.workflow.inputs import Inputs
from recurate.workflow.report_settings import Report
from recurate.workflow.resources import Networks, Resources
from recurate.workflow.stage_settings import StageSettings
from recurate.workflow.studies import Studies, Wildcards
from recurate.workflow.targets import Targets

GENERAL_TARGETS = ("all", "report", "data")
OTHER_FOLDERS = ("logs", "benchmarks", "published")  # below the results folder, beside those of studies
FORMER_RULES = {
    "gather_metrics": "gather",
    "gather_forecasts": "gather",
    "agreement": "claims",
    "provenance": "account",
    "cost": "account",
}  # by their names until version 0.2


class Project:
    """A configuration, validated, and the studies as it resolves them.

    Rules ask `inputs`, `settings`, `resources`, `networks` and `targets`.
    """

    def __init__(self, config: Mapping[str, object], folder: str = "config/studies") -> None:
        self.config = as_config(config)
        self._results_can_be_written()
        files = {path.stem: path for path in sorted(Path(folder).glob("*.yaml"))}
        self._names_are_known(files, folder)
        overrides = self.config.overrides
        self.studies = Studies(
            {n: read_study(path, self.config.scale, overrides.get(n, {})) for n, path in files.items()}
        )
        for name, path in files.items():
            check_figures(self.studies.all[name], str(path))
        self.layout = Layout(self.config.results, self.config.data)
        self.inputs = Inputs(self.studies, self.layout)
        self.figures = Figures(self.studies, self.inputs, self.layout)
        self.settings = StageSettings(self.studies)
        self.resources = Resources(self.studies, self.layout, self.config.device)
        self.networks = Networks(self.studies)
        self.targets = Targets(self.studies, self.inputs, self.layout)
        self.report = Report(self.studies, self.targets, self.layout, self.config.studies, self.config.scale)

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
        """Raise RecurateError for a target that names a study, an origin, an arm or a figure which does not exist."""
        studies = self.studies.all
        for target in targets:
            if NAME.match(target) and target not in (*studies, *GENERAL_TARGETS):
                raise RecurateError(f"there is no study or target {target!r}; studies are {', '.join(studies)}")
            if target.startswith(f"{self.config.results}/"):
                self._is_known(Path(target).parts[len(Path(self.config.results).parts) :])

    def check_resources(self, rules: Collection[str]) -> None:
        """Raise RecurateError for a study that asks for resources of a rule which is not one of `rules`."""
        for name, study in self.studies.all.items():
            for rule in study.resources:
                if rule in FORMER_RULES:
                    raise RecurateError(f"study {name}, resources: the rule {rule} is called {FORMER_RULES[rule]} now")
                if rule not in rules:
                    raise RecurateError(
                        f"study {name}, resources: there is no rule {rule!r}; rules are {', '.join(sorted(rules))}"
                    )

    def _is_known(self, below: tuple[str, ...]) -> None:
        """Raise RecurateError if a path below the results folder names what there is not."""
        name, *inner = below
        if not inner or name in OTHER_FOLDERS:
            return
        if name not in self.studies.all:
            raise RecurateError(f"there is no study {name!r}; studies are {', '.join(self.studies.all)}")
        study = self.studies.all[name]
        parts = {"arms": study.arms, "origins": study.origins if isinstance(study, Study) else {}}
        if len(inner) > 2 and inner[0] in parts and inner[1] not in parts[inner[0]]:
            folder, part = inner[:2]
            known = ", ".join(parts[folder]) or "none"
            raise RecurateError(f"study {name} has no {folder[:-1]} {part!r}; its {folder} are {known}")
        if len(inner) == 2 and inner[0] == "figures":
            self.figures.of(name, Path(inner[1]).stem)

    @property
    def light_jobs_are_local(self) -> bool:
        """Whether figures, tables and forecasts run where Snakemake does, not on the cluster."""
        return self.config.light_jobs == "submit_host"

    def environment(self, usual: str) -> Callable[[Wildcards], str]:
        """Conda file of a job: that of language models where the data are text, and else the `usual` one."""

        def of_job(w: Wildcards) -> str:
            name = "language" if self.studies.origin(w).data.description.vocabulary else usual
            return f"../envs/{name}.yaml"

        return of_job
