"""A distribution over finitely many states, refitted by their frequencies: an urn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, field_validator

from recurate.closed_form.estimators import Estimator, Measure
from recurate.closed_form.samples import Counts, counted, sampled_cells, sampled_counts
from recurate.foundation.lazy import np
from recurate.foundation.terms import Term
from recurate.foundation.types import Array  # a parameter of the base class

if TYPE_CHECKING:
    from recurate.closed_form.streams import Replicates


class Discrete(Estimator[Array, Counts, Array]):
    """Frequencies of states 0, 1, .., of which multinomial counts are drawn; a sample is the number of its state.

    Shumailov et al. (2305.17493), section on discrete distributions.
    """

    terms: ClassVar[tuple[Term, ...]] = (
        Term("heterozygosity", "1 - sum of p^2 over the fitted shares p of states"),
        Term("squared_error", "sum of (p - true share)^2 over states"),
        Term("absorbed", "1 if one state has all the mass, else 0"),
        Term("states_alive", "number of states with p > 0", "states"),
        Term("frequency_{number}", "p of the state of this number"),
    )

    probabilities: tuple[float, ...] = Field(min_length=2, description="probability of every state in the real data")

    @field_validator("probabilities")
    @classmethod
    def _add_up_to_one(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if min(value) < 0 or abs(sum(value) - 1) > 1e-9:
            raise ValueError(f"probabilities must be >= 0 and add up to 1, these add up to {sum(value):g}")
        return value

    def truth(self, initial: int, randoms: Replicates) -> Array:
        return np.tile(self.probabilities, (len(randoms), 1))

    def fit(self, pool: Counts, randoms: Replicates) -> Array:
        return pool.shares

    def sample_pool(
        self, model: Array, n: int, randoms: Replicates, bias: float = 1.0, explicit: bool = False
    ) -> Counts:
        return sampled_counts(model, n, randoms)

    def samples(self, model: Array, n: int, randoms: Replicates, bias: float = 1.0) -> Array:
        return sampled_cells(model, n, randoms)[..., None]

    def pool_of(self, x: Array, explicit: bool = False) -> Counts:
        return counted(x[..., 0], len(self.probabilities))

    @property
    def measures(self) -> Mapping[str, Measure[Array]]:
        by_name: dict[str, Measure[Array]] = {
            "heterozygosity": heterozygosity,
            "squared_error": lambda model: np.square(model - self.probabilities).sum(axis=1),
            "absorbed": lambda model: (np.count_nonzero(model, axis=1) == 1).astype(float),
            "states_alive": lambda model: np.count_nonzero(model, axis=1).astype(float),
        }
        return by_name | {f"frequency_{state}": _frequency(state) for state in range(len(self.probabilities))}

    def parameters(self, model: Array) -> dict[str, Array]:
        return {"shares": model}


def heterozygosity(shares: Array) -> Array:
    """Probability 1 - sum p^2 that two draws differ, (R,)."""
    return 1.0 - np.square(shares).sum(axis=1)


def _frequency(state: int) -> Measure[Array]:
    return lambda model: model[:, state]
