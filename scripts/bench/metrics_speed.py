"""Metrics against the libraries they replace, storage of sample sets, and the memory of a whole measurement.

What is compared runs in turn, in processes of their own, all with two threads.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import alone
import numpy as np
from measuring import Row, run_alone

from recurate.files.arrays import read_arrays, write_arrays

FRECHET_RATIO, MANIFOLD_RATIO, MANIFOLD_MEMORY = 3.0, 3.0, 0.25
STORE_SECONDS, MEASURE_MEGABYTES = 0.3, 4_000.0
IMAGES, FEATURES = 50_000, 2_048
MANIFOLD_IMAGES, MANIFOLD_FEATURES, NEIGHBOURS = 10_000, 512, 5
METRICS = [
    {"kind": "frechet", "features": "inception"},
    {"kind": "kernel_distance", "features": "inception"},
    {"kind": "precision_recall", "features": "inception", "samples": 10_000},
    {"kind": "memorisation", "features": "inception", "samples": 10_000},
]


def rows(runs: int) -> list[Row]:
    """Ratios to other libraries, times of storage, time and memory of measuring."""
    print("metrics", file=sys.stderr)
    return [_frechet(max(1, runs // 2)), *_manifolds(max(1, runs // 2)), *_storage(runs), *_measuring()]


def _frechet(runs: int) -> Row:
    child = run_alone(alone.frechet, samples=IMAGES, features=FEATURES, runs=runs)
    name = f"Fréchet distance, {FEATURES:,} features, cached reference: clean-fid's time over ours"
    return Row(name, json.loads(child.output.splitlines()[-1]), "", FRECHET_RATIO, at_least=True)


def _manifolds(runs: int) -> list[Row]:
    """Time and memory of prdc and of ours; raises AssertionError if they do not agree."""
    speeds, memories = [], []
    sizes = {"samples": MANIFOLD_IMAGES, "features": MANIFOLD_FEATURES, "neighbours": NEIGHBOURS}
    for _ in range(runs):
        theirs, ours = run_alone(alone.prdc, **sizes), run_alone(alone.manifolds, **sizes)
        (slow, expected), (fast, found) = json.loads(theirs.output), json.loads(ours.output)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        speeds.append(slow / fast)
        memories.append(ours.peak / theirs.peak)
    name = f"precision, recall, density, coverage, {MANIFOLD_IMAGES:,} samples, {MANIFOLD_FEATURES} features"
    return [
        Row(f"{name}: prdc's time over ours", speeds, "", MANIFOLD_RATIO, at_least=True),
        Row(f"{name}: our peak memory over prdc's", memories, "", MANIFOLD_MEMORY),
    ]


def _storage(runs: int) -> list[Row]:
    x = np.random.default_rng(0).integers(0, 256, (1, IMAGES, 32, 32, 3), dtype=np.uint8)
    times = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "samples.safetensors"
        for _ in range(runs + 1):
            begin = time.perf_counter()
            write_arrays(path, {"x": x}, {})
            written = time.perf_counter()
            read_arrays(path)
            times.append((written - begin, time.perf_counter() - written))
    name = f"{IMAGES:,} images of 32x32x3"
    return [
        Row(f"{name}: {word}", seconds, "s", STORE_SECONDS)
        for word, seconds in zip(("writing", "reading"), zip(*times[1:], strict=True), strict=True)
    ]


def _measuring() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        alone.write_generation(Path(folder), IMAGES, FEATURES)
        child = run_alone(alone.measured, folder=folder, metrics=METRICS)
    name = f"measuring {IMAGES:,} samples of {FEATURES:,} features, four metrics"
    return [
        Row(f"{name}: time", [json.loads(child.output.splitlines()[-1])], "s"),
        Row(f"{name}: peak memory", [child.peak], "MB", MEASURE_MEGABYTES),
    ]
