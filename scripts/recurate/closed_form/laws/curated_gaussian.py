"""The curated Gaussian loop with infinitely many samples: fit, curate by the exact operator, pool, fit again."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from recurate.closed_form.law import Law
from recurate.closed_form.loop import REWARD_MEASURES, SimulatedLoop
from recurate.curation.parts.reward_moments import reaches
from recurate.foundation.lazy import np
from recurate.mixing.regimes import pools
from recurate.theory.forecast import statistics

if TYPE_CHECKING:
    from collections.abc import Callable

    from recurate.closed_form.estimators.gaussian import Gaussian
    from recurate.closed_form.loop import Preference
    from recurate.curation.rewards import Reward
    from recurate.foundation.types import Array

SOURCE = "exact operator of K-wise curation, infinitely many samples"
NODES, REACH = 1_001, 8.0  # quadrature: equidistant points over +- 8 standard deviations
BISECTIONS, NARROWINGS = 60, 5  # each narrowing is by a factor of 500


@dataclass(frozen=True)
class _Pool:
    """Mean and variance of a pool, with the number of samples that it stands for."""

    size: int
    mean: float
    variance: float

    def __add__(self, other: _Pool) -> _Pool:
        size = self.size + other.size
        share = other.size / size
        step = other.mean - self.mean
        variance = (1 - share) * self.variance + share * other.variance + share * (1 - share) * step**2
        return _Pool(size, self.mean + share * step, variance)


def operator_laws(gaussian: Gaussian, loop: SimulatedLoop) -> list[Law]:
    """Rewards and moments of the loop in one dimension, for many samples; none in more dimensions."""
    if gaussian.dimensions > 1 or loop.preference is None or not loop.preference.curation.has_operator:
        return []
    truth = _Pool(loop.sizes.initial, gaussian.mean, gaussian.std**2)
    fresh = _Pool(loop.sizes.real, truth.mean, truth.variance) if loop.sizes.real else None
    curated, rows = list[_Pool](), list[dict[str, float]]()
    trajectory = pools(loop.rule, truth, lambda _: fresh, lambda *_: curated.pop())
    for pool in islice(trajectory, loop.generations + 1):
        kept, moments = curate(loop.preference, pool, loop.sampling_bias)
        curated.append(kept)
        rows.append({"variance": pool.variance, "mean_shift": pool.mean - gaussian.mean, **moments})
    values = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    relative = (np.arange(len(rows)) + 1) / min(loop.sizes.initial, int(loop.preference.curation.kept))
    return [Law(name, line, SOURCE, order=np.abs(line).max() * relative) for name, line in values.items()]


def curate(preference: Preference, model: _Pool, bias: float) -> tuple[_Pool, dict[str, float]]:
    """Moments of p H for a normal p whose variance is scaled by `bias`, and the moments of p's own rewards."""
    spread = np.sqrt(bias * model.variance)
    z = np.linspace(-REACH, REACH, NODES)
    x = model.mean + spread * z
    weights = np.exp(-(z**2) / 2)
    weights /= weights.sum()
    rewards = preference.reward(x[:, None], None)
    operator = preference.curation.operator(rewards)
    assert operator is not None, "the laws of loops without an operator are unknown"
    kept = weights * operator.ratio(weights)
    kept /= kept.sum()
    mean = float(kept @ x)
    after = _Pool(int(preference.curation.kept), mean, float(kept @ (x - mean) ** 2))
    moments = statistics(weights, rewards, preference.reward.supremum)
    moments["top_share"] = top_mass(preference.reward, model.mean, spread)
    return after, {name: moments[name] for name in REWARD_MEASURES}


def top_mass(reward: Reward, mean: float, spread: float) -> float:
    """Probability of r = r* for x = mean + spread z with standard normal z: edges by bisection, then the exact mass.

    A set that lies between two nodes is found if the reward rises towards it from both.
    """
    from scipy.special import ndtr

    def at_top(z: Array) -> Array:
        return reaches(reward((mean + spread * z)[:, None], None), reward.supremum)

    z = _nodes_at_the_top(reward, mean, spread, at_top)
    inside = at_top(z)
    changes = np.flatnonzero(inside[1:] != inside[:-1])
    low, high = z[changes], z[changes + 1]
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        lower = at_top(middle) == inside[changes]
        low, high = np.where(lower, middle, low), np.where(lower, high, middle)
    entries = inside.astype(int)[[0, -1]]
    edges = np.concatenate([[-np.inf] * entries[0], low, [np.inf] * entries[1]])
    starts, ends = edges[::2], edges[1::2]
    far = starts > 0  # in the upper tail differences of 1 - ndtr keep their digits
    return float(np.where(far, ndtr(-starts) - ndtr(-ends), ndtr(ends) - ndtr(starts)).sum())


def _nodes_at_the_top(reward: Reward, mean: float, spread: float, at_top: Callable[[Array], Array]) -> Array:
    """Equidistant nodes, of which some are at r*, if need be narrowed down around the best one."""
    z = np.linspace(-REACH, REACH, NODES)
    for _ in range(NARROWINGS):
        if at_top(z).any():
            break
        best = int(np.argmax(reward((mean + spread * z)[:, None], None)))
        z = np.linspace(z[max(best - 1, 0)], z[min(best + 1, NODES - 1)], NODES)
    return z
