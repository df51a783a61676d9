"""The studies of a project folder, and what the rules ask of them. Knows nothing of Snakemake."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from recurate.files.paths import Layout, format_seeds
from recurate.foundation.errors import RecurateError
from recurate.foundation.quoting import nearest, shortened
from recurate.study.config import SCALES
from recurate.study.reading import LONGEST, STUDIES, NoScale, as_config, is_tried, read_study, study_files
from recurate.study.simulated import SimulatedStudy
from recurate.study.trained import Study
from recurate.workflow.asked import asked_for, check_study_name, check_target
from recurate.workflow.figures import Figures, FigureSorts, check_figures
from recurate.workflow.folders import check_apart, check_data_folders, check_folder
from recurate.workflow.inputs import Inputs
from recurate.workflow.job_params import check_opened
from recurate.workflow.report_settings import Report
from recurate.workflow.resources import Networks, Resources
from recurate.workflow.sizes import check_sizes
from recurate.workflow.stage_settings import StageSettings
from recurate.workflow.studies import Studies, Wildcards
from recurate.workflow.targets import Targets

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

    def __init__(
        self,
        config: Mapping[str, object],
        folder: str = STUDIES,
        targets: Iterable[str] | None = (),
        given: Collection[str] = (),
    ) -> None:
        """`targets` are those of the command, none for the default and None where another command asked for it.

        `given` are keys of the configuration that the command names. Studies that are not asked for may be wrong.
        """
        self.config = as_config(config, given)
        check_folder("results", self.config.results)
        check_folder("data", self.config.data)
        self.files = study_files(folder)
        check_apart(self.config.results, self.config.data, self.files)
        self._names_are_known(folder)
        self.notices = []  # what a command says before its plan
        if is_tried(self.config, given):
            self.notices.append(f"overrides are tried in {self.config.results}; results=FOLDER names another folder")
        configured = self.config.studies
        self.asked = () if targets is None else asked_for(targets, self.files, configured, self.config.results)
        self.studies = Studies(self._read())
        self.default = [name for name in configured if name in self.studies.all]
        self.layout = Layout(self.config.results, self.config.data)
        self.inputs = Inputs(self.studies, self.layout)
        self.figures = Figures(self.studies, self.inputs, self.layout)
        self.settings = StageSettings(self.studies)
        self.resources = Resources(self.studies, self.layout, self.config.device)
        self.networks = Networks(self.studies)
        self.targets = Targets(self.studies, self.inputs, self.layout)
        self.report = Report(self.studies, self.targets, self.layout, self.default, self.config.scale)

    def _names_are_known(self, folder: str) -> None:
        for key, names in (("studies", self.config.studies), ("overrides", list(self.config.overrides))):
            for name in names:
                if name not in self.files:
                    raise RecurateError(
                        f"config/config.yaml: {key}: no study {name!r} in {folder}; known are {', '.join(self.files)}"
                        f"{nearest(self.files, name)}"
                    )
        check_data_folders(self.config.data_folders)

    def _read(self) -> dict[str, Study | SimulatedStudy]:
        """Studies by name. Raises RecurateError for one that is asked for; others that are wrong are left out."""
        found: dict[str, Study | SimulatedStudy] = {}
        sorts = FigureSorts()
        wrong: list[str] = []
        for name, path in sorted(self.files.items(), key=lambda item: item[0] not in self.asked):
            try:
                found[name] = self._study(name, path)
                sorts.add(name, found[name])
            except Exception as error:  # a draft may fail in any way
                if name in self.asked and not isinstance(error, RecurateError):
                    raise
                if name in self.asked:
                    wrong += str(error).splitlines()
                found.pop(name, None)
                self.notices.append(f"left out: {shortened(str(error) or repr(error), LONGEST)}")
        if wrong:
            raise RecurateError("\n".join(wrong))
        return {name: found[name] for name in self.files if name in found}

    def _study(self, name: str, path: Path) -> Study | SimulatedStudy:
        """A study at the scale of the configuration; one that is asked for is looked at at the other scale too."""
        check_study_name(path)
        override = self.config.overrides.get(name, {})
        study = read_study(path, self.config.scale, override, self.config.most_jobs)
        check_figures(study, str(path))
        check_sizes(study, str(path), self.config.most_jobs, self.config.most_memory_gb)
        if name in self.asked:
            check_opened(study, str(path))
        for scale in [scale for scale in SCALES if scale != self.config.scale and name in self.asked]:
            try:
                check_figures(read_study(path, scale, override, self.config.most_jobs), str(path))
            except NoScale:
                continue
            except RecurateError as error:
                lines = str(error).splitlines()
                raise RecurateError("\n".join(f"{line} (at the scale {scale})" for line in lines)) from error
        return study

    def check_targets(self, targets: Iterable[str]) -> None:
        """Raise RecurateError for a target that names a study, an origin, an arm, seeds .. which do not exist."""
        for target in targets:
            check_target(target, self.config.results, self.studies, self.targets, self.files)

    def check_checkpoints(self) -> None:
        """Raise RecurateError for a checkpoint that an asked study is still to start from and that is plainly none."""
        for name, study in self.studies.trained.items():
            seeds = [format_seeds(batch) for batch in study.seed_batches()]
            for origin, settings in study.origins.items() if name in self.asked else ():
                made = [self.inputs.origin_model(Wildcards(study=name, origin=origin, seeds=batch)) for batch in seeds]
                if settings.checkpoint and not all(Path(path).is_file() for path in made):
                    try:
                        settings.checkpoint.check()
                    except RecurateError as error:
                        raise RecurateError(f"{self.files[name]}: origins.{origin}.checkpoint: {error}") from error

    def check_resources(self) -> None:
        """Raise RecurateError for a study that asks for resources of a rule which has not asked `resources` itself."""
        rules = self.resources.rules
        for name in self.asked:
            for rule in self.studies.all[name].resources:
                if rule in FORMER_RULES:
                    raise RecurateError(f"study {name}, resources: the rule {rule} is called {FORMER_RULES[rule]} now")
                if rule not in rules:
                    raise RecurateError(
                        f"study {name}, resources: there is no rule {rule!r}; rules are {', '.join(sorted(rules))}"
                        f"{nearest(rules, rule)}"
                    )

    @property
    def light_jobs_are_local(self) -> bool:
        """Whether figures, tables and forecasts run where Snakemake does, not on the cluster."""
        return self.config.light_jobs == "submit_host"

    def environment(self, usual: str) -> Callable[[Wildcards], str]:
        """Conda file of a job: that of language models or of pretrained networks where there are any, or the usual."""

        def of_job(w: Wildcards) -> str:
            origin = self.studies.origin(w)
            if origin.data.description.vocabulary:
                return "../envs/language.yaml"
            pretrained = origin.model.is_pretrained or (origin.judge is not None and origin.judge.is_pretrained)
            return f"../envs/{'pretrained' if pretrained else usual}.yaml"

        return of_job
