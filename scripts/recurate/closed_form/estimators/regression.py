"""Linear regression by ordinary least squares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from recurate.closed_form import covariance_roots as roots
from recurate.closed_form.estimators import Estimator, Measure
from recurate.foundation.lazy import np
from recurate.foundation.terms import Term

if TYPE_CHECKING:
    from recurate.closed_form.streams import Replicates
    from recurate.foundation.types import Array
    from recurate.mixing.regimes import Regime, Sizes


@dataclass(frozen=True)
class Fitted:
    """Error w_hat - w (R, d); root (R, d, d) of X^T X of the `rows` inputs that are labelled next."""

    error: Array
    inputs: Array
    rows: int


@dataclass(frozen=True)
class Products:
    """X^T X (R, d, d) and X^T (y - X w) (R, d) of `size` rows, with the inputs that a fixed design labels again."""

    size: int
    rows: int
    inputs: Array
    gram: Array
    moment: Array

    def __add__(self, other: Products) -> Products:
        total = self.size + other.size
        return Products(total, self.rows, self.inputs, self.gram + other.gram, self.moment + other.moment)


class Regression(Estimator[Fitted, Products, Fitted]):
    """y = w x + noise with x ~ N(0, I) in d dimensions; the model labels inputs anew, with noise, in every generation.

    Gerstgrasser et al. (2404.01413). Least squares is equivariant, so a loop follows the error w_hat - w and draws its
    sufficient statistics: X^T X is Wishart, X^T noise normal given it.
    """

    terms: ClassVar[tuple[Term, ...]] = (
        Term(
            "test_error", "|w - w'|^2, the excess risk; w the fitted, w' the true coefficients", "of the data, squared"
        ),
        Term("coefficient_error", "|w - w'|", "of the data"),
    )

    has_samples: ClassVar[bool] = False

    dimensions: int = Field(ge=1, description="number of inputs d")
    noise: float = Field(1.0, gt=0, description="standard deviation sigma of the noise on labels")
    design: Literal["fixed", "fresh"] = Field(
        "fixed", description="whether all generations label the same inputs, as in the paper, or draw new ones"
    )

    @property
    def coordinates(self) -> int:
        return self.dimensions

    def truth(self, initial: int, randoms: Replicates) -> Fitted:
        return Fitted(np.zeros((len(randoms), self.dimensions)), self._inputs(initial, randoms), initial)

    def fit(self, pool: Products, randoms: Replicates) -> Fitted:
        error = np.linalg.solve(pool.gram, pool.moment[..., None])[..., 0]
        return Fitted(error, pool.inputs, pool.rows)

    def check(self, rule: Regime, sizes: Sizes) -> None:
        if rule.subsamples:
            raise ValueError(
                "accumulate_subsample picks single rows, but this loop draws statistics of whole data sets"
            )
        for name, rows in vars(sizes).items():
            if rows and rows < self.dimensions:
                raise ValueError(f"{name}: {self.dimensions} coefficients need as many rows at least, not {rows}")
            if rows and self.design == "fixed" and rows != sizes.initial:
                raise ValueError(
                    f"{name}: with a fixed design all generations label the same {sizes.initial} inputs, not {rows}; "
                    "give every size the same number, or choose design: fresh"
                )

    def sample_pool(
        self, model: Fitted, n: int, randoms: Replicates, bias: float = 1.0, explicit: bool = False
    ) -> Products:
        inputs = model.inputs if self.design == "fixed" else self._inputs(n, randoms)
        z = randoms.draw(lambda generator, loops: generator.standard_normal((loops, self.dimensions)))
        root_noise = np.einsum("rij,rj->ri", np.swapaxes(inputs, 1, 2), model.error) + self.noise * z
        moment = np.einsum("rij,rj->ri", inputs, root_noise)
        return Products(n, model.rows, inputs, inputs @ np.swapaxes(inputs, 1, 2), moment)

    def _inputs(self, n: int, randoms: Replicates) -> Array:
        """Root (R, d, d) of X^T X for `n` rows of inputs."""
        return roots.wishart_root(n, np.empty((0, self.dimensions, self.dimensions)), randoms)

    @property
    def measures(self) -> Mapping[str, Measure[Fitted]]:
        return {
            "test_error": lambda model: np.square(model.error).sum(axis=1),
            "coefficient_error": lambda model: np.linalg.norm(model.error, axis=1),
        }

    def parameters(self, model: Fitted) -> dict[str, Array]:
        return {"error": model.error}
