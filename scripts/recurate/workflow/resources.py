"""What a job asks a scheduler for: memory, time, GPUs.

The first guess stands in the rule, a study may replace it, and what a finished run of the same study measured replaces
a rule's guess. Every further attempt asks for as much again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from recurate.files.costs import COST_COLUMNS
from recurate.files.paths import Layout
from recurate.files.tables import read_rows
from recurate.measuring.features import Features
from recurate.study.config import Config
from recurate.workflow.stage_settings import Stages

MEMORY_MARGIN = 1.5  # times the peak that was measured
TIME_MARGIN = 2.0  # times the longest job that was measured
START_MB, START_MINUTES = 500, 5  # for the scheduler's own step and the start of Snakemake in it
Resource = Callable[..., int]  # of wildcards and, but for GPUs, the attempt


class Scheduling:
    """Requests by rule, as functions of a job's wildcards and attempt."""

    def __init__(self, stages: Stages, config: Config, layout: Layout) -> None:
        self.stages, self.config, self.layout = stages, config, layout

    def requests(self, rule: str, mem_mb: int, runtime: int) -> dict[str, Resource]:
        """Snakemake's resources of a rule: `mem_mb` in MB, `runtime` in minutes, `gpu` a number of GPUs."""

        def memory(wildcards: Any, attempt: int) -> int:
            return attempt * self._asked(rule, wildcards, "mem_mb", mem_mb)

        def minutes(wildcards: Any, attempt: int) -> int:
            return attempt * self._asked(rule, wildcards, "runtime", runtime)

        def gpu(wildcards: Any) -> int:
            return int(self._on_gpu(rule, wildcards))

        return {"mem_mb": memory, "runtime": minutes, "gpu": gpu}

    def _asked(self, rule: str, w: Any, name: str, guess: int) -> int:
        study = getattr(w, "study", None)
        if study is None:
            return guess
        request = self.stages.studies[study].resources.get(rule)
        chosen = getattr(request, name) if request else None
        return chosen or self._measured(study).get((rule, name), guess)

    @cache  # noqa: B019 - one object for the life of the process
    def _measured(self, study: str) -> dict[tuple[str, str], int]:
        """Requests that follow from a study's cost table, by rule and name; none before it is there."""
        path = Path(self.layout.in_study("cost.csv").format(study=study))
        found = {}
        for row in read_rows(path, COST_COLUMNS) if path.exists() else ():
            memory = MEMORY_MARGIN * float(row["peak_memory_mb"]) + START_MB
            found[row["rule"], "mem_mb"] = 100 * math.ceil(memory / 100)
            minutes = TIME_MARGIN * float(row["longest_s"]) / 60 + START_MINUTES
            found[row["rule"], "runtime"] = math.ceil(minutes)
        return found

    def _on_gpu(self, rule: str, w: Any) -> bool:
        """Whether the rule runs a network that is worth a GPU."""
        if self.config.device == "cpu":
            return False
        stage = rule.partition("_")[0]
        if stage in ("train", "sample"):
            return self.stages.origin(w).model.wants_gpu
        if stage == "measure":
            return self.stages.measures_model(w) and self.stages.origin(w).model.wants_gpu
        if stage == "curate" and self.stages.arm(w).reward.needs_origin:
            return self.stages.origin(w).model.wants_gpu
        if stage in ("judge", "curate"):
            judge = self.stages.origin(w).judge
            return judge is not None and judge.wants_gpu
        if stage in ("extract", "reference"):
            return any(self._space_on_gpu(space, w) for space in self.stages.study(w).features)
        return False

    def _space_on_gpu(self, space: Features, w: Any) -> bool:
        """Whether a feature space is made by a network that is worth a GPU: a judge, generation 0's model, its own."""
        origin = self.stages.origin(w)
        if space.needs_judge:
            return origin.judge is not None and origin.judge.wants_gpu
        return origin.model.wants_gpu if space.needs_origin else space.wants_gpu
