"""Which studies a command asks for, and the sentence for a target that there is not."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from recurate.files.paths import BENCHMARKS, LOGS, NAME_RULE, PUBLISHED, format_generation, format_seeds, is_name
from recurate.foundation.errors import RecurateError
from recurate.foundation.quoting import nearest, quoted, shortened
from recurate.study.trained import Study
from recurate.workflow import made
from recurate.workflow.studies import Studies
from recurate.workflow.targets import Targets

# Names of rules, which a study cannot have for it is a target of its name.
RULES = (
    "account", "all", "animate", "claims", "curate", "data", "draw", "effects", "extract_arm", "extract_origin",
    "fetch_inception", "forecast", "gather", "judge", "laws", "measure", "nearness", "rates", "real_data", "reference",
    "report", "resolved_config", "sample_arm", "sample_origin", "simulate", "train_arm", "train_origin", "traverse",
)  # fmt: skip
GENERAL = ("all", "data", "fetch_inception", "report")  # those that are targets
FETCHED = "fetch_"  # how rules begin that fetch a data set
OTHER_FOLDERS = (LOGS, BENCHMARKS, PUBLISHED, "figures", "tried")  # below the results folder, beside those of studies


def check_study_name(path: Path) -> None:
    """Raise RecurateError for a study file whose name is that of a rule or a folder, or no name."""
    name = path.stem
    if not is_name(name):
        raise RecurateError(f"{shortened(str(path))}: a study is called after its file; {NAME_RULE}")
    if name in RULES or name.startswith(FETCHED):
        raise RecurateError(f"{path}: {name} is the name of a rule, so that no target could be; rename the file")
    if name in OTHER_FOLDERS:
        raise RecurateError(f"{path}: {name} is a folder of the results beside those of studies; rename the file")


def asked_for(
    targets: Iterable[str], known: Collection[str], configured: Sequence[str], results: str
) -> Collection[str]:
    """Studies that targets ask for: of the `known` ones those they name, else the `configured` ones, the default."""
    asked: set[str] = set()
    for target in targets or ["all"]:
        name = target.removeprefix(f"{results}/").partition("/")[0] if target.startswith(f"{results}/") else target
        if name in known and target not in RULES:
            asked.add(name)
        elif target != "data":
            asked.update(configured)
    return asked


def check_target(target: str, results: str, studies: Studies, targets: Targets, files: Collection[str]) -> None:
    """Raise RecurateError for a target that names a study, seeds, a table .. which there are not.

    `files` are names of study files, also of those that cannot be read.
    """
    known = target in (*files, *GENERAL) or target.startswith(FETCHED)
    if not known and (is_name(target) or not ("/" in target or os.path.exists(target))):
        near = nearest((*files, *GENERAL), target)
        raise RecurateError(f"there is no study or target {target!r}; studies are {', '.join(files)}{near}")
    below = os.path.relpath(target, results)
    if "/" in target and not below.startswith("..") and target != (named := f"{results}/{below}"):
        raise RecurateError(
            f"there is no target {quoted(target)}; results are named from {results} on: {shortened(named)}"
        )
    if not target.startswith(f"{results}/"):
        return
    name, *inner = target.removeprefix(f"{results}/").split("/")
    if not inner and name in files:
        raise RecurateError(f"there is no target {quoted(target)}, which is a folder; the study is the target {name}")
    if not inner or name in OTHER_FOLDERS:
        return
    if name not in studies.all:
        raise RecurateError(f"there is no study {quoted(name)}; studies are {', '.join(files)}{nearest(files, name)}")
    if inner[0] in ("arms", "origins") and len(inner) > 2:
        _check_part(studies, name, *inner)
    elif inner[0] == "figures":
        figures = [figure.name for figure in studies.all[name].figures]
        _is_one_of(f"study {name} has no figure", Path(*inner[1:]).stem, figures, "figures")
    else:
        _is_one_of(f"study {name} makes no file", "/".join(inner), made.in_study(studies, targets, name), "files")


def _check_part(studies: Studies, name: str, sort: str, part: str, *inner: str) -> None:
    """Raise RecurateError for a file below a folder of arms or origins that the study does not make."""
    study = studies.all[name]
    parts = study.arms if sort == "arms" else study.origins if isinstance(study, Study) else {}
    what = f"study {name}, {sort[:-1]} {part}"
    _is_one_of(f"study {name} has no {sort[:-1]}", part, parts, sort)
    if len(inner) == 1 or not isinstance(study, Study):
        _is_one_of(f"{what}: makes no file", "/".join(inner), made.in_part(studies, name, sort, part), "files")
        return
    jobs = [f"seeds-{format_seeds(batch)}" for batch in study.seed_batches()]
    _is_one_of(f"{what}: has no job", inner[0], jobs, "jobs")
    if len(inner) == 2:
        _is_one_of(f"{what}: makes no file", inner[1], made.of_seeds(studies, name, sort, part), "files")
        return
    last = study.generations if sort == "arms" else 0
    generations = {f"gen-{format_generation(number)}": number for number in range(last + 1)}
    if inner[1] not in generations:
        first, *_, end = (*generations, *generations)
        raise RecurateError(f"{what}: there is no {quoted(inner[1])}; generations go from {first} to {end}")
    files = made.of_generation(studies, name, sort, part, generations[inner[1]])
    _is_one_of(f"{what}: makes no file", "/".join(inner[2:]), files, "files")


def _is_one_of(sentence: str, name: str, known: Collection[str], what: str) -> None:
    if name not in known:
        raise RecurateError(
            f"{sentence} {quoted(name)}; its {what} are {shortened(', '.join(known)) or 'none'}{nearest(known, name)}"
        )
