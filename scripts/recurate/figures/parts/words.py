"""Words that figures, captions and the report share."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from recurate.figures.parts import feature_spaces
from recurate.figures.parts.series import CONFIDENCE, Series
from recurate.mixing.ratios import synthetic_ratio_of

STAR = r"^{\ast}"  # mathtext

METRIC_LABELS = {
    "reward_mean": r"$\mathrm{E}[r]$",
    "exp_reward_mean": r"$\mathrm{E}[e^{r-r^{\ast}}]$",
    "exp_reward_variance": r"$\mathrm{Var}[e^{r-r^{\ast}}]$",
    "top_share": r"share at $r = r^{\ast}$",
    "share_entropy": "entropy of classes",
    "sliced_wasserstein": "sliced Wasserstein",
    "mmd_squared": "squared MMD",
    "confidence_mean": "mean confidence",
    "test_perplexity": "test perplexity",
    "block_perplexity_median": "median perplexity\nof blocks",
    "predictive_entropy": "predictive entropy",
    "distinct_1": "distinct tokens",
    "distinct_2": "distinct pairs",
    "distinct_3": "distinct triples",
    "vocabulary_share": "vocabulary in use",
}
METRIC_WORDS = {
    "reward_mean": "mean reward E[r]",
    "exp_reward_mean": "E[e^(r - r*)]",
    "exp_reward_variance": "Var[e^(r - r*)]",
    "top_share": "share of samples at the supremum r = r*",
    "share_entropy": "entropy of the class shares in nats",
    "sliced_wasserstein": "sliced Wasserstein distance to real data",
    "mmd_squared": "squared maximum mean discrepancy to real data",
    "confidence_mean": "mean confidence of the judge",
    "test_perplexity": "perplexity of held-out real text under each generation's own model",
    "block_perplexity_median": "median perplexity of the generated blocks under generation 0's model",
    "predictive_entropy": "mean entropy in nats of the predicted next token on held-out real text",
    "distinct_1": "different tokens over all tokens (distinct-1)",
    "distinct_2": "the same for pairs (distinct-2)",
    "distinct_3": "for triples (distinct-3)",
    "vocabulary_share": "the share of the vocabulary that is still in use",
}
REWARD_NOTE = "r is the reward and r* its supremum, so that e^(r - r*) lies between 0 and 1."
FORECAST_NOTE = (
    "Dashed: the forecast, which is the infinite-capacity trajectory computed from the rewards of generation 0 alone, "
    "averaged over the same seeds."
)


def arm_title(settings: dict[str, Any]) -> str:
    """An arm's title as figures show it, with the Greek letter for lambda."""
    return re.sub(r"\blambda\b", "λ", settings["title"])


def glued(text: str) -> str:
    """`text` in which an assignment such as "K = 4" stays on one line."""
    return text.replace(" = ", "\u00a0=\u00a0")


def wrapped(text: str, width: int) -> str:
    """`text` broken into lines of at most `width` characters, but not within an assignment."""
    return "\n".join(textwrap.wrap(glued(text), width, break_long_words=False)).replace("\u00a0", " ")


def metric_label(metric: str) -> str:
    """A metric's name on an axis or in a table, with its feature space if the name does not imply it."""
    family, space = feature_spaces.family_and_space(metric)
    if metric in feature_spaces.INCEPTION:
        return feature_spaces.label(metric)
    if family:
        return f"{feature_spaces.label(metric)}, {feature_spaces.space_words(space)}"
    return METRIC_LABELS.get(metric, metric.replace("_", " "))


def metric_words(metric: str) -> str:
    """A metric's name in running text."""
    family, space = feature_spaces.family_and_space(metric)
    if family:
        return f"{feature_spaces.words(metric)} on {feature_spaces.space_words(space)}"
    return METRIC_WORDS.get(metric, metric.replace("_", " "))


