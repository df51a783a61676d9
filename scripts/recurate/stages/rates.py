"""What fitting the decay of errors reads."""

from __future__ import annotations

from recurate.foundation.components import Settings
from recurate.study.simulated import Rates
from recurate.study.simulated_arm import SimulatedArm


class Reads(Settings):
    """Every arm, and how their errors are fitted."""

    arms: dict[str, SimulatedArm]
    generations: int
    rates: Rates
