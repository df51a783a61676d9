"""The report: what its template shows, computed from a study's tables, cards, benchmarks and file metadata."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined
from PIL import Image

from recurate.figures.parts import feature_spaces
from recurate.figures.parts import words as text
from recurate.figures.parts.series import Series, read_forecast, read_metrics, student_band
from recurate.figures.parts.style import PNG_DOTS_PER_INCH
from recurate.figures.parts.view import ArmView, SimulatedView, StudyView
from recurate.files.arrays import read_metadata
from recurate.files.costs import Measurement, read_benchmark
from recurate.files.paths import Place, place_of
from recurate.files.provenance import mixed_versions
from recurate.files.tables import read_rows
from recurate.files.writing import read_json
from recurate.foundation.errors import RecurateError
from recurate.measuring.metrics import CONDITIONS
from recurate.report.agreement_table import agreement_lines
from recurate.report.claims_table import claim_groups, score
from recurate.report.settings import FigureFiles, ReportSettings, SimulatedSection, StudyFiles, TrainedSection
from recurate.theory.effects import EFFECT_COLUMNS
from recurate.theory.verdicts import CLAIM_COLUMNS

if TYPE_CHECKING:
    from recurate.foundation.types import Array

# Benchmarks are named after the file a job makes; the reader knows the stage.
STAGES = {
    "real": "real data",
    "judge": "judge",
    "model": "train",
    "samples": "sample",
    "curated": "curate",
    "metrics": "measure",
    "forecast": "forecast",
    "trajectories": "simulate",
}
OTHER_STAGES = ("tables", "figures")
PROVENANCE = ("spec_digest", "code_digest", "python", "numpy", "torch", "device")
ZOOM = 1.45  # on a screen, over printed size
Section = dict[str, object]  # what the template says, by the names it has there
MEDIA_TYPES = {".png": "image/png", ".gif": "image/gif"}


def render(template: str, settings: ReportSettings) -> str:
    """Fill the template file with all studies of the settings; every text in it is escaped.

    Raises RecurateError if the template cannot be read.
    """
    try:
        source = Path(template).read_text(encoding="utf-8")
    except OSError as error:
        raise RecurateError(f"{template}: cannot be read ({error.strerror}); restore it from the repository") from error
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    studies = [study_section(name, section) for name, section in settings.studies.items()]
    simulated = [simulated_section(name, section) for name, section in settings.simulated.items()]
    return environment.from_string(source).render(
        spec=settings, studies=studies, simulated=simulated, columns=PROVENANCE
    )


def study_section(name: str, section: TrainedSection) -> Section:
    """Everything the template says about one study."""
    study, files = section.study, section.files
    measured, predicted = read_metrics(files.tables["metrics.csv"]), read_forecast(files.tables["forecast.csv"])
    claims = read_rows(files.tables["claims.csv"], CLAIM_COLUMNS)
    return {
        **_heading(name, study, files),
        "score": score(claims),
        "claims": claim_groups(claims, study.arms),
        "arms": arm_table(study.arms, measured, predicted),
        "samplers": section.samplers,
        "effects": effect_table(study, files.tables.get("effects.csv")),
        "judges": {origin: read_json(path) for origin, path in section.judges.items()},
        "provenance": {label: read_metadata(path) for label, path in section.models.items()},
    }


def simulated_section(name: str, section: SimulatedSection) -> Section:
    """Everything the template says about one simulated study."""
    study, files = section.study, section.files
    claims = read_rows(files.tables["claims.csv"], CLAIM_COLUMNS)
    return {
        **_heading(name, study, files),
        "arms": study.arms,
        "replicates": study.replicates,
        "common_random_numbers": study.common_random_numbers,
        "score": score(claims),
        "agreement": agreement_lines(claims, study.arms),
    }


def _heading(name: str, study: StudyView | SimulatedView, files: StudyFiles) -> Section:
    """What is said of every study."""
    return {
        "name": name,
        "title": study.title,
        "answers": study.answers,
        "seeds": study.seeds,
        "generations": study.generations,
        "figures": [figure(key, parts) for key, parts in files.figures.items()],
        "mixed": mixed_versions(files.provenance, files.folder),
        "costs": cost_table(files.benchmarks, study.arms, study.generations),
        "files": files,
    }


def figure(name: str, parts: FigureFiles) -> dict[str, str]:
    """One figure: its picture as a data URI, its caption, and its files."""
    picture = next(path for path in parts.files if Path(path).suffix in MEDIA_TYPES)
    encoded = base64.b64encode(Path(picture).read_bytes()).decode()
    caption = Path(parts.caption).read_text(encoding="utf-8").strip()
    return {
        "name": name,
        "title": name.replace("_", " ").capitalize(),
        "width": f"{_width(picture)}px",
        "source": f"data:{MEDIA_TYPES[Path(picture).suffix]};base64,{encoded}",
        "caption": caption,
    }


def _width(picture: str) -> int:
    """Width in CSS pixels: printed pictures keep their proportions to each other, animations their size."""
    with Image.open(picture) as image:
        return image.width if Path(picture).suffix == ".gif" else round(image.width * ZOOM * 96 / PNG_DOTS_PER_INCH)


def arm_table(arms: Mapping[str, ArmView], measured: Series, predicted: Series) -> Section:
    """Every arm's K, lambda and metrics in the last generation: a head for each arm, a row of cells for each metric."""
    names = _in_rows(feature_spaces.common_metrics(measured))
    heads = [
        {
            "title": text.glued(text.arm_title(settings.title)),
            "choices": text.choices_text(settings.choices),
            "ratio": text.ratio_text(settings.real_fraction),
            "no_control": settings.no_control,
        }
        for settings in arms.values()
    ]
    rows = [
        {"metric": _head(name), "cells": [_cell(name, measured[arm], predicted.get(arm, {})) for arm in arms]}
        for name in names
    ]
    return {
        "heads": heads,
        "rows": rows,
        "conditions": f"{text.conditions(measured, names)} {text.context(arms, names)}".strip(),
    }


