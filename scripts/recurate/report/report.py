"""The report: what its template shows, computed from a study's tables, cards, benchmarks and file metadata."""

from __future__ import annotations

import base64
import csv
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined
from PIL import Image

from recurate.figures.parts import feature_spaces
from recurate.figures.parts import words as text
from recurate.figures.parts.series import Series, read_forecast, read_metrics, student_band
from recurate.figures.parts.style import PNG_DOTS_PER_INCH
from recurate.files.arrays import read_metadata
from recurate.files.tables import read_rows
from recurate.files.writing import read_json
from recurate.foundation.errors import RecurateError
from recurate.report.agreement_table import agreement_lines, agreement_score
from recurate.report.claims_table import claim_groups, claim_score
from recurate.theory.verdicts import CLAIM_COLUMNS

HEADS = {
    "exp_reward_mean": "E[e^(r − r*)]",
    "exp_reward_variance": "Var[e^(r − r*)]",
    "top_share": "share at r = r*",
    "share_entropy": "class entropy (nats)",
}
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
MEDIA_TYPES = {".png": "image/png", ".gif": "image/gif"}


def render(template: str, spec: dict[str, Any]) -> str:
    """Fill the template file with all studies of `spec`; every text in it is escaped.

    Raises RecurateError if the template cannot be read.
    """
    try:
        source = Path(template).read_text()
    except OSError as error:
        raise RecurateError(f"{template}: cannot be read ({error.strerror}); restore it from the repository") from error
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    studies = [study_section(name, settings) for name, settings in spec["studies"].items()]
    simulated = [simulated_section(name, settings) for name, settings in spec["simulated"].items()]
    template_of = environment.from_string(source)
    return template_of.render(spec=spec, studies=studies, simulated=simulated, columns=PROVENANCE)


def study_section(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Everything the template says about one study."""
    tables = settings["tables"]
    measured, predicted = read_metrics(tables["metrics.csv"]), read_forecast(tables["forecast.csv"])
    claims = read_rows(tables["claims.csv"], CLAIM_COLUMNS)
    return {
        "name": name,
        **settings,
        "figures": [figure(key, parts) for key, parts in settings["figures"].items()],
        "score": claim_score(claims),
        "claims": claim_groups(claims, settings["arms"]),
        "arms": arm_table(settings["arms"], measured, predicted),
        "judges": {origin: read_json(path) for origin, path in settings["judges"].items()},
        "costs": cost_table(settings["benchmarks"], settings["arms"], settings["generations"]),
        "provenance": {label: read_metadata(path) for label, path in settings["models"].items()},
        "files": settings,
    }


def simulated_section(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Everything the template says about one simulated study."""
    claims = read_rows(settings["tables"]["claims.csv"], CLAIM_COLUMNS)
    return {
        "name": name,
        **settings,
        "figures": [figure(key, parts) for key, parts in settings["figures"].items()],
        "score": agreement_score(claims),
        "agreement": agreement_lines(claims, settings["arms"]),
        "costs": cost_table(settings["benchmarks"], settings["arms"], settings["generations"]),
        "files": settings,
    }


def figure(name: str, parts: dict[str, Any]) -> dict[str, str]:
    """One figure: its picture as a data URI, its caption, and its files."""
    picture = next(path for path in parts["files"] if Path(path).suffix in MEDIA_TYPES)
    encoded = base64.b64encode(Path(picture).read_bytes()).decode()
    caption = Path(parts["caption"]).read_text().strip()
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


def arm_table(arms: dict[str, Any], measured: Series, predicted: Series) -> dict[str, Any]:
    """Every arm's K, lambda and metrics in the last generation: a head for each arm, a row of cells for each metric."""
    common = feature_spaces.common_metrics(measured)
    names = [name for name in HEADS if name in common]
    hidden = ("share_", "curation_", "reward_mean", *feature_spaces.CONDITIONS)
    names += [name for name in common if name not in HEADS and not name.startswith(hidden)]
    heads = [
        {
            "title": text.glued(text.arm_title(settings["title"])),
            "choices": text.choices_text(settings["choices"]),
            "ratio": text.ratio_text(settings["real_fraction"]),
        }
        for settings in arms.values()
    ]
    rows = [
        {"metric": _head(name), "cells": [_cell(name, measured[arm], predicted.get(arm, {})) for arm in arms]}
        for name in names
    ]
    return {"heads": heads, "rows": rows, "conditions": text.conditions(measured, names)}


def _head(metric: str) -> str:
    """A metric's name in the table, where mathtext cannot be."""
    return HEADS.get(metric) or (text.metric_label(metric) if "$" not in text.metric_label(metric) else metric)


def _cell(metric: str, measured: dict[str, np.ndarray], predicted: dict[str, np.ndarray]) -> dict[str, str]:
    band = student_band(measured[metric])
    half = band.high[-1] - band.mean[-1]
    return {
        "value": text.with_error(float(band.mean[-1]), float(half)),
        "start": f"{band.mean[0]:.3g}",
        "forecast": f"{predicted[metric].mean(axis=0)[-1]:.3g}" if metric in predicted else "",
    }


def cost_table(folder: str, arms: Iterable[str], generations: int) -> list[dict[str, Any]]:
    """Jobs, seconds, CPU seconds and largest memory in MB of every stage and of all, from benchmark files."""
    costs: dict[str, list[dict[str, float]]] = {}
    for path in sorted(Path(folder).rglob("*.tsv")):
        parts = path.relative_to(folder).parts
        if _is_current(parts, set(arms), generations):
            costs.setdefault(_stage(parts), []).append(_benchmark(path))
    order = [stage for stage in (*STAGES.values(), *OTHER_STAGES) if stage in costs]
    rows = [_sum(stage, costs[stage]) for stage in order]
    return [*rows, _sum("sum", [job for stage in order for job in costs[stage]])]


def _is_current(parts: tuple[str, ...], arms: set[str], generations: int) -> bool:
    """Whether a benchmark belongs to the study as it is now and not to an arm or generation it once had."""
    if parts[0] == "arms" and parts[1] not in arms:
        return False
    return not any(part.startswith("gen-") and int(part[4:]) > generations for part in parts)


def _stage(parts: tuple[str, ...]) -> str:
    if parts[0] == "figures":
        return "figures"
    return STAGES.get(Path(parts[-1]).stem, "tables") if len(parts) > 1 else "tables"


def _benchmark(path: Path) -> dict[str, float]:
    """First run in a benchmark file; what Snakemake could not measure (a job too short) is nan."""
    with path.open(newline="") as file:
        row = next(csv.DictReader(file, delimiter="\t"), {})
    return {name: _number(row.get(name)) for name in ("s", "cpu_time", "max_rss")}


def _number(value: str | None) -> float:
    try:
        return float(value or "nan")
    except ValueError:
        return math.nan


def _sum(stage: str, jobs: list[dict[str, float]]) -> dict[str, Any]:
    seconds, cpu = (sum(job[name] for job in jobs if not math.isnan(job[name])) for name in ("s", "cpu_time"))
    memory = max((job["max_rss"] for job in jobs if not math.isnan(job["max_rss"])), default=math.nan)
    return {"stage": stage, "jobs": len(jobs), "seconds": seconds, "cpu": cpu, "memory": memory}
