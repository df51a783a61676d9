"""What the report is told: the default studies as figures see them, and where their files lie."""

from __future__ import annotations

import os
from collections.abc import Sequence

from recurate.files.paths import Layout, format_generation, format_seeds
from recurate.foundation.places import shipped
from recurate.report.settings import FigureFiles, SamplerView, SimulatedSection, StudyFiles, TrainedSection
from recurate.sampling import ALLOWED, TYPICAL
from recurate.stages.report import Reads
from recurate.stages.views import simulated_view, trained_view
from recurate.workflow.studies import Studies, Wildcards
from recurate.workflow.targets import Targets

TEMPLATE = str(shipped("scripts/recurate/report/report.html.j2"))


class Report:
    """What the rule of the report asks: `shown` are the studies in it, in order."""

    template = TEMPLATE

    def __init__(self, studies: Studies, targets: Targets, layout: Layout, shown: Sequence[str], scale: str) -> None:
        self.studies, self.targets, self.layout, self.scale = studies, targets, layout, scale
        self.shown = shown
        self.trained = [name for name in shown if name in studies.trained]
        self.simulated = [name for name in shown if name in studies.simulated]

    def reads(self, _: Wildcards) -> Reads:
        """What the report says about the studies, and where their files lie."""
        return Reads(
            scale=self.scale,
            results=self.layout.results,
            typical=TYPICAL,
            allowed=ALLOWED,
            studies={name: self._trained(name) for name in self.trained},
            simulated={name: self._simulated(name) for name in self.simulated},
        )

    def inputs(self, _: Wildcards) -> list[str]:
        """All that the report shows: the studies' targets, captions, cards and some models."""
        files = [path for name in self.shown for path in self.targets.of_study(name) + self.targets.captions(name)]
        cards = [path for name in self.trained for path in self._judges(name).values()]
        chains = [self._provenance(name) for name in self.shown]
        return [*files, *chains, *cards, *(path for name in self.trained for path in self._models(name).values())]

    def _trained(self, name: str) -> TrainedSection:
        view = trained_view(name, self.studies.trained[name])
        return TrainedSection(
            study=view,
            files=self._files(name),
            samplers=[
                SamplerView(
                    place=place,
                    kind=sampler.kind,
                    kept=sampler.kept_variance(model),
                    other_law=sampler.other_law(model),
                )
                for place, (sampler, model) in self.studies.samplers(name).items()
            ],
            judges=self._judges(name),
            models=self._models(name),
        )

    def _simulated(self, name: str) -> SimulatedSection:
        return SimulatedSection(study=simulated_view(name, self.studies.simulated[name]), files=self._files(name))

    def _files(self, name: str) -> StudyFiles:
        """Where a study's figures, tables, times and logs lie."""
        layout, tables = self.layout, self.targets.tables(name)
        first = layout.in_study(tables[0])
        captions = zip(self.studies.all[name].figures, self.targets.captions(name), strict=True)
        return StudyFiles(
            figures={
                figure.name: FigureFiles(files=self.targets.figure_files(name, figure), caption=caption)
                for figure, caption in captions
            },
            tables={table: layout.in_study(table).format(study=name) for table in tables},
            folder=layout.study.format(study=name),
            provenance=self._provenance(name),
            benchmarks=os.path.dirname(layout.benchmark(first).format(study=name)),
            logs=os.path.dirname(layout.log(first).format(study=name)),
        )

    def _provenance(self, name: str) -> str:
        """Every file that leads to a study's results, with its record."""
        return self.layout.in_study("provenance.json").format(study=name)

    def _judges(self, name: str) -> dict[str, str]:
        """Cards of the origins that have a judge, by origin."""
        template = self.layout.in_origin("judge.json")
        origins = self.studies.trained[name].origins
        return {key: template.format(study=name, origin=key) for key, origin in origins.items() if origin.judge}

    def _models(self, name: str) -> dict[str, str]:
        """One model for each origin, and the last one of each arm, of the first seeds."""
        study, layout = self.studies.trained[name], self.layout
        fill = {"study": name, "seeds": format_seeds(study.seed_batches()[0])}
        origin, arm = (f("model.safetensors") for f in (layout.origin_generation, layout.arm_generation))
        last = format_generation(study.generations)
        return {
            **{f"origin {key}": origin.format(origin=key, **fill) for key in study.origins},
            **{
                f"arm {key}, generation {study.generations}": arm.format(arm=key, generation=last, **fill)
                for key in study.arms
            },
        }
