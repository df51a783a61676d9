"""Sample quality against evaluations of the network, for every sampler, on an origin that a study has trained.

Run `python scripts/bench/sampler_quality.py STUDY ORIGIN [--samples N]` after `snakemake STUDY`; it prints a Markdown
table. Latents are the same for every sampler, and other ones than the study's.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from recurate.curation.judges import FittedJudge
from recurate.files.arrays import read_arrays, read_metadata, read_parameters
from recurate.foundation.components import load
from recurate.foundation.randomness import METRIC, numpy_generator
from recurate.measuring.metrics.parts.frechet_distance import frechet_distance, moments
from recurate.models import VelocityModel
from recurate.models.parts.units import Encoding
from recurate.sampling.parts.flow import Counted, FlowSampler
from recurate.study.reading import read_trained

ROOT = Path(__file__).parents[2]
STEPS = {"euler": (4, 8, 20), "midpoint": (2, 3, 4, 5, 10), "heun": (2, 3, 4, 5, 10), "rk4": (2, 5)}
TOLERANCES = (1e-1, 1e-2, 1e-3)
COLUMNS = ("sampler", "evaluations", "Fréchet distance, judge features", "mean confidence", "seconds per 1,000 samples")


def candidates() -> Iterator[tuple[str, dict[str, Any]]]:
    """Names and settings of the samplers to compare."""
    for method, counts in STEPS.items():
        for steps in counts:
            yield f"{method}, {steps} steps", {"kind": "ode", "method": method, "steps": steps}
    for tolerance in TOLERANCES:
        settings = {"relative_tolerance": tolerance, "absolute_tolerance": tolerance}
        yield f"dopri5, tolerance {tolerance:g}", {"kind": "dopri5", **settings}


@dataclass
class Bench:
    """The trained origins of a study, one network for each seed, and what their samples are compared with."""

    study: str
    origin: str
    samples: int

    def __post_init__(self) -> None:
        folder = ROOT / "results" / self.study / "origins" / self.origin
        self.settings = read_trained(ROOT / f"config/studies/{self.study}.yaml", "demo", {}).origins[self.origin]
        assert self.settings.judge is not None, "the judge gives the features"
        self.judge = FittedJudge(self.settings.judge, read_arrays(folder / "judge.safetensors"))
        self.reference = read_arrays(folder / "reference.safetensors", ["judge/mean", "judge/factor"])
        self.models = sorted(folder.glob("seeds-*/gen-000/model.safetensors"))

    def quality(self, settings: dict[str, Any]) -> tuple[str, ...]:
        """Evaluations, Fréchet distance with its standard deviation over seeds, confidence, seconds."""
        distances, confidences, evaluations, seconds = [], [], 0.0, 0.0
        for number, path in enumerate(self.models):
            encoding = Encoding.from_json(read_metadata(path)["encoding"])
            parameters = {name: torch.from_numpy(value)[:1] for name, value in read_parameters(path).items()}
            generator = numpy_generator(number, 0, METRIC, 1)
            latents = generator.standard_normal((1, self.samples, *encoding.shape), dtype=np.float32)
            assert isinstance(self.settings.model, VelocityModel)
            network = Counted(self.settings.model)
            begin = time.process_time()
            drawn = load(FlowSampler, settings | {"chunk": 500}).generate(
                network, parameters, torch.from_numpy(latents)
            )
            seconds += time.process_time() - begin
            evaluations += network.evaluations / self.samples
            x = encoding.decode(drawn)[0]
            mean, covariance = moments(self.judge.features(x))
            distances.append(frechet_distance(mean, covariance, *self.reference.values()))
            confidences.append(self.judge.probabilities(x).max(axis=1).mean())
        count = len(self.models)
        spread = f" ± {np.std(distances, ddof=1):.2f}" if count > 1 else ""
        return (
            f"{evaluations / count:.0f}",
            f"{np.mean(distances):.2f}{spread}",
            f"{np.mean(confidences):.3f}",
            f"{seconds / count * 1000 / self.samples:.1f}",
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("study")
    parser.add_argument("origin")
    parser.add_argument("--samples", type=int, default=500, help="samples of each seed")
    options = parser.parse_args()
    torch.set_num_threads(1)
    bench = Bench(options.study, options.origin, options.samples)
    print(f"| {' | '.join(COLUMNS)} |\n| --- | --- | --- | --- | --- |")
    for name, settings in candidates():
        print(f"| {' | '.join((name, *bench.quality(settings)))} |", flush=True)


if __name__ == "__main__":
    main()
