"""Words that figures, captions and the report share."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence

from recurate.figures.parts import feature_spaces
from recurate.figures.parts.feature_spaces import Name
from recurate.figures.parts.mathematics import outside
from recurate.figures.parts.series import CONFIDENCE, Series
from recurate.figures.parts.view import ArmView, SimulatedView, StudyView
from recurate.mixing.ratios import synthetic_ratio_of

STAR = r"^{\ast}"  # mathtext

METRICS: dict[str, Name] = {
    "reward_mean": Name(r"$\mathrm{E}[r]$", "mean reward E[r]"),
    "exp_reward_mean": Name(r"$\mathrm{E}[e^{r-r^{\ast}}]$", "E[e^(r - r*)]", "E[e^(r − r*)]"),
    "exp_reward_variance": Name(r"$\mathrm{Var}[e^{r-r^{\ast}}]$", "Var[e^(r - r*)]", "Var[e^(r − r*)]"),
    "top_share": Name(r"share at $r = r^{\ast}$", "share of samples at the supremum r = r*", "share at r = r*"),
    "curation_distinct_share": Name("distinct, of kept", "share of kept samples that are distinct"),
    "curation_design_effect": Name(
        "variance of kept means",
        "variance of means over the kept set, in units of that of as many fresh choices (the design effect)",
    ),
    "share_entropy": Name("entropy of classes", "entropy of the class shares in nats", "class entropy (nats)"),
    "sliced_wasserstein": Name("sliced Wasserstein", "sliced Wasserstein distance to real data"),
    "mmd_squared": Name("squared MMD", "squared maximum mean discrepancy to real data"),
    "confidence_mean": Name("mean confidence", "mean confidence of the judge"),
    "test_perplexity": Name("test perplexity", "perplexity of held-out real text under each generation's own model"),
    "block_perplexity_median": Name(
        "median perplexity\nof blocks", "median perplexity of the generated blocks under generation 0's model"
    ),
    "predictive_entropy": Name(
        "predictive entropy", "mean entropy in nats of the predicted next token on held-out real text"
    ),
    "distinct_1": Name("distinct tokens", "different tokens over all tokens (distinct-1)"),
    "distinct_2": Name("distinct pairs", "the same for pairs (distinct-2)"),
    "distinct_3": Name("distinct triples", "for triples (distinct-3)"),
    "vocabulary_share": Name("vocabulary in use", "the share of the vocabulary that is still in use"),
}
PERPLEXITIES = ("test_perplexity", "block_perplexity_median")
# Of simulated loops, where they differ.
MEASURES: dict[str, Name] = {
    "w2_squared": Name(r"$W_2^2$", "squared Wasserstein-2 distance to the real distribution"),
    "mean_error": Name(r"$|\hat\mu - \mu|$", "distance of the fitted mean from the true one"),
    "std_error": Name(r"$|\hat\sigma - \sigma|$", "distance of the fitted standard deviation from the true one"),
    "variance": Name(r"$\hat\sigma^2$", "fitted variance, per coordinate"),
    "log_variance": Name(r"$\log\,\hat\sigma^2$", "logarithm of the fitted variance"),
    "mean_shift": Name(r"$\hat\mu - \mu$", "shift of the fitted mean"),
    "squared_error": Name(r"$|\hat\mu - \mu|^2/d$", "squared error of the fitted mean, per coordinate"),
    "heterozygosity": Name(r"$1 - \sum p^2$", "heterozygosity, the probability that two draws differ"),
    "absorbed": Name("share absorbed", "share of replicates in which one state is left"),
    "states_alive": Name("states alive", "number of states with positive frequency"),
    "test_error": Name(r"$|\hat w - w|^2$", "test error beyond the noise, |w_hat - w|^2"),
    "w1": Name(r"$W_1$", "Wasserstein-1 distance to the real distribution"),
    "squared_distance": Name(r"$\int(\hat F - F)^2$", "integral of the squared difference of distribution functions"),
    "mmd": Name("MMD", "maximum mean discrepancy, Gaussian kernel of bandwidth 1/2"),
    "mmd_squared": Name("MMD²", "squared maximum mean discrepancy"),
    "test_negative_log_likelihood": Name("held-out NLL", "negative log-likelihood of held-out real data, in nats"),
    "l2_squared": Name(r"$L_2^2$", "squared L2 distance to the real density"),
    "mean_std": Name("component std", "standard deviation of the components, mean over them"),
    "mean_distance": Name(r"$|\hat\mu|$", "distance of the mixture's mean from the true one"),
}
REWARD_NOTE = "r is the reward and r* its supremum, so that e^(r - r*) lies between 0 and 1."
OF_FEW_ANSWERS = (
    "Where people choose among the answers to a prompt it is exact on average in generation 1 and a lower bound after "
    "that, for the few answers to a prompt stand for all that could be said."
)
OF_SAMPLES = ", for it is about samples of what was learnt, and these are drawn otherwise"
FORECAST_NOTE = (
    "Dashed: the forecast, which is the infinite-capacity trajectory computed from the rewards of generation 0 alone, "
    "averaged over the same seeds."
)


def arm_title(title: str) -> str:
    """An arm's title as figures show it, with the Greek letter for lambda where it is not mathematics."""
    return outside(lambda text: re.sub(r"\blambda\b", "λ", text), title)


