"""What writing down the laws of a simulated study reads."""

from __future__ import annotations

from recurate.foundation.components import Settings
from recurate.study.simulated_arm import SimulatedArm


class Reads(Settings):
    """Every arm, what is measured of them and which generations tables show."""

    arms: dict[str, SimulatedArm]
    generations: int
    measures: list[str]
    recorded: list[int]
