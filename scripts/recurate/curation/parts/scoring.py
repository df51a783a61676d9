"""How a generation's samples are looked at before people choose: their rewards, and which class each seems to be of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recurate.curation.parts.reward_moments import above_supremum, exceeds, one_number
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

    Raises RecurateError, naming the file of `samples`, unless they are finite and at most their supremum.
    """
    rewards = np.stack([reward(of_seed, scorer) for of_seed, scorer in zip(x, scorers, strict=True)]).astype(np.float32)
    if not np.isfinite(rewards).all():
        raise RecurateError(f"reward: {reward.kind} gave NaN or infinite values on {samples}; mend the reward")
    numbers = one_number(rewards, reward.components)
    if exceeds(numbers, reward.supremum):
        raise RecurateError(above_supremum(reward.kind, numbers, reward.supremum))
    return rewards


def judged_classes(data: Data, judge: FittedJudge | None, x: Array) -> dict[str, Array]:
    """`judged_class` (seeds, n) by the judge, with its `confidence`; without a judge by the data's geometry, if any.

    The confidence is the probability that the judge gives to that class.
    """
    if judge is None:
        told = [data.classify(of_seed) for of_seed in x]
        classes = [of_seed for of_seed in told if of_seed is not None]
        if len(classes) not in (0, len(x)):
            raise RecurateError(f"data: {data.kind}: classify tells the classes of some seeds alone; mend it")
        return {"judged_class": np.stack(classes)} if classes else {}
    # A second look at the samples after the reward's: a judge is cheap beside the sampling that made them.
    log_probabilities = np.stack([judge.log_probabilities(of_seed) for of_seed in x])
    confidence = np.exp(log_probabilities.max(axis=-1)).astype(np.float32)
    return {"judged_class": log_probabilities.argmax(axis=-1), "confidence": confidence}