def effect_table(study: StudyView, table: str | None) -> Section | None:
    """Curated arms minus controls in the last generation: a head for each arm, a row of cells for each metric.

    None where no arm has a control, so that there is no `table`.
    """
    if table is None:
        return None
    last = [row for row in read_rows(table, EFFECT_COLUMNS) if int(row["generation"]) == study.generations]
    cells = {(row["metric"], row["arm"]): row for row in last}
    arms = list(dict.fromkeys(row["arm"] for row in last))
    titles = {name: text.glued(text.arm_title(arm.title)) for name, arm in study.arms.items()}
    heads = [{"title": titles[name], "control": titles[study.arms[name].control or ""]} for name in arms]
    metrics = _in_rows(dict.fromkeys(metric for metric, _ in cells))
    rows = [{"metric": _head(m), "cells": [_effect_cell(cells.get((m, arm))) for arm in arms]} for m in metrics]
    return {"heads": heads, "rows": rows}


def _effect_cell(row: Mapping[str, str] | None) -> dict[str, str]:
    """An effect with the half width of its interval, and whether the interval excludes zero."""
    if row is None:
        return {"value": "", "side": ""}
    effect, low, high = (float(row[column]) for column in ("effect", "lower", "upper"))
    side = "higher" if low > 0 else "lower" if high < 0 else "undecided"
    return {"value": text.with_error(effect, high - effect), "side": side}


def _in_rows(metrics: Iterable[str]) -> list[str]:
    """Those of the metrics that have a row in the report's tables, those with a head of their own first."""
    first = [name for name, words in text.METRICS.items() if words.head]
    hidden = ("share_", "curation_reward_", "reward_mean", *CONDITIONS)
    present = list(metrics)
    others = [name for name in present if name not in first and not name.startswith(hidden)]
    return [name for name in first if name in present] + others


def _head(metric: str) -> str:
    """A metric's name in the table, where mathtext cannot be."""
    head = text.METRICS[metric].head if metric in text.METRICS else ""
    return head or (text.metric_label(metric) if "$" not in text.metric_label(metric) else metric)


def _cell(metric: str, measured: dict[str, Array], predicted: dict[str, Array]) -> dict[str, str]:
    band = student_band(measured[metric])
    half = band.high[-1] - band.mean[-1]
    return {
        "value": text.with_error(float(band.mean[-1]), float(half)),
        "start": f"{band.mean[0]:.3g}",
        "forecast": f"{predicted[metric].mean(axis=0)[-1]:.3g}" if metric in predicted else "",
    }


def cost_table(folder: str, arms: Iterable[str], generations: int) -> list[Section]:
    """Jobs, seconds, CPU seconds and largest memory in MB of every stage and of all, from benchmark files."""
    costs: dict[str, list[Measurement]] = {}
    for path in sorted(Path(folder).rglob("*.tsv")):
        place = place_of(path.relative_to(Path(folder).parent))
        if place and _is_current(place, set(arms), generations) and (measured := read_benchmark(path)):
            costs.setdefault(_stage(place), []).append(measured)
    order = [stage for stage in (*STAGES.values(), *OTHER_STAGES) if stage in costs]
    rows = [_sum(stage, costs[stage]) for stage in order]
    return [*rows, _sum("sum", [job for stage in order for job in costs[stage]])]


def _is_current(place: Place, arms: set[str], generations: int) -> bool:
    """Whether a benchmark belongs to the study as it is now and not to an arm or generation it once had."""
    return (place.arm is None or place.arm in arms) and (place.generation or 0) <= generations


def _stage(place: Place) -> str:
    if place.is_figure:
        return "figures"
    return STAGES.get(Path(place.name).stem, "tables") if place.origin or place.arm else "tables"


def _sum(stage: str, jobs: list[Measurement]) -> Section:
    return {
        "stage": stage,
        "jobs": len(jobs),
        "seconds": sum(job.seconds for job in jobs),
        "cpu": sum(job.cpu_seconds for job in jobs),
        "memory": max((job.memory_mb for job in jobs), default=0.0),
    }
