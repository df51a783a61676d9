"""What every generation is measured by: the metrics that each arm has, and the feature spaces that others look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from recurate.curation.parts.reward_moments import class_shares, one_number, reward_moments, variance_of_answers
from recurate.files.arrays import read_arrays
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.foundation.terms import Term, names
from recurate.measuring.metrics import CONDITIONS, DATA, Space, joined

if TYPE_CHECKING:
    from recurate.foundation.types import Array


# n samples of rewards r_i in the generation, r* the supremum; the kept set has m samples, c_i of them the sample i.
EVERY_ARM = (
    Term("reward_mean", "sum of r_i / n", "of the reward"),
    Term("reward_mean_{part}", "the same of one part of a reward that is a vector", "of the reward"),
    Term("exp_reward_mean", "sum of e^(r_i - r*) / n"),
    Term("exp_reward_variance", "sum of (e^(r_i - r*) - its mean)^2 / n"),
    Term("exp_reward_variance_of_answers", "the same among the a answers to a prompt, over a - 1; mean over prompts"),
    Term("top_share", "share of samples with r_i >= r* - 1e-6 max(1, |r*|)"),
    Term("curation_reward_before", "reward_mean, with which curation_reward_after compares", "of the reward"),
    Term("curation_reward_after", "sum of c_i r_i / m", "of the reward"),
    Term("curation_distinct_share", "number of samples with c_i > 0, over m"),
    Term("curation_design_effect", "sum of c_i^2 / m: variance of a mean over the kept set, over that of m others"),
    Term("share_{number}", "share of samples that the judge, or the data's geometry, sees in the class of this number"),
    Term("share_entropy", "- sum of s log s over the shares s of classes", "nats"),
    Term("confidence_mean", "mean over samples of the judge's largest class probability"),
)
# Held by published tables alone.
FORMER = (Term("curation_duplicate_share", "1 - curation_distinct_share"),)


def beside(values: Mapping[str, float], found: Mapping[str, float], kind: str) -> dict[str, float]:
    """What is measured of a generation with what a metric `found` beside it.

    Two metrics may state one condition, such as the length of texts. Raises RecurateError for another name that is
    taken, by a metric before it or by those of every arm, also where this arm lacks them.
    """
    for name, value in found.items():
        stated = name.startswith(CONDITIONS) and values.get(name, value) == value
        if names(EVERY_ARM, name) or (name in values and not stated):
            owner = "a metric that every arm has" if names(EVERY_ARM, name) else "another metric of the study"
            raise RecurateError(f"metrics: {kind} gives {name!r}, which is the name of {owner}; give it another name")
    return {**values, **found}


def of_curated(
    curated: Mapping[str, Array], supremum: float, classes: int, components: Sequence[str]
) -> dict[str, float]:
    """Metrics that every arm has, from one seed of a curated set.

    `supremum` is r*, `classes` their number; `components` name the parts of a reward that is a vector, whose sum is
    then the reward.
    """
    parts = curated["reward"].astype(np.float64)
    rewards = one_number(parts, components)
    values = reward_moments(rewards, supremum)
    values |= {f"reward_mean_{name}": float(parts[:, place].mean()) for place, name in enumerate(components)}
    values |= curation_statistics(rewards, curated["index"])
    if "prompt" in curated:
        values["exp_reward_variance_of_answers"] = variance_of_answers(rewards, supremum, curated["prompt"])
    if "judged_class" in curated:
        shares = class_shares(curated["judged_class"], classes)
        values |= {**shares, "share_entropy": entropy(np.array(list(shares.values())))}
    if "confidence" in curated:
        values["confidence_mean"] = float(curated["confidence"].mean(dtype=np.float64))
    return values


def entropy(shares: Array) -> float:
    """Entropy of shares (n,) in nats."""
    present = shares[shares > 0]
    return float(-(present * np.log(present)).sum())


def curation_statistics(rewards: Array, kept: Array) -> dict[str, float]:
    """Mean reward before and after curation, how many kept samples are distinct, and what repeats cost.

    `rewards` (n,) of all samples, `kept` (m,) their indices. The design effect is the variance of a mean over the kept
    set in units of that over m different samples, c being how often each is kept: sum c^2 / sum c (Kish 1965, for
    weights). It is exact on average for what does not depend on the reward, and too low for what does, since samples of
    high reward are kept again. With m = n of n samples, all rewards equal, it is 2 - 1/K.
    """
    counts = np.unique(kept, return_counts=True)[1]
    return {
        "curation_reward_before": float(rewards.mean()),
        "curation_reward_after": float(rewards[kept].mean()),
        "curation_distinct_share": len(counts) / len(kept),
        "curation_design_effect": float((counts.astype(np.float64) ** 2).sum() / len(kept)),
    }


def real_spaces(
    train: Array,
    test: Array,
    reference: str | None,
    names: Iterable[str],
    nearness: str | None = None,
    against_training: Iterable[str] = (),
) -> dict[str, dict[str, Array]]:
    """Real data in the named spaces: `train` and `test` (m, d), of feature spaces also `mean` and `factor`.

    `train`, `test` (m, *shape) are the data themselves; `reference` is the file with the features, and without it there
    are none. Of the spaces in `against_training` also all training data, `training` (n, d), and `held_out_nearest`, as
    a `Space` has them, from the file `nearness`.
    """
    spaces: dict[str, dict[str, Array]] = {
        DATA: {"train": train.reshape(len(train), -1), "test": test.reshape(len(test), -1)}
    }
    parts = ("train", "test", "mean", "factor")
    if reference is not None:
        for name in set(names) - {DATA}:
            arrays = read_arrays(reference, [f"{name}/{part}" for part in parts])
            spaces[name] = dict(zip(parts, arrays.values(), strict=True))
    for name in against_training if nearness is not None else ():
        nearest, rest = f"{name}/held_out_nearest", f"{name}/rest"
        found = read_arrays(str(nearness), [nearest] if name == DATA else [nearest, rest])
        train_x = spaces[name]["train"]
        spaces[name] |= {"training": joined(train_x, found.get(rest, train_x[:0])), "held_out_nearest": found[nearest]}
    return spaces


def space(name: str, x: Array, real: Mapping[str, Array] | None, split: str) -> Space:
    """Samples `x` (n, *shape) beside one of the `real_spaces`, of which `split` is the part to compare with, or none.

    Raises RecurateError if they have not as many dimensions.
    """
    x = x.reshape(len(x), -1)
    if real is None:
        return Space(name, x, reference=x[:0], other=x[:0], reference_is_training=split == "train")
    if x.shape[1] != real[split].shape[1]:
        raise RecurateError(
            f"features {name}: samples have {x.shape[1]} dimensions, real data {real[split].shape[1]}; "
            "delete features.safetensors and reference.safetensors and run the study again"
        )
    return Space(
        name=name,
        x=x,
        reference=real[split],
        other=real["test" if split == "train" else "train"],
        reference_is_training=split == "train",
        statistics={part: real[part] for part in ("mean", "factor") if part in real},
        training=real.get("training"),
        held_out_nearest=real.get("held_out_nearest"),
    )
