"""Metrics measured in a feature space: which family and space a name means, and how figures call both.

A name is `{family}_{space}`; two have names of their own, because only on Inception features are they the literature's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from recurate.figures.parts.series import Series


class Name(NamedTuple):
    """What a metric is called: on an axis, where mathematics may stand, in running text, and at the head of a table.

    A metric with a `head` stands first in the report's tables.
    """

    label: str
    words: str
    head: str = ""


INCEPTION = {"fid": "frechet", "kid": "kernel_distance"}
PREFERRED = ("efficientnet_lite0", "judge")  # after Inception: the more general the features, the more they see
SPACES = {
    "efficientnet_lite0": "EfficientNet-Lite0 features",
    "inception": "Inception features",
    "judge": "judge features",
    "pixels": "raw pixels",
    "data": "raw data",
}
FAMILIES: dict[str, Name] = {
    "frechet": Name("Fréchet distance", "Fréchet distance to real data"),
    "kernel_distance": Name("kernel distance", "kernel distance to real data"),
    "precision": Name("precision", "precision"),
    "recall": Name("recall", "recall"),
    "density": Name("density", "density"),
    "coverage": Name("coverage", "coverage"),
    "memorisation": Name(
        "memorisation", "memorisation (share of samples nearer to the training images than held-out images are)"
    ),
}
MANIFOLD = ("precision", "recall", "density", "coverage")  # families that depend on k and N


def common_metrics(measured: Series) -> list[str]:
    """Metrics that every arm has, in the order of the table."""
    first, *others = measured.values()
    return [name for name in first if all(name in metrics for metrics in others)]


def family_and_space(metric: str) -> tuple[str, str]:
    """("recall", "judge") of `recall_judge`, ("frechet", "inception") of `fid`; two empty words for other metrics."""
    if metric in INCEPTION:
        return INCEPTION[metric], "inception"
    family = next((family for family in FAMILIES if metric.startswith(f"{family}_")), "")
    return family, metric[len(family) + 1 :] if family else ""


def in_spaces(family: str, metrics: Sequence[str]) -> list[str]:
    """Those of `metrics` that belong to a family: of distances the most general space first, else as they come."""
    names = [name for name in metrics if family_and_space(name)[0] == family]
    if family in INCEPTION.values():
        order = [name for name, of_inception in INCEPTION.items() if of_inception == family]
        order += [f"{family}_{space}" for space in PREFERRED]
        names.sort(key=lambda name: order.index(name) if name in order else len(order))
    return names


def space_words(space: str) -> str:
    """A feature space's name in running text."""
    return SPACES.get(space, f"{space.replace('_', ' ')} features")


def label(metric: str) -> str:
    """What the metric is called on an axis, without its space."""
    return metric.upper() if metric in INCEPTION else FAMILIES[family_and_space(metric)[0]].label


def words(metric: str) -> str:
    """What the metric is called in running text, without its space."""
    wide = FAMILIES[family_and_space(metric)[0]].words
    return f"{metric.upper()} ({wide})" if metric in INCEPTION else wide
