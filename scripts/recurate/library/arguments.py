"""Arguments that several functions of the library share, checked."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING

from recurate.curation.parts.keep_operator import check_rewards
from recurate.curation.parts.reward_moments import exceeds
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.mixing.regimes import TrainedRegime
from recurate.mixing.trained import Mixing
from recurate.theory.forecast import infinite

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from recurate.foundation.types import Array


def rewards_by_seed(rewards: ArrayLike) -> Array:
    """Rewards (seeds, n) float64 of (n,) or (seeds, n); raises RecurateError for others, and unless all are finite."""
    array = np.asarray(rewards, dtype=np.float64)
    if array.ndim not in (1, 2) or array.size == 0:
        raise RecurateError(f"Rewards have shape {array.shape}, but must be (n,), or (seeds, n).")
    return np.stack([check_rewards(row) for row in np.atleast_2d(array)])


def supremum_of(rewards: Array, supremum: float | None) -> float:
    """r*, by default the largest of the rewards; raises RecurateError for one that they exceed."""
    largest = float(rewards.max())
    if supremum is not None and exceeds(rewards, supremum):
        raise RecurateError(f"supremum is {supremum:g}, but there is a reward of {largest:g}.")
    return largest if supremum is None else float(supremum)


def mixing_of(real_fraction: float, regime: TrainedRegime | None) -> Mixing:
    """The mixing rule; raises RecurateError where there is no such rule."""
    known = typing.get_args(TrainedRegime)
    if regime is not None and regime not in known:
        raise RecurateError(f"regime is {regime!r}, but must be one of {', '.join(known)}.")
    try:
        return infinite(regime, real_fraction)
    except ValueError as error:
        raise RecurateError(f"real_fraction is {real_fraction}, regime is {regime}: {_reason(error)}") from error


def _reason(error: ValueError) -> str:
    """The first sentence of a validation error."""
    details = getattr(error, "errors", lambda **_: [{"msg": str(error)}])(include_url=False)
    return str(details[0]["msg"]).removeprefix("Value error, ")
