"""A distribution over finitely many states, refitted by their frequencies: an urn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from recurate.closed_form.estimators import Estimator, Measure
from recurate.closed_form.samples import Counts, counted, drawn_cells, drawn_counts
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from recurate.closed_form.streams import Replicates
    from recurate.foundation.types import Array


class Discrete(Estimator):
    """Frequencies of states 0, 1, .., of which multinomial counts are drawn; a sample is the number of its state.

    Shumailov et al. (2305.17493), section on discrete distributions.
    """

    probabilities: tuple[float, ...] = Field(min_length=2, description="probability of every state in the real data")

    @field_validator("probabilities")
    @classmethod
    def _add_up_to_one(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if min(value) < 0 or abs(sum(value) - 1) > 1e-9:
            raise ValueError(f"probabilities must be >= 0 and add up to 1, these add up to {sum(value):g}")
        return value

    def truth(self, initial: int, randoms: Replicates) -> Array:
        return np.tile(self.probabilities, (len(randoms), 1))

    def fit(self, batch: Counts, randoms: Replicates) -> Array:
        return batch.shares

    def draw(self, model: Array, n: int, randoms: Replicates, bias: float = 1.0, explicit: bool = False) -> Counts:
        return drawn_counts(model, n, randoms)

    def samples(self, model: Array, n: int, randoms: Replicates, bias: float = 1.0) -> Array:
        return drawn_cells(model, n, randoms)[..., None]

    def batch(self, x: Array, explicit: bool = False) -> Counts:
        return counted(x[..., 0], len(self.probabilities))

    @property
    def measures(self) -> Mapping[str, Measure]:
        found: dict[str, Measure] = {
            "heterozygosity": heterozygosity,
            "squared_error": lambda model: np.square(model - self.probabilities).sum(axis=1),
            "absorbed": lambda model: (np.count_nonzero(model, axis=1) == 1).astype(float),
            "states_alive": lambda model: np.count_nonzero(model, axis=1).astype(float),
        }
        return found | {f"frequency_{state}": _frequency(state) for state in range(len(self.probabilities))}

    def parameters(self, model: Any) -> dict[str, Array]:
        return {"shares": model}


def heterozygosity(shares: Array) -> Array:
    """Probability 1 - sum p^2 that two draws differ, (R,)."""
    return 1.0 - np.square(shares).sum(axis=1)


def _frequency(state: int) -> Measure:
    return lambda model: model[:, state]
