"""What the report is told: every study's titles and where its files lie. Knows nothing of their contents."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from recurate.files.paths import format_generation, format_seeds
from recurate.workflow.studies import Wildcards

if TYPE_CHECKING:
    from recurate.workflow.project import Project


def report_spec(project: Project) -> dict[str, Any]:
    """Settings of the report: the default studies in order."""
    config = project.config
    studies = {name: _study(project, name) for name in config.studies if name in project.studies.trained}
    simulated = {name: _simulated(project, name) for name in config.studies if name in project.studies.simulated}
    return {"scale": config.scale, "results": config.results, "studies": studies, "simulated": simulated}


def report_models(project: Project) -> list[str]:
    """Model files whose provenance the report shows."""
    return [path for name in _trained(project) for path in _models(project, name).values()]


def report_cards(project: Project) -> list[str]:
    """Cards of judges that the report shows."""
    return [path for name in _trained(project) for path in _judges(project, name).values()]


def _trained(project: Project) -> list[str]:
    return [name for name in project.config.studies if name in project.studies.trained]


def _study(project: Project, name: str) -> dict[str, Any]:
    return {
        **project.settings.figure(Wildcards(study=name)),
        **_files(project, name),
        "judges": _judges(project, name),
        "models": _models(project, name),
    }


def _simulated(project: Project, name: str) -> dict[str, Any]:
    return {**project.settings.curves(Wildcards(study=name)), **_files(project, name)}


def _files(project: Project, name: str) -> dict[str, Any]:
    """Where a study's figures, tables, times and logs lie."""
    layout = project.layout
    fill = {"study": name}
    tables = project.targets.tables(name)
    return {
        "figures": {
            figure.name: {"files": project.targets.figure_files(name, figure), "caption": caption}
            for figure, caption in zip(project.studies.all[name].figures, project.targets.captions(name), strict=True)
        },
        "tables": {table: layout.in_study(table).format(**fill) for table in tables},
        "folder": layout.study.format(**fill),
        "benchmarks": os.path.dirname(layout.benchmark(layout.in_study(tables[0])).format(**fill)),
        "logs": os.path.dirname(layout.log(layout.in_study(tables[0])).format(**fill)),
    }


def _judges(project: Project, name: str) -> dict[str, str]:
    """Cards of the origins that have a judge, by origin."""
    template = project.layout.in_origin("judge.json")
    origins = project.studies.trained[name].origins
    return {key: template.format(study=name, origin=key) for key, origin in origins.items() if origin.judge is not None}


def _models(project: Project, name: str) -> dict[str, str]:
    """One model for each origin, and the last one of each arm, of the first seeds."""
    study, layout = project.studies.trained[name], project.layout
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
