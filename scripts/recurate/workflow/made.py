"""Names of the files that a study makes, by the folder that they lie in."""

from __future__ import annotations

from recurate.files import manifests
from recurate.study.simulated import SimulatedStudy
from recurate.workflow.studies import Studies, Wildcards
from recurate.workflow.targets import Targets

BOOKS = ["provenance.json", "cost.csv"]
OF_SIMULATED_ARMS = ["metrics.csv", "trajectories.safetensors"]


def in_study(studies: Studies, targets: Targets, name: str) -> list[str]:
    """Files in a study's own folder."""
    reads = {read for figure in studies.all[name].figures for read in figure.reads}
    return [*targets.tables(name), *BOOKS, *(["traversals.safetensors"] if "traversed" in reads else [])]


def in_part(studies: Studies, study: str, sort: str, part: str) -> list[str]:
    """Files in the folder of one of the `origins` or `arms` of a study."""
    if isinstance(studies.all[study], SimulatedStudy):
        return OF_SIMULATED_ARMS
    if sort == "arms":
        return []
    settings = studies.trained[study]
    return [
        "real.safetensors",
        "real.json",
        *(["judge.safetensors", "judge.json"] if settings.origins[part].judge else []),
        *(["reference.safetensors"] if settings.features else []),
        *(["nearness.safetensors"] if settings.spaces_against_training() else []),
    ]


def of_seeds(studies: Studies, study: str, sort: str, part: str) -> list[str]:
    """Files of all generations of a group of seeds."""
    return ["forecast.csv"] if sort == "arms" and studies.has_forecast(Wildcards(study=study, arm=part)) else []


def of_generation(studies: Studies, study: str, sort: str, part: str, generation: int) -> list[str]:
    """Files of one generation of a group of seeds; an arm's generation 0 is the origin's but for what is chosen."""
    names = {sort[:-1]: part}
    draws = sort == "origins" or generation > 0 or studies.draws_its_own(Wildcards(study=study, **names))
    return [
        *(["model.safetensors"] if sort == "origins" or generation else []),
        *([manifests.NAME] if sort == "arms" and generation else []),
        *(["samples.safetensors"] if draws else []),
        *(["features.safetensors"] if draws and studies.trained[study].features else []),
        *(["curated.safetensors", "metrics.csv"] if sort == "arms" else []),
    ]