def listed(words: Iterable[str]) -> str:
    """ "a, b and c"."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def class_name(arms: dict[str, dict[str, Any]], number: int) -> str:
    """A class by its name, or "class 3" where the data have no names or only digits for names."""
    names = next((settings["class_names"] for settings in arms.values() if settings.get("class_names")), None)
    name = names[number] if names else str(number)
    return f"class {name}" if name.isdigit() else name


def ratio_text(real_fraction: float) -> str:
    """Ferbach et al.'s lambda of an arm, synthetic to real data, as text."""
    ratio = synthetic_ratio_of(real_fraction)
    return "∞" if math.isinf(ratio) else f"{ratio:.3g}"


def choices_text(choices: float) -> str:
    """K as text."""
    return "∞" if math.isinf(choices) else f"{choices:.0f}"


def with_error(value: float, error: float) -> str:
    """ "0.982 ± 0.004": the error to one significant digit (two if it begins with 1), the value to the same place.

    Without a finite, positive error the value has three significant digits.
    """
    if not (math.isfinite(error) and error > 0):
        return f"{value:.3g}"
    exponent = math.floor(math.log10(error))
    leading = round(error / 10.0**exponent)
    places = max(0, (1 if leading == 1 else 0) - exponent)
    return f"{value:.{places}f} ± {error:.{places}f}"


def percent(fraction: float) -> str:
    """A share in per cent with two significant digits, without an exponent."""
    value = 100 * fraction
    return f"{value:.0f} %" if value >= 10 else f"{value:.2g} %"


def replicates(seeds: int) -> str:
    """ "n = 4 seeds"."""
    return f"n = {seeds} seed" if seeds == 1 else f"n = {seeds} seeds"


def bands(seeds: int) -> str:
    """Sentence on what lines and bands mean for `seeds` replicates."""
    if seeds == 1:
        return f"Solid: the measured loop of {replicates(seeds)}, which gives no band."
    degrees = "degree" if seeds == 2 else "degrees"
    return (
        f"Solid: the measured loop, mean over {replicates(seeds)}, with the {100 * CONFIDENCE:.0f} % confidence band "
        f"of that mean (Student t, {seeds - 1} {degrees} of freedom)."
    )


def conditions(measured: Series, metrics: Sequence[str]) -> str:
    """Sentences on what `metrics` rest on: k and N of each feature space, and a warning where samples are few."""
    first = next(iter(measured.values()))
    families: dict[str, list[str]] = {}
    for family, space in map(feature_spaces.family_and_space, metrics):
        if family in feature_spaces.MANIFOLD and {f"neighbours_{space}", f"manifold_samples_{space}"} <= set(first):
            families.setdefault(space, []).append(family)
    sentences = [
        f"With k = {first[f'neighbours_{space}'].flat[0]:.0f} nearest neighbours among N = "
        f"{first[f'manifold_samples_{space}'].flat[0]:,.0f} points of either side: {listed(names)} on "
        f"{feature_spaces.space_words(space)}."
        for space, names in families.items()
    ]
    few = [name for name in metrics if f"warning_few_samples_{name}" in first]
    sentences += [
        f"Caution: {metric_words(name)} rests on {first[f'warning_few_samples_{name}'].min():,.0f} samples, fewer than "
        "features, and so is biased; it compares only with values from as many samples."
        for name in few
    ]
    return " ".join(sentences)


def reference(spec: dict[str, Any]) -> str:
    """Sentence on the real data that samples are compared with, where the settings tell it."""
    if "reference" not in spec:
        return ""
    part = {"train": "training", "test": "held-out"}[spec["reference"]["split"]]
    most = spec["reference"]["samples"]
    return f"Samples are compared with {'all' if most is None else f'at most {most:,}'} {part} real data."


def answers(spec: dict[str, Any]) -> str:
    """Sentence on the published figure that a study answers."""
    return f"Answers: {spec['answers'].rstrip('.')}."


def paragraph(*sentences: str) -> str:
    """One caption: sentences that are not empty, joined."""
    return " ".join(sentence for sentence in sentences if sentence) + "\n"
