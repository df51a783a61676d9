"""The forecast and the curation of 50,000 samples. The forecast runs in a process of its own, for its peak memory."""

from __future__ import annotations

import json
import sys
import time

import alone
import numpy as np
from measuring import Row, run_alone

from recurate.curation.bradley_terry import BradleyTerry
from recurate.foundation.randomness import CURATION, numpy_generator

SAMPLES, CHOICES, GENERATIONS = 50_000, 4, 20
FORECAST_SECONDS, FORECAST_MEGABYTES, CURATION_SECONDS = 3.0, 500.0, 0.1


def rows(runs: int) -> list[Row]:
    """Time and memory of the forecast, time of curation."""
    print("forecast and curation", file=sys.stderr)
    sizes = {"samples": SAMPLES, "choices": CHOICES, "generations": GENERATIONS}
    children = [run_alone(alone.forecast, **sizes) for _ in range(runs)]
    name = f"forecast, {SAMPLES:,} rewards, K = {CHOICES}, {GENERATIONS} generations"
    seconds = [float(json.loads(child.output)) for child in children]
    return [
        Row(f"{name}: time", seconds, "s", FORECAST_SECONDS),
        Row(f"{name}: peak memory", [child.peak for child in children], "MB", FORECAST_MEGABYTES),
        *(_curation(kept, runs) for kept in (SAMPLES, SAMPLES // CHOICES)),
    ]


def _curation(kept: int, runs: int) -> Row:
    curation = BradleyTerry(kind="bradley_terry", choices=CHOICES, kept=kept)
    rewards = -np.random.default_rng(0).exponential(2.0, SAMPLES).astype(np.float32)
    seconds = []
    for run in range(runs + 1):
        begin = time.perf_counter()
        curation.keep(rewards, numpy_generator(0, run, CURATION))
        seconds.append(time.perf_counter() - begin)
    return Row(f"curation, {SAMPLES:,} samples, K = {CHOICES}, {kept:,} kept", seconds[1:], "s", CURATION_SECONDS)
