"""Which laws a loop follows, by its estimator."""

from __future__ import annotations

from recurate.closed_form.estimators import Estimator
from recurate.closed_form.estimators.discrete import Discrete
from recurate.closed_form.estimators.ecdf import Ecdf
from recurate.closed_form.estimators.gaussian import Gaussian
from recurate.closed_form.estimators.lattice_kde import LatticeKde
from recurate.closed_form.estimators.regression import Regression
from recurate.closed_form.law import Law
from recurate.closed_form.laws import gaussian, regression, urn
from recurate.closed_form.loop import SimulatedLoop


def laws_of(estimator: Estimator, loop: SimulatedLoop) -> list[Law]:
    """What theory says about the measures of a loop; an estimator of a user's own says so itself, in `laws`."""
    match estimator:
        case LatticeKde():  # an `Ecdf` that smooths, for which nothing is known
            return []
        case Gaussian():
            return gaussian.laws(estimator, loop)
        case Discrete():
            return urn.discrete(estimator, loop)
        case Ecdf():
            return urn.ecdf(estimator, loop)
        case Regression():
            return regression.laws(estimator, loop)
    return estimator.laws(loop)
