"""Metrics against the libraries they replace, storage of sample sets, and the memory of a whole measurement.

What is compared runs in turn, in processes of their own, all with two threads.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from measuring import ROOT, Child, Row, run_child

from recurate.files.arrays import read_arrays, write_arrays
from recurate.measuring.metrics.parts.frechet_distance import factor, moments

if TYPE_CHECKING:
    from recurate.foundation.types import Array

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

START = f"""
import json, os, sys, time, warnings
os.environ.update(OMP_NUM_THREADS="2", OPENBLAS_NUM_THREADS="2", MKL_NUM_THREADS="2")
sys.path[:0] = {[str(ROOT / "scripts"), str(ROOT / "tests/unit")]!r}
warnings.simplefilter("ignore")
import numpy as np
def timed(call):
    begin = time.perf_counter()
    return call(), time.perf_counter() - begin
"""
FRECHET = """
from other_ways import import_cleanfid
from recurate.measuring.metrics.parts.frechet_distance import factor, frechet_distance, moments
rng = np.random.default_rng(0)
rotation = np.linalg.qr(rng.standard_normal(({d}, {d})))[0]
gaussians = []
for shift in (0.0, 0.02):
    features = rng.standard_normal(({n}, {d}), dtype=np.float32)
    features *= np.arange(1, {d} + 1, dtype=np.float32) ** -(0.5 + shift)
    mean, covariance = moments(features + np.float32(shift))
    gaussians.append((rotation.T @ mean, rotation.T @ covariance @ rotation))
(mean, covariance), reference = gaussians
root = factor(reference[1])
clean_fid, found = import_cleanfid(), []
for _ in range({runs}):
    theirs, slow = timed(lambda: clean_fid.frechet_distance(mean, covariance, *reference))
    ours, fast = timed(lambda: frechet_distance(mean, covariance, reference[0], root))
    assert abs(ours / theirs - 1) < 1e-6, (ours, theirs)
    found.append(slow / fast)
print(json.dumps(found))
"""
CLOUDS = """
rng = np.random.default_rng(0)
x = rng.standard_normal(({n}, {d}), dtype=np.float32)
real = rng.standard_normal(({n}, {d}), dtype=np.float32) * np.float32(1.02)
"""
PRDC = """
import contextlib, io
from prdc import compute_prdc
with contextlib.redirect_stdout(io.StringIO()):
    found, seconds = timed(lambda: compute_prdc(real, x, {k}))
"""
MANIFOLDS = """
from dataclasses import asdict
from recurate.measuring.metrics.parts.neighbours import manifolds
found, seconds = timed(lambda: asdict(manifolds(x, real, {k})))
"""
REPORT = "print(json.dumps([seconds, [float(found[name]) for name in ('precision', 'recall', 'density', 'coverage')]]))"
MEASURE = """
import measure
from recurate.stages.measure import Reads
spec = Reads(
    metrics={metrics!r}, reference={{"split": "train"}}, classes=0, supremum=0.0, vocabulary=0, model=None
)
names = ("real", "samples", "curated")
paths = {{name: f"{folder}/{{name}}.safetensors" for name in (*names, "features", "reference")}}
_, seconds = timed(lambda: measure.main(
    metrics="{folder}/metrics.csv", spec=spec, study="bench", arm="bench", seeds=[0], generation=0, threads=2,
    model=None, device="cpu", **paths
))
print(json.dumps(seconds))
"""


def rows(runs: int) -> list[Row]:
    """Ratios to other libraries, times of storage, time and memory of measuring."""
    print("metrics", file=sys.stderr)
    return [_frechet(max(1, runs // 2)), *_manifolds(max(1, runs // 2)), *_storage(runs), *_measuring()]


def _run(script: str) -> Child:
    return run_child([sys.executable, "-c", START + script])


def _frechet(runs: int) -> Row:
    child = _run(FRECHET.format(n=IMAGES, d=FEATURES, runs=runs))
    name = f"Fréchet distance, {FEATURES:,} features, cached reference: clean-fid's time over ours"
    return Row(name, json.loads(child.output.splitlines()[-1]), "", FRECHET_RATIO, at_least=True)


def _manifolds(runs: int) -> list[Row]:
    """Time and memory of prdc and of ours; raises AssertionError if they do not agree."""
    speeds, memories = [], []
    clouds = CLOUDS.format(n=MANIFOLD_IMAGES, d=MANIFOLD_FEATURES)
    for _ in range(runs):
        theirs, ours = (_run(clouds + part.format(k=NEIGHBOURS) + REPORT) for part in (PRDC, MANIFOLDS))
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
        _prepare(Path(folder))
        child = _run(MEASURE.format(metrics=METRICS, folder=folder))
    name = f"measuring {IMAGES:,} samples of {FEATURES:,} features, four metrics"
    return [
        Row(f"{name}: time", [json.loads(child.output.splitlines()[-1])], "s"),
        Row(f"{name}: peak memory", [child.peak], "MB", MEASURE_MEGABYTES),
    ]


def _prepare(folder: Path) -> None:
    """Write the files of one generation of one seed, the size of a study on CIFAR-10."""
    rng = np.random.default_rng(0)
    shape = (32, 32, 3)
    real = {f"{part}_x": rng.integers(0, 256, (n, *shape), dtype=np.uint8) for part, n in _parts()}
    write_arrays(folder / "real.safetensors", real, {})
    write_arrays(folder / "samples.safetensors", {"x": real["train_x"][None]}, {})
    curated: dict[str, Array] = {"reward": np.zeros((1, IMAGES), np.float32), "index": np.zeros((1, 1), np.int64)}
    write_arrays(folder / "curated.safetensors", curated, {})
    scale = np.arange(1, FEATURES + 1, dtype=np.float32) ** -0.5
    drawn = {part: scale * rng.standard_normal((n, FEATURES), np.float32) for part, n in _parts()}
    mean, covariance = moments(drawn["train"])
    drawn |= {"mean": mean, "factor": factor(covariance)}
    reference = {f"inception/{name}": array for name, array in drawn.items()}
    write_arrays(folder / "reference.safetensors", reference, {})
    features = scale * rng.standard_normal((1, IMAGES, FEATURES), np.float32)
    write_arrays(folder / "features.safetensors", {"inception": features}, {})


def _parts() -> tuple[tuple[str, int], ...]:
    return (("train", IMAGES), ("test", 10_000))
