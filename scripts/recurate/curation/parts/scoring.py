"""How a generation's samples are looked at before people choose: their rewards, and which class each seems to be of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recurate.curation.parts.reward_moments import exceeds, one_number
from recurate.data.parts.tokenization import Codec, first_tokens
from recurate.files.arrays import read_metadata
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.models.parts.fitted import FittedModel

if TYPE_CHECKING:
    from recurate.curation.judges import FittedJudge
    from recurate.curation.rewards import Reward, Scorer
    from recurate.data import Data
    from recurate.foundation.types import Array
    from recurate.models import Model


def texts(x: Array, real: str) -> Array:
    """Texts (seeds, n) that tokens `x` (seeds, n, block) spell in the tokenizer of the file of real data.

    A first token that nobody wrote is left out.
    """
    codec = Codec(read_metadata(real)["tokenizer"])
    return np.array([codec.decode(of_seed) for of_seed in x[..., first_tokens(real) :]], dtype=object)


def scorers(
    judge: FittedJudge | None, model: Model | None, origin_model: str | None, seeds: int, device: str
) -> list[Scorer]:
    """What scores the samples of each seed: generation 0's model, of each seed its own, or else the one judge."""
    if origin_model is None or model is None:
        return [judge] * seeds
    return [FittedModel.read(model, origin_model, device, row) for row in range(seeds)]


def scored(reward: Reward, x: Array, scorers: list[Scorer], samples: str) -> Array:
    """Rewards (seeds, n) float32, or (seeds, n, k) where they are vectors, of samples `x` (seeds, n, ..).

    Raises RecurateError, naming the file of `samples`, unless they have this shape, are finite and at most their
    supremum.
    """
    rewards = np.stack([reward(of_seed, scorer) for of_seed, scorer in zip(x, scorers, strict=True)]).astype(np.float32)
    expected = (*x.shape[:2], len(reward.components)) if reward.components else x.shape[:2]
    if rewards.shape != expected:
        raise RecurateError(
            f"reward: {reward.kind} gave shape {rewards.shape[1:]} for {x.shape[1]} samples; mend the reward"
        )
    if not np.isfinite(rewards).all():
        raise RecurateError(f"reward: {reward.kind} gave NaN or infinite values on {samples}; mend the reward")
    numbers = one_number(rewards, reward.components)
    if exceeds(numbers, reward.supremum):
        raise RecurateError(
            f"reward: {reward.kind} gave {numbers.max():g}, above its supremum {reward.supremum:g}; mend it"
        )
    return rewards


def judged_classes(data: Data, judge: FittedJudge | None, x: Array) -> dict[str, Array]:
    """`judged_class` (seeds, n) by the judge, with its `confidence`; without a judge by the data's geometry, if any.

    The confidence is the probability that the judge gives to that class. Raises RecurateError where the data's own
    kind gives classes that it does not list.
    """
    if judge is None:
        told = [data.classify(of_seed) for of_seed in x]
        classes = [_listed(data, of_seed, len(x[0])) for of_seed in told if of_seed is not None]
        return {"judged_class": np.stack(classes)} if len(classes) == len(x) else {}
    # A second look at the samples after the reward's: a judge is cheap beside the sampling that made them.
    log_probabilities = np.stack([judge.log_probabilities(of_seed) for of_seed in x])
    confidence = np.exp(log_probabilities.max(axis=-1)).astype(np.float32)
    return {"judged_class": log_probabilities.argmax(axis=-1), "confidence": confidence}


def _listed(data: Data, told: Array, samples: int) -> Array:
    """Classes (n,) int64 as the data's kind told them, each one of its list; raises RecurateError otherwise."""
    count = data.description.classes
    if np.shape(told) != (samples,):
        raise RecurateError(
            f"data: classify of {data.kind} gave shape {np.shape(told)} for {samples} samples; mend classify"
        )
    wrong = told[~np.isin(told, np.arange(count))]
    if len(wrong):
        listed = f"0 to {count - 1}" if count else "none"
        raise RecurateError(
            f"data: classify of {data.kind} gave the class {wrong[0]}, but the classes it lists are {listed}; mend it"
        )
    return told.astype(np.int64)
