"""Simulated loops for tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurate.closed_form.estimators import Estimator
from recurate.closed_form.loop import Preference, SimulatedLoop
from recurate.closed_form.simulate import simulate
from recurate.closed_form.streams import Replicates
from recurate.curation import Curation
from recurate.curation.rewards import Reward
from recurate.foundation.components import load
from recurate.mixing.simulated import SimulatedMixing

REGIMES: dict[str, dict[str, Any]] = {
    "replace": {"regime": "replace", "initial": 20},
    "accumulate": {"regime": "accumulate", "initial": 20},
    "accumulate_unequal": {"regime": "accumulate", "initial": 20, "synthetic": 7},
    "accumulate_subsample": {"regime": "accumulate_subsample", "initial": 20},
    "augmentation": {"regime": "augmentation", "real": 20, "synthetic": 10},
    "fresh": {"regime": "fresh", "real": 20, "synthetic": 10, "initial": 5},
    "contamination": {"regime": "contamination", "real": 10, "real_fraction": 0.4},
}


def estimator(**spec: Any) -> Estimator:
    return load(Estimator, spec)


def loop(mixing: dict[str, Any], generations: int, **settings: Any) -> SimulatedLoop:
    rule = SimulatedMixing.model_validate(mixing)
    return SimulatedLoop(rule.rule, rule.sizes, generations, **settings)


def run(fitted: Estimator, of: SimulatedLoop, replicates: int, **settings: Any) -> dict[str, np.ndarray]:
    """Every measure of a loop, (replicates, generations + 1)."""
    found: dict[str, list[np.ndarray]] = {}
    for model, rewards in simulate(fitted, of, Replicates(range(replicates)), **settings):
        seen = fitted.seen(model)
        values = {name: measure(seen) for name, measure in fitted.measures.items()}
        for name, value in {**values, **rewards}.items():
            found.setdefault(name, []).append(value)
    return {name: np.stack(values, axis=1) for name, values in found.items()}


def preference(choices: float, kept: int) -> Preference:
    """Curators who like what is near 2."""
    reward = load(Reward, {"kind": "clipped_distance", "target": [2.0], "radius": 0.5})
    return Preference(reward, load(Curation, {"kind": "bradley_terry", "choices": choices, "kept": kept}))
