"""One turn of the loop on samples of one's own, its whole forecast from their rewards, and where it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from recurate.curation.bradley_terry import BradleyTerry
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.library.arguments import (
    MOST_GENERATIONS,
    checked,
    choices_of,
    classes_of,
    count_of,
    generator_of,
    kept_of,
    mixing_of,
    rewards_of,
    samples_and_rewards,
    size,
    supremum_of,
    told,
)
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
        r of every sample, finite, within 1e9 and of a span of 1e6; in the order of the samples: of two pandas objects
        the indices must be equal.
    choices : int or inf
        K, samples that a person chooses one from; 1 keeps without a choice, infinity in proportion to e^r.
    kept : int, optional
        How many choices are made, n by default. Beyond n / K choices share samples, so that what is kept repeats. All
        choices together show at most 1e8 samples, and pass through all samples at most 1e5 times.
    generator : numpy.random.Generator or int
        Random numbers, or a seed for them.

    Returns
    -------
    The `kept` samples, of the type of `samples`.

    Raises
    ------
    RecurateError
        When an argument cannot be; the sentence says which, what it is and what is wanted.
    """
    count, values = samples_and_rewards(samples, rewards)
    number = choices_of(choices, count)
    people = BradleyTerry(choices=number, kept=kept_of(kept, count, number))
    positions = people.keep(values, generator_of(generator)).kept
    return checked(
        "samples", samples, "what gives those at an array of positions", lambda _: _taken(samples, positions)
    )


def _taken(samples: Samples, kept: Array) -> Samples:
    """Samples at the positions `kept`; raises ValueError, or what their object does."""
    taken = cast("Samples", _at(samples, kept))
    if size(taken) != len(kept):
        raise ValueError(f"at {len(kept)} positions it gives {told(taken)}")
    return taken


def _at(samples: object, kept: Array) -> object:
    if hasattr(samples, "iloc"):
        return samples.iloc[kept]
    if isinstance(samples, list | tuple):
        return type(samples)([samples[position] for position in kept])
    if type(samples).__module__.startswith("pyarrow."):
        return samples.take(kept)  # type: ignore[attr-defined]
    return samples[kept]  # type: ignore[index]


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
        T, number of retrainings, at most 9,999.
    real_fraction : float
        Share of real data in every training set, 1 / (1 + lambda); 0 is the pure loop.
    regime : str, optional
        What stays in training sets: `replace`, `augmentation`, `accumulate`, `fresh` or `contamination`; without, the
        first or second, by `real_fraction`.
    supremum : float, optional
        r*, the largest reward possible; by default the largest there is.
    classes : array of integers, optional
        Class 0, 1, .. of every sample, below 10,000 (or, in a table of
        thousands of rows, 1e7 / rows), of the shape of `rewards` and in their order.

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

    given = rewards_of("rewards", rewards, {1: "(n,)", 2: "(seeds, n)"})
    seeds, mixing = np.atleast_2d(given), mixing_of(real_fraction, regime)
    top, people = supremum_of(seeds, supremum), BradleyTerry(choices=choices_of(choices), kept=1)
    last = count_of("generations", generations, 0, MOST_GENERATIONS)
    of_samples = classes_of(classes, rewards, given.shape, last)
    count = 0 if of_samples is None else int(of_samples.max()) + 1
    rows: list[dict[str, float]] = []
    for seed, values in enumerate(seeds):
        own = None if of_samples is None else of_samples[seed]
        for generation, weights in enumerate(trajectory(people.operator(values), len(values), mixing, last)):
            place = {"generation": generation, "seed": seed}
            numbers = statistics(weights, values, top, own, count)
            rows.append({**place, **numbers, "effective_sample_size": effective_sample_size(weights)})
    table = pd.DataFrame(rows)
    return table if given.ndim > 1 else table.drop(columns="seed")


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
        Where nobody knows the limit: data accumulate, or no sample has the reward `supremum`. And when a value cannot
        be.
    """
    values, mixing = rewards_of("rewards", rewards, {1: "(n,)"}), mixing_of(real_fraction, regime)
    top, people = supremum_of(values, supremum), BradleyTerry(choices=choices_of(choices), kept=1)
    weights = limit_weights(values, top, people, mixing)
    if weights is None and mixing.rule.accumulates:
        raise RecurateError(
            f"regime is {mixing.name}, but must be one without accumulation, in which the loop slows down without end; "
            "use forecast."
        )
    if weights is None:
        raise RecurateError(f"supremum is {top:g}, but must be a reward of a sample, in which the pure loop ends.")
    return weights
