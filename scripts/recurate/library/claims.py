"""Published claims on loops of one's own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from recurate.library.arguments import choices_of, claims_of, mixing_of, truth
from recurate.library.measured import metrics_of
from recurate.theory.checking import Observed, check_claims
from recurate.theory.claims import ClosedLoop

if TYPE_CHECKING:
    import pandas

    from recurate.library.measured import Measured
    from recurate.mixing.regimes import TrainedRegime


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
        for every metric; or a tidy one of a single arm, with the columns `metric` and `value`. Names of a mapping are
        those of the glossary (docs/metrics.md) and of `forecast`; of a data frame others are passed over.
    choices, real_fraction, regime
        How the loop was closed, as in `forecast`.
    supremum : float, optional
        r*, of which rewards make metrics; by default the largest reward there is.
    is_biased : bool
        Whether samples were drawn from another law than the one learnt, as with guidance; no claim is about these.
    exact : bool
        Whether the numbers are free of noise, as those of a forecast: then every value decides.
    names : list of str, optional
        Claims to check, `lemma_2_2`, .., each once; all by default.

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

    mixing, people = mixing_of(real_fraction, regime), choices_of(choices)
    biased, source = truth("is_biased", is_biased), "forecast" if truth("exact", exact) else "measured"
    loop = ClosedLoop("", "loop", people, mixing.real_fraction, regime=mixing.name, is_biased=biased)
    asked = claims_of(names)
    rows = check_claims([Observed(loop, source, metrics_of(measured, supremum))], asked)
    return pd.DataFrame(rows).drop(columns=["study", "arm", "source"])
