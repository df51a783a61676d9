"""Published claims on loops of one's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeAlias, Union

from recurate.curation.parts.keep_operator import check_choices
from recurate.curation.parts.reward_moments import reward_moments
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.library.arguments import mixing_of, supremum_of
from recurate.theory.checking import Observed, check_claims
from recurate.theory.claims import ClosedLoop

if TYPE_CHECKING:
    import pandas
    from numpy.typing import ArrayLike

    from recurate.foundation.types import Array
    from recurate.mixing.regimes import TrainedRegime

    Measured: TypeAlias = Union[pandas.DataFrame, Mapping[str, ArrayLike], ArrayLike]  # noqa: UP007
PLACES = ("generation", "seed")
NO_METRICS = ("effective_sample_size",)


def claims(
    measured: Measured,
    choices: float = 4,
    *,
    real_fraction: float = 0.0,
    regime: TrainedRegime | None = None,
    supremum: float | None = None,
    is_biased: bool = False,
    exact: bool = False,
    names: Iterable[str] | None = None,
) -> pandas.DataFrame:
    """Check published claims on the generations of one loop, measured or forecast.

    Parameters
    ----------
    measured : array, mapping or data frame
        Rewards (seeds, generations + 1, n) of the samples of every generation; or metrics by name, each (seeds,
        generations + 1); or what `forecast` gives, a data frame with a row for every generation (and seed) and a column
        for every metric; or a tidy one of a single arm, with the columns `metric` and `value`.
    choices, real_fraction, regime
        How the loop was closed, as in `forecast`.
    supremum : float, optional
        r*, of which rewards make metrics; by default the largest reward there is.
    is_biased : bool
        Whether samples were drawn from another law than the one learnt, as with guidance; no claim is about these.
    exact : bool
        Whether the numbers are free of noise, as those of a forecast: then every value decides.
    names : list of str, optional
        Claims to check, `lemma_2_2`, ..; all by default.

    Returns
    -------
    pandas.DataFrame
        A row for every claim and generation 1, 2, ..: `claim`, `generation`, `measured`, `bound`, `slack`, its 95 %
        interval `lower`, `upper`, `verdict`, `note` and the other columns of `claims.csv`.

    Raises
    ------
    RecurateError
        When a value cannot be; the sentence says which.
    """
    import pandas as pd

    mixing = mixing_of(real_fraction, regime)
    loop = ClosedLoop("", "loop", check_choices(choices), mixing.real_fraction, regime=mixing.name, is_biased=is_biased)
    source = "forecast" if exact else "measured"
    rows = check_claims([Observed(loop, source, metrics_of(measured, supremum))], names)
    return pd.DataFrame(rows).drop(columns=["study", "arm", "source"])


def metrics_of(measured: Measured, supremum: float | None = None) -> dict[str, Array]:
    """Metrics by name, (seeds, generations + 1) float64; raises RecurateError for anything else."""
    if (hasattr(measured, "columns") or isinstance(measured, Mapping)) and supremum is not None:
        raise RecurateError("supremum is for rewards, of which it makes metrics; here are metrics already.")
    if hasattr(measured, "columns"):
        return _of_frame(measured)
    if isinstance(measured, Mapping):
        return {str(name): np.atleast_2d(np.asarray(values, dtype=np.float64)) for name, values in measured.items()}
    rewards = np.asarray(measured, dtype=np.float64)
    if rewards.ndim != 3 or 0 in rewards.shape or not np.isfinite(rewards).all():
        raise RecurateError(f"Rewards have shape {rewards.shape}, but must be finite, (seeds, generations + 1, n).")
    top = supremum_of(rewards, supremum)
    moments = [[reward_moments(samples, top) for samples in of_seed] for of_seed in rewards]
    return {name: np.array([[each[name] for each in of_seed] for of_seed in moments]) for name in moments[0][0]}


def _of_frame(table: pandas.DataFrame) -> dict[str, Array]:
    """Metrics of a data frame, wide or tidy."""
    if "generation" not in table.columns:
        raise RecurateError(f"A data frame needs the column generation; it has {', '.join(map(str, table.columns))}.")
    if "arm" in table.columns and table["arm"].nunique() > 1:
        raise RecurateError(f"Choose one arm: table[table.arm == {str(table['arm'].iloc[0])!r}].")
    tidy = table if "seed" in table.columns else table.assign(seed=0)
    if "metric" not in tidy.columns:
        numbers = tidy.select_dtypes("number").drop(columns=[name for name in NO_METRICS if name in tidy.columns])
        tidy = numbers.melt(list(PLACES), var_name="metric")
    return {str(name): _square(str(name), rows) for name, rows in tidy.groupby("metric")}


def _square(name: str, rows: pandas.DataFrame) -> Array:
    """Values of one metric, (seeds, generations + 1)."""
    if rows.duplicated(list(PLACES)).any():
        raise RecurateError(f"The metric {name} is there twice for a seed and generation.")
    values = rows.pivot(index="seed", columns="generation", values="value")
    if values.isna().any(axis=None) or list(values.columns) != list(range(len(values.columns))):
        raise RecurateError(f"The metric {name} is not there for every seed and every generation 0, 1, ..")
    return values.to_numpy(dtype=np.float64)
