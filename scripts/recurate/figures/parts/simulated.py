"""Simulated loops as figures see them: tables as arrays, words for measures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from recurate.figures.parts import words as text
from recurate.files.tables import LAW_COLUMNS, read_rows
from recurate.theory.agreement import read_values

MEASURE_LABELS = {
    "w2_squared": r"$W_2^2$",
    "mean_error": r"$|\hat\mu - \mu|$",
    "std_error": r"$|\hat\sigma - \sigma|$",
    "variance": r"$\hat\sigma^2$",
    "log_variance": r"$\log\,\hat\sigma^2$",
    "mean_shift": r"$\hat\mu - \mu$",
    "squared_error": r"$|\hat\mu - \mu|^2/d$",
    "heterozygosity": r"$1 - \sum p^2$",
    "absorbed": "share absorbed",
    "states_alive": "states alive",
    "test_error": r"$|\hat w - w|^2$",
    "w1": r"$W_1$",
    "squared_distance": r"$\int(\hat F - F)^2$",
    "mmd": "MMD",
    "mmd_squared": "MMD²",
    "test_negative_log_likelihood": "held-out NLL",
    "l2_squared": r"$L_2^2$",
    "mean_std": "component std",
    "mean_distance": r"$|\hat\mu|$",
}
MEASURE_WORDS = {
    "w2_squared": "squared Wasserstein-2 distance to the real distribution",
    "mean_error": "distance of the fitted mean from the true one",
    "std_error": "distance of the fitted standard deviation from the true one",
    "variance": "fitted variance, per coordinate",
    "log_variance": "logarithm of the fitted variance",
    "mean_shift": "shift of the fitted mean",
    "squared_error": "squared error of the fitted mean, per coordinate",
    "heterozygosity": "heterozygosity, the probability that two draws differ",
    "absorbed": "share of replicates in which one state is left",
    "states_alive": "number of states with positive frequency",
    "test_error": "test error beyond the noise, |w_hat - w|^2",
    "w1": "Wasserstein-1 distance to the real distribution",
    "squared_distance": "integral of the squared difference of distribution functions",
    "mmd_squared": "squared maximum mean discrepancy",
    "mmd": "maximum mean discrepancy, Gaussian kernel of bandwidth 1/2",
    "test_negative_log_likelihood": "negative log-likelihood of held-out real data, in nats",
    "l2_squared": "squared L2 distance to the real density",
    "mean_std": "standard deviation of the components, mean over them",
    "mean_distance": "distance of the mixture's mean from the true one",
}


def measure_label(measure: str) -> str:
    """A measure's name on an axis."""
    state = measure.removeprefix("frequency_")
    return MEASURE_LABELS.get(measure) or (
        f"share of state {state}" if state != measure else text.metric_label(measure)
    )


def measure_words(measure: str) -> str:
    """A measure's name in running text."""
    state = measure.removeprefix("frequency_")
    return MEASURE_WORDS.get(measure) or (
        f"frequency of state {state}" if state != measure else text.metric_words(measure)
    )


@dataclass(frozen=True)
class Line:
    """Values (R, n) of a measure in `generations` (n,)."""

    generations: np.ndarray
    values: np.ndarray


Lines = dict[str, dict[str, Line]]  # by arm and measure


def read_measured(path: str) -> Lines:
    """Recorded values of a simulated study."""
    return _lines(read_values(path).items())


def read_laws(path: str) -> Lines:
    """Laws of a simulated study, as values of one replicate."""
    rows = read_rows(path, LAW_COLUMNS)
    return _lines(((r["arm"], r["metric"], int(r["generation"])), np.array([float(r["value"])])) for r in rows)


def _lines(cells: Iterable[tuple[tuple[str, str, int], np.ndarray]]) -> Lines:
    found: dict[str, dict[str, dict[int, np.ndarray]]] = {}
    for (arm, measure, generation), values in cells:
        found.setdefault(arm, {}).setdefault(measure, {})[generation] = values
    return {
        arm: {measure: _line(by_generation) for measure, by_generation in measures.items()}
        for arm, measures in found.items()
    }


def _line(by_generation: Mapping[int, np.ndarray]) -> Line:
    generations = sorted(by_generation)
    return Line(np.array(generations), np.stack([by_generation[g] for g in generations], axis=1))


def panels(arms: Mapping[str, dict[str, Any]]) -> dict[str, list[str]]:
    """Names of the arms of every panel, both in their order."""
    found: dict[str, list[str]] = {}
    for name, settings in arms.items():
        found.setdefault(settings["panel"], []).append(name)
    return found
