"""Metrics measured in a feature space: which family and space a name means, and how figures call both.

A name is `{family}_{space}`; two have names of their own, because only on Inception features are they the literature's.
"""

from __future__ import annotations

from collections.abc import Sequence

from recurate.figures.parts.series import Series

INCEPTION = {"fid": "frechet", "kid": "kernel_distance"}
PREFERRED = ("efficientnet_lite0", "judge")  # after Inception: the more general the features, the more they see
SPACES = {
    "efficientnet_lite0": "EfficientNet-Lite0 features",
    "inception": "Inception features",
    "judge": "judge features",
    "pixels": "raw pixels",
    "data": "raw data",
}
LABELS = {
    "frechet": "Fréchet distance",
    "kernel_distance": "kernel distance",
    "precision": "precision",
    "recall": "recall",
    "density": "density",
    "coverage": "coverage",
    "memorisation": "memorisation",
}
WORDS = {
    **LABELS,
    "frechet": "Fréchet distance to real data",
    "kernel_distance": "kernel distance to real data",
    "memorisation": "memorisation (share of samples nearer to a training image than to a held-out one)",
}
MANIFOLD = ("precision", "recall", "density", "coverage")  # families that depend on k and N
CONDITIONS = ("neighbours_", "manifold_samples_", "warning_few_samples_")  # beginnings of rows that are no results


def held_metrics(measured: Series) -> list[str]:
    """Metrics that every arm has, in the order of the table."""
    first, *others = measured.values()
    return [name for name in first if all(name in metrics for metrics in others)]


def family_and_space(metric: str) -> tuple[str, str]:
    """("recall", "judge") of `recall_judge`, ("frechet", "inception") of `fid`; two empty words for other metrics."""
    if metric in INCEPTION:
        return INCEPTION[metric], "inception"
    found = next((family for family in LABELS if metric.startswith(f"{family}_")), "")
    return found, metric[len(found) + 1 :] if found else ""


def in_spaces(family: str, held: Sequence[str]) -> list[str]:
    """Metrics of `held` that belong to a family: of distances the most general space first, otherwise as they come."""
    found = [name for name in held if family_and_space(name)[0] == family]
    if family in INCEPTION.values():
        order = [name for name, known in INCEPTION.items() if known == family]
        order += [f"{family}_{space}" for space in PREFERRED]
        found.sort(key=lambda name: order.index(name) if name in order else len(order))
    return found


def space_words(space: str) -> str:
    """A feature space's name in running text."""
    return SPACES.get(space, f"{space.replace('_', ' ')} features")


def label(metric: str) -> str:
    """What the metric is called on an axis, without its space."""
    return metric.upper() if metric in INCEPTION else LABELS[family_and_space(metric)[0]]


def words(metric: str) -> str:
    """What the metric is called in running text, without its space."""
    wide = WORDS[family_and_space(metric)[0]]
    return f"{metric.upper()} ({wide})" if metric in INCEPTION else wide
