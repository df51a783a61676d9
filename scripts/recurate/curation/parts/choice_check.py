"""Whether a curation of a user's own does what it says: its operator is that of its choices."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.foundation.randomness import CURATION_CHECK, numpy_generator

if TYPE_CHECKING:
    from recurate.curation import Curation
    from recurate.foundation.types import Array

CALLS = 1_000  # independent curations
FEWEST = 200  # of them, with which anything is seen
SECONDS = 30.0  # for all of them
POPULATION = 1_000  # samples, by repeating those there are, so that choices with and without replacement agree
PARTS = 10  # of the population, in every order
FALSE_ALARMS = 1e-6  # probability that a curation with its exact operator is refused, at most


def check_operator(curation: Curation, rewards: Array, prompts: Array | None, seed: int) -> None:
    """Raise RecurateError if choices among samples with `rewards` (n,) or (n, k) are not those of the operator.

    The samples, shuffled, are curated `CALLS` times, or as often as half a minute allows. Compared is which share of
    what is kept lies among the first 1/10, .., 9/10 of the samples, in the order of the operator's ratio and of every
    number of the reward, with what the ratio says. Calls are independent and shares lie between 0 and 1, so that by the
    empirical Bernstein bound (Maurer and Pontil 2009, theorem 4) a right operator is refused with a probability of at
    most 1e-6, however choices within a call depend on each other. Of that bound 0.04 is for its own sake, which leaves
    room for choices among K of finitely many samples. Shares that differ by some 0.06 are seen with 1,000 calls; not
    seen are smaller differences, those between samples of equal ratio and rewards, and what the operator says of other
    weights than equal ones, from which forecasts go on.
    """
    copies = -(-POPULATION // len(rewards))
    rewards = np.tile(rewards, (copies, *[1] * (rewards.ndim - 1)))
    of_prompts = {} if prompts is None else {"prompts": _repeated(prompts, copies)}
    operator = curation.operator(rewards, **of_prompts)
    if operator is None:
        return
    ratio = operator.ratio(np.full(len(rewards), 1 / len(rewards)))
    law = ratio / ratio.sum()
    numbers = [rewards] if rewards.ndim == 1 else [*rewards.T, rewards.sum(axis=1)]
    orders = [np.argsort(values, kind="stable") for values in (law, *numbers)]
    claimed = np.stack([_cumulative(law[order]) for order in orders])
    found: list[Array] = []
    began = time.monotonic()
    while len(found) < CALLS:
        generator = numpy_generator(seed, 0, CURATION_CHECK, len(found))
        mixed = generator.permutation(len(rewards))
        shuffled = {name: values[mixed] for name, values in of_prompts.items()}
        kept = mixed[curation.keep(rewards[mixed], generator, **shuffled).kept]
        counts = np.bincount(kept, minlength=len(rewards)) / len(kept)
        found.append(np.stack([_cumulative(counts[order]) for order in orders]))
        if time.monotonic() - began > SECONDS:
            break
    if len(found) < FEWEST:
        print(f"the operator of {curation.kind} was not compared with its choices: {len(found)} took {SECONDS:g} s")
        return
    shares = np.stack(found)
    kept_share = shares.mean(axis=0)
    excess = np.abs(kept_share - claimed) - deviation(shares, claimed.size, FALSE_ALARMS)
    if excess.max() > 0:
        place = order, part = np.unravel_index(excess.argmax(), excess.shape)
        lowest = f"the {part + 1} in {PARTS} samples of lowest {'reward' if order else 'ratio'}"
        raise RecurateError(
            f"curation: the operator of {curation.kind} is not that of its choices: {lowest} are {claimed[place]:.3f} "
            f"of what it says is kept and {kept_share[place]:.3f} of what {len(found):,} curations kept; mend operator "
            "or keep, or leave operator out"
        )


def _repeated(prompts: Array, copies: int) -> Array:
    """Numbers of prompts (copies * n,), each copy with prompts of its own."""
    return np.concatenate([prompts + copy * (prompts.max() + 1) for copy in range(copies)])


def _cumulative(shares: Array) -> Array:
    """Shares (PARTS - 1,) that lie among the first 1/PARTS, 2/PARTS, .. of `shares` (n,)."""
    ends = np.arange(1, PARTS) * len(shares) // PARTS
    return np.cumsum(shares)[ends - 1]


def deviation(shares: Array, tests: int, false_alarms: float) -> Array:
    """How far means over calls of `shares` (calls, ..), between 0 and 1, may lie from what is expected, on either side.

    Any of as many `tests` goes further with a probability of at most `false_alarms`.
    """
    calls, odds = len(shares), math.log(2 * 2 * tests / false_alarms)
    return np.sqrt(2 * shares.var(axis=0, ddof=1) * odds / calls) + 7 * odds / (3 * (calls - 1))
