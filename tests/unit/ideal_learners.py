"""Loops of ideal learners that see finitely many samples, many at once, as synthetic metrics for tests of verdicts."""

from __future__ import annotations

from typing import Any

import numpy as np

SAMPLES = 200
TOP = 0.0  # rewards are normal, cut off there, so that a share of real samples has the highest


def ideal_loops(
    random: np.random.Generator,
    replicates: int,
    generations: int,
    choices: int,
    real_fraction: float = 0.0,
    against: bool = False,
) -> dict[str, np.ndarray]:
    """Metrics (replicates, generations + 1) of learners whose samples are those they were trained on.

    From K fresh draws among a generation's samples one is kept with probability proportional to e^reward (`against`:
    to e^-reward); a share `real_fraction` of the next training set is new and real.
    """
    rewards = real(random, replicates)
    found: dict[str, list[np.ndarray]] = {name: [] for name in ("exp_reward_mean", "exp_reward_variance", "top_share")}
    for generation in range(generations + 1):
        scaled = np.exp(rewards - TOP)
        found["exp_reward_mean"].append(scaled.mean(axis=1))
        found["exp_reward_variance"].append(scaled.var(axis=1))
        found["top_share"].append((rewards == TOP).mean(axis=1))
        if generation < generations:
            kept = curated(random, rewards, choices, -1 if against else 1)
            is_real = random.random(kept.shape) < real_fraction
            rewards = np.where(is_real, real(random, replicates), kept)
    return {name: np.stack(values, axis=1) for name, values in found.items()}


def real(random: np.random.Generator, replicates: int) -> np.ndarray:
    return np.minimum(random.normal(-1.0, 1.2, (replicates, SAMPLES)), TOP)


def curated(random: np.random.Generator, rewards: np.ndarray, choices: int, sign: int) -> np.ndarray:
    """One of `choices` draws for each sample, by the Gumbel trick: the largest of reward plus Gumbel noise."""
    shown = random.integers(0, SAMPLES, (*rewards.shape, choices))
    values = np.take_along_axis(rewards[:, :, None], shown, axis=1)
    best = (sign * values + random.gumbel(size=values.shape)).argmax(axis=2)
    return np.take_along_axis(values, best[:, :, None], axis=2)[:, :, 0]


def split(metrics: dict[str, np.ndarray], seeds: int) -> list[dict[str, Any]]:
    """Metrics of many replicates as those of many studies with so many seeds."""
    count = len(next(iter(metrics.values()))) // seeds
    return [{name: values[i * seeds : (i + 1) * seeds] for name, values in metrics.items()} for i in range(count)]