def glued(text: str) -> str:
    """`text` in which an assignment such as "K = 4" stays on one line."""
    return text.replace(" = ", "\u00a0=\u00a0")


def wrapped(text: str, width: int) -> str:
    """`text` broken into lines of at most `width` characters, but not within an assignment or a formula."""
    whole = re.sub(r"\$[^$]*\$", lambda formula: formula[0].replace(" ", "\u00a0"), glued(text))
    return "\n".join(textwrap.wrap(whole, width, break_long_words=False)).replace("\u00a0", " ")


def metric_label(metric: str) -> str:
    """A metric's name on an axis or in a table, with its feature space if the name does not imply it."""
    family, space = feature_spaces.family_and_space(metric)
    if metric in feature_spaces.INCEPTION:
        return feature_spaces.label(metric)
    if family:
        return f"{feature_spaces.label(metric)}, {feature_spaces.space_words(space)}"
    return METRICS[metric].label if metric in METRICS else metric.replace("_", " ")


def metric_words(metric: str) -> str:
    """A metric's name in running text."""
    family, space = feature_spaces.family_and_space(metric)
    if family:
        return f"{feature_spaces.words(metric)} on {feature_spaces.space_words(space)}"
    return METRICS[metric].words if metric in METRICS else metric.replace("_", " ")


def measure_label(measure: str) -> str:
    """What a measure of simulated loops is called on an axis."""
    state = measure.removeprefix("frequency_")
    if measure in MEASURES:
        return MEASURES[measure].label
    return f"share of state {state}" if state != measure else metric_label(measure)


def measure_words(measure: str) -> str:
    """What a measure of simulated loops is called in running text."""
    state = measure.removeprefix("frequency_")
    if measure in MEASURES:
        return MEASURES[measure].words
    return f"frequency of state {state}" if state != measure else metric_words(measure)


def listed(words: Iterable[str]) -> str:
    """ "a, b and c"."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def class_name(arms: Mapping[str, ArmView], number: int) -> str:
    """A class by its name, or "class 3" where the data have no names or only digits for names."""
    names = next((arm.class_names for arm in arms.values() if arm.class_names), ())
    name = names[number] if names else str(number)
    return f"class {name}" if name.isdigit() else name


def ratio_text(real_fraction: float) -> str:
    """Ferbach et al.'s lambda of an arm, synthetic to real data, as text."""
    ratio = synthetic_ratio_of(real_fraction)
    return "∞" if math.isinf(ratio) else f"{ratio:.3g}"


def choices_text(choices: float | None) -> str:
    """K as text, a dash where people do not choose one of K."""
    if choices is None:
        return "–"
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


def block(arms: Mapping[str, ArmView]) -> str:
    """Tokens of a block of text, in which a token is predicted from those before it; of all sizes that there are."""
    return " or ".join(str(size) for size in sorted({arm.shape[0] for arm in arms.values()}))


def metric_title(metric: str, arms: Mapping[str, ArmView]) -> str:
    """A metric's name on an axis; of a perplexity with the tokens of a block."""
    label = metric_label(metric)
    return f"{label} ({block(arms)} tokens)" if metric in PERPLEXITIES else label


def context(arms: Mapping[str, ArmView], metrics: Sequence[str] = PERPLEXITIES) -> str:
    """Sentence on what perplexities depend on; nothing where `metrics` have none."""
    if not set(PERPLEXITIES) & set(metrics):
        return ""
    return (
        f"A token is predicted from those before it in its block of {block(arms)} tokens; perplexities with other "
        "contexts do not compare."
    )


def reference(study: StudyView) -> str:
    """Sentence on the real data that samples are compared with."""
    part = {"train": "training", "test": "held-out"}[study.reference.split]
    most = study.reference.samples
    return f"Samples are compared with {'all' if most is None else f'at most {most:,}'} {part} real data."


def forecast(shown: Collection[ArmView], note: str = FORECAST_NOTE) -> str:
    """Sentences on what the forecast is, where it is a lower bound only, and which of the arms `shown` have none."""
    known = [arm for arm in shown if not arm.is_biased]
    if not known:
        return f"No arm has a forecast{OF_SAMPLES}."
    without = [arm_title(arm.title) for arm in shown if arm.is_biased]
    few = f" {OF_FEW_ANSWERS}" if any(arm.by_prompt for arm in known) else ""
    none = f" There is none for {listed(without)}{OF_SAMPLES}." if without else ""
    return f"{note}{few}{none}"


def published(study: StudyView | SimulatedView) -> str:
    """Sentence on where published numbers stand, or nothing where there are none."""
    notes = dict.fromkeys(number.note for number in study.published if number.note)
    return f"Stars: published numbers, {'; '.join(notes)}." if study.published else ""


def answers(study: StudyView | SimulatedView) -> str:
    """Sentence on the published figure that a study answers."""
    return f"Answers: {study.answers.rstrip('.')}."


def paragraph(*sentences: str) -> str:
    """One caption: sentences that are not empty, joined."""
    return " ".join(sentence for sentence in sentences if sentence) + "\n"
