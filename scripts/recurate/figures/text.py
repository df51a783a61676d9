"""Words that figures, captions and the report share."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable
from typing import Any

from recurate.figures.series import CONFIDENCE
from recurate.mixing import synthetic_ratio_of

STAR = r"^{\ast}"  # mathtext

METRIC_LABELS = {
    "reward_mean": r"$\mathrm{E}[r]$",
    "exp_reward_mean": r"$\mathrm{E}[e^{r-r^{\ast}}]$",
    "exp_reward_variance": r"$\mathrm{Var}[e^{r-r^{\ast}}]$",
    "top_share": r"share at $r = r^{\ast}$",
    "share_entropy": "entropy of classes",
    "frechet_judge": "Fréchet distance",
    "sliced_wasserstein": "sliced Wasserstein",
    "mmd_squared": "squared MMD",
    "precision": "precision",
    "recall": "recall",
}
METRIC_WORDS = {
    "reward_mean": "mean reward E[r]",
    "exp_reward_mean": "E[e^(r - r*)]",
    "exp_reward_variance": "Var[e^(r - r*)]",
    "top_share": "share of samples at the supremum r = r*",
    "share_entropy": "entropy of the class shares in nats",
    "frechet_judge": "Fréchet distance to held-out real data on the judge's features",
    "sliced_wasserstein": "sliced Wasserstein distance to held-out real data",
    "mmd_squared": "squared maximum mean discrepancy to held-out real data",
    "precision": "precision against held-out real data",
    "recall": "recall against held-out real data",
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
    """A metric's name on an axis."""
    return METRIC_LABELS.get(metric, metric.replace("_", " "))


def metric_words(metric: str) -> str:
    """A metric's name in running text."""
    return METRIC_WORDS.get(metric, metric.replace("_", " "))


def listed(words: Iterable[str]) -> str:
    """ "a, b and c"."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


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


def answers(spec: dict[str, Any]) -> str:
    """Sentence on the published figure that a study answers."""
    return f"Answers: {spec['answers'].rstrip('.')}."


def paragraph(*sentences: str) -> str:
    """One caption: sentences that are not empty, joined."""
    return " ".join(sentence for sentence in sentences if sentence) + "\n"
