"""One turn of the loop on samples of one's own, its whole forecast from their rewards, and where it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from recurate.curation.bradley_terry import BradleyTerry
from recurate.curation.parts.keep_operator import check_choices, check_rewards
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.foundation.randomness import CURATION, numpy_generator
from recurate.library.arguments import mixing_of, rewards_by_seed, supremum_of
from recurate.theory.forecast import effective_sample_size, statistics
from recurate.theory.forecast import forecast as trajectory
from recurate.theory.limit import limit_weights

if TYPE_CHECKING:
    import pandas
    from numpy.random import Generator
    from numpy.typing import ArrayLike

    from recurate.foundation.types import Array
    from recurate.mixing.regimes import TrainedRegime

Samples = TypeVar("Samples")


def curate(
    samples: Samples,
    rewards: ArrayLike,
    choices: float = 4,
    *,
    kept: int | None = None,
    generator: Generator | int = 0,
) -> Samples:
    """Keep samples as people would who choose one of K by Bradley-Terry (Ferbach et al. 2024, equation 1).

    Parameters
    ----------
    samples : array, tensor, data frame or list
        n samples along the first axis; `np.arange(n)` to get positions.
    rewards : (n,) array
        r of every sample, finite.
    choices : int or inf
        K, samples that a person chooses one from; 1 keeps without a choice, infinity in proportion to e^r.
    kept : int, optional
        How many choices are made, n by default. Beyond n / K choices share samples, so that what is kept repeats.
    generator : numpy.random.Generator or int
        Random numbers, or a seed for them.

    Returns
    -------
    The `kept` samples, of the type of `samples`.

    Raises
    ------
    RecurateError
        When the numbers of samples and rewards differ, or choices or kept cannot be.
    """
    values = check_rewards(rewards)
    count = len(samples)  # type: ignore[arg-type]
    if count != values.size:
        raise RecurateError(f"There are {count} samples, but {values.size} rewards.")
    number, wanted = check_choices(choices), count if kept is None else kept
    if np.isfinite(number) and number > count:
        raise RecurateError(f"choices is {choices}, but there are {count} samples to choose from.")
    if wanted < 1 or int(wanted) != wanted:
        raise RecurateError(f"kept is {kept}, but must be an integer >= 1.")
    random = generator if isinstance(generator, np.random.Generator) else numpy_generator(generator, 0, CURATION)
    return _taken(samples, BradleyTerry(choices=number, kept=wanted).keep(values, random).kept)


def _taken(samples: Samples, kept: Array) -> Samples:
    """Samples at the positions `kept`."""
    if hasattr(samples, "iloc"):
        return cast("Samples", samples.iloc[kept])
    if isinstance(samples, list | tuple):
        return cast("Samples", type(samples)([samples[position] for position in kept]))
    return cast("Samples", samples[kept])  # type: ignore[index]


def forecast(
    rewards: ArrayLike,
    choices: float = 4,
    generations: int = 10,
    *,
    real_fraction: float = 0.0,
    regime: TrainedRegime | None = None,
    supremum: float | None = None,
    classes: ArrayLike | None = None,
) -> pandas.DataFrame:
    """Forecast the loop of an ideal learner from the rewards of generation 0, without training anything.

    Parameters
    ----------
    rewards : (n,) or (seeds, n) array
        r of samples of generation 0.
    choices : int or inf
        K, samples that a person chooses one from.
    generations : int
        T, number of retrainings.
    real_fraction : float
        Share of real data in every training set, 1 / (1 + lambda); 0 is the pure loop.
    regime : str, optional
        What stays in training sets: `replace`, `augmentation`, `accumulate`, `fresh` or `contamination`; without, the
        first or second, by `real_fraction`.
    supremum : float, optional
        r*, the largest reward possible; by default the largest there is.
    classes : array of integers, optional
        Class 0, 1, .. of every sample, of the shape of `rewards`.

    Returns
    -------
    pandas.DataFrame
        A row for every generation 0..T: `generation`; `reward_mean`; `exp_reward_mean` and `exp_reward_variance`, of
        e^(r - r*); `top_share`, the mass of r = r*; `share_0`, ..; `kl_to_origin` and `kl_from_origin` in nats;
        `sup_ratio`, the maximum of p_t / p_0; `effective_sample_size`, on how many samples the row still rests. With
        (seeds, n) rewards a row for every seed too, and the column `seed`.

    Raises
    ------
    RecurateError
        When a value cannot be; the sentence says which.
    """
    import pandas as pd

    seeds, mixing = rewards_by_seed(rewards), mixing_of(real_fraction, regime)
    top, people = supremum_of(seeds, supremum), BradleyTerry(choices=check_choices(choices), kept=1)
    of_samples = _classes(classes, np.shape(rewards), len(seeds))
    count = 0 if of_samples is None else int(of_samples.max()) + 1
    rows: list[dict[str, float]] = []
    for seed, values in enumerate(seeds):
        own = None if of_samples is None else of_samples[seed]
        for generation, weights in enumerate(trajectory(people.operator(values), len(values), mixing, generations)):
            place = {"generation": generation, "seed": seed}
            numbers = statistics(weights, values, top, own, count)
            rows.append({**place, **numbers, "effective_sample_size": effective_sample_size(weights)})
    table = pd.DataFrame(rows)
    return table if np.ndim(rewards) > 1 else table.drop(columns="seed")


def _classes(classes: ArrayLike | None, shape: tuple[int, ...], seeds: int) -> Array | None:
    """Classes (seeds, n), if they are known."""
    if classes is None:
        return None
    array = np.asarray(classes)
    if array.shape != shape or array.dtype.kind not in "iu":
        raise RecurateError(f"classes are {array.dtype} of shape {array.shape}, but must be integers of shape {shape}.")
    return array.reshape(seeds, -1)


def limit(
    rewards: ArrayLike,
    choices: float = 4,
    *,
    real_fraction: float = 0.0,
    regime: TrainedRegime | None = None,
    supremum: float | None = None,
) -> Array:
    """Where the forecast ends: weights (n,) of samples of generation 0 in the limit of the loop.

    The pure loop ends in what has the highest reward (Ferbach et al. 2024, Theorem 2.1), a mixed one where it stands
    still. Arguments are those of `forecast`, with `rewards` (n,). The mean of any f(x) there is `weights @ f(x)`.

    Raises
    ------
    RecurateError
        Where nobody knows the limit: data accumulate, or no sample has the reward `supremum`.
    """
    values, mixing = check_rewards(rewards), mixing_of(real_fraction, regime)
    people = BradleyTerry(choices=check_choices(choices), kept=1)
    weights = limit_weights(values, supremum_of(values, supremum), people, mixing)
    if weights is None and mixing.rule.accumulates:
        raise RecurateError(f"Where data accumulate ({mixing.name}) the loop slows down without end; use forecast.")
    if weights is None:
        raise RecurateError(f"No sample has the highest reward {supremum:g}, in which the pure loop ends.")
    return weights
