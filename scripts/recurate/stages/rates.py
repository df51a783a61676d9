"""What fitting the decay of errors reads."""

from __future__ import annotations

from collections.abc import Mapping

from recurate.closed_form.rates import fit_rates
from recurate.foundation.components import Settings
from recurate.foundation.types import Array
from recurate.study.simulated import Rates
from recurate.study.simulated_arm import SimulatedArm


class Reads(Settings):
    """Every arm, and how their errors are fitted."""

    arms: dict[str, SimulatedArm]
    generations: int
    rates: Rates

    def fitted(self, study: str, arm: str, values: Mapping[str, Array]) -> list[dict[str, str]]:
        """Slopes of an arm's errors `values[measure]` (seeds, T + 1), and what theory says of them, a row for each."""
        settings = self.arms[arm]
        found = fit_rates(settings.estimator, settings.loop(self.generations), values, **dict(self.rates))
        return [{"study": study, "arm": arm, **rate} for rate in found]
