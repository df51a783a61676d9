"""What a job asks a scheduler for: memory, time, GPUs.

The first guess stands in the rule, a study may replace it, and what a finished run of the same study measured replaces
a rule's guess. Every further attempt asks for as much again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from pathlib import Path

from recurate.files.costs import read_largest
from recurate.files.paths import Layout
from recurate.workflow.studies import Studies, Wildcards

MEMORY_MARGIN = 1.5  # times the peak that was measured
TIME_MARGIN = 2.0  # times the longest job that was measured
START_MB, START_MINUTES = 500, 5  # for the scheduler's own step and the start of Snakemake in it
Resource = Callable[[Wildcards, int], int] | Callable[[Wildcards], int]  # the attempt counts, but for GPUs
OnGpu = Callable[[Wildcards], bool]


class Resources:
    """Requests by rule, as functions of a job's wildcards and attempt."""

    def __init__(self, studies: Studies, layout: Layout, device: str) -> None:
        self.studies, self.layout, self.device = studies, layout, device
        self.rules: list[str] = []  # of a study, as they ask

    def __call__(self, rule: str, mem_mb: int, runtime: int, gpu: OnGpu | None = None) -> dict[str, Resource]:
        """Snakemake's resources of a rule: `mem_mb` in MB, `runtime` in minutes, `gpu` a number of GPUs.

        The argument `gpu` says whether the rule runs a network that is worth one.
        """
        self.rules.append(rule)

        def memory(wildcards: Wildcards, attempt: int) -> int:
            return attempt * self._asked(rule, wildcards, "mem_mb", mem_mb)

        def minutes(wildcards: Wildcards, attempt: int) -> int:
            return attempt * self._asked(rule, wildcards, "runtime", runtime)

        def gpus(wildcards: Wildcards) -> int:
            return int(gpu is not None and self.device != "cpu" and gpu(wildcards))

        return {"mem_mb": memory, "runtime": minutes, "gpu": gpus}

    def _asked(self, rule: str, w: Wildcards, name: str, guess: int) -> int:
        study = getattr(w, "study", None)
        if study is None:
            return guess
        request = self.studies.all[study].resources.get(rule)
        chosen = getattr(request, name) if request else None
        return chosen or self._measured(study).get((rule, name), guess)

    @cache  # noqa: B019 - one object for the life of the process
    def _measured(self, study: str) -> dict[tuple[str, str], int]:
        """Requests that follow from a study's cost table, by rule and name; none before it is there."""
        path = Path(self.layout.in_study("cost.csv").format(study=study))
        requests = {}
        for rule, (seconds, megabytes) in read_largest(path).items():
            requests[rule, "mem_mb"] = 100 * math.ceil((MEMORY_MARGIN * megabytes + START_MB) / 100)
            requests[rule, "runtime"] = math.ceil(TIME_MARGIN * seconds / 60 + START_MINUTES)
        return requests


class Networks:
    """Whether the networks that a job runs are worth a GPU."""

    def __init__(self, studies: Studies) -> None:
        self.studies = studies

    def model(self, w: Wildcards) -> bool:
        """The generative model."""
        return self.studies.origin(w).model.wants_gpu

    def judge(self, w: Wildcards) -> bool:
        """The judge, where there is one."""
        judge = self.studies.origin(w).judge
        return judge is not None and judge.wants_gpu

    def scorer(self, w: Wildcards) -> bool:
        """What a reward asks: generation 0's model, or else the judge."""
        return self.model(w) if self.studies.arm(w).reward.needs_origin else self.judge(w)

    def measured(self, w: Wildcards) -> bool:
        """The generation's own model, where a metric asks it."""
        return self.studies.measures_model(w) and self.model(w)

    def features(self, w: Wildcards) -> bool:
        """What makes some feature space: the judge, generation 0's model, a network of its own."""
        return any(
            self.judge(w) if space.needs_judge else self.model(w) if space.needs_origin else space.wants_gpu
            for space in self.studies.study(w).features
        )
