"""Files that studies are made of: what a target of a study's name stands for."""

from __future__ import annotations

from recurate.figures import Figure
from recurate.files.paths import Layout
from recurate.files.tables import FORECAST_COLUMNS, METRIC_COLUMNS
from recurate.measuring.features import inception
from recurate.study.controls import controls
from recurate.workflow.inputs import Inputs
from recurate.workflow.studies import Studies, Wildcards, alternatives

GATHERED = {"metrics": METRIC_COLUMNS, "forecast": FORECAST_COLUMNS}


class Targets:
    """Tables and figures of every study, and what is fetched for them."""

    def __init__(self, studies: Studies, inputs: Inputs, layout: Layout) -> None:
        self.studies, self.inputs, self.layout = studies, inputs, layout

    def complete(self, study: str) -> list[str]:
        """Files that make a study complete: its tables and figures, where they come from and what they cost."""
        names = ("provenance.json", "cost.csv")
        return self.of_study(study) + [self.layout.in_study(name).format(study=study) for name in names]

    def of_study(self, study: str) -> list[str]:
        """Tables and figures of a study."""
        files = [self.layout.in_study(name).format(study=study) for name in self.tables(study)]
        return files + [path for figure in self.studies.all[study].figures for path in self.figure_files(study, figure)]

    def of_job(self, w: Wildcards) -> list[str]:
        """The same, for the study of a job."""
        return self.of_study(w.study)

    def tables(self, study: str) -> tuple[str, ...]:
        """Names of a study's tables."""
        if study in self.studies.trained:
            effects = ("effects.csv",) if controls(self.studies.trained[study]) else ()
            return ("metrics.csv", "forecast.csv", "claims.csv", *effects, "arms.csv", "config.yaml")
        rates = ("rates.csv",) if self.studies.simulated[study].rates else ()
        return ("metrics.csv", "laws.csv", *rates, "claims.csv", "arms.csv", "config.yaml")

    def figure_files(self, study: str, figure: Figure) -> list[str]:
        """Files of one figure, without its caption."""
        return [self.layout.in_study(f"figures/{figure.name}{end}").format(study=study) for end in figure.formats]

    def captions(self, study: str) -> list[str]:
        """Caption files of a study's figures."""
        return [
            self.layout.in_study(f"figures/{figure.name}.txt").format(study=study)
            for figure in self.studies.all[study].figures
        ]

    @property
    def gathered(self) -> str:
        """Regular expression of the names of these tables."""
        return alternatives(GATHERED)

    def columns(self, w: Wildcards) -> list[str]:
        """Columns of a table that is gathered from those of all arms."""
        return list(GATHERED[w.table])

    # Shared by all studies

    @property
    def shared_data(self) -> list[str]:
        """Data sets of the studies that are fetched once for all of them."""
        origins = [origin for study in self.studies.trained.values() for origin in study.origins.values()]
        kinds = {origin.data.kind if origin.data.shared else origin.data.made_from for origin in origins}
        return sorted(kind for kind in kinds if kind)

    @property
    def inception(self) -> str:
        """Where clean-fid's Inception network is fetched to."""
        return self.layout.in_data(inception.NAME)

    @property
    def fetched(self) -> list[str]:
        """Every file that needs a network: shared data sets, feature networks in the data folder."""
        networks = {
            path for study in self.studies.trained for path in self.inputs.feature_networks(Wildcards(study=study))
        }
        return [self.layout.in_data(f"{data}.safetensors") for data in self.shared_data] + sorted(
            path for path in networks if path == self.inception
        )
