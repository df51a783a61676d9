"""What simulating an arm reads."""

from __future__ import annotations

from recurate.foundation.components import Settings
from recurate.study.simulated_arm import SimulatedArm


class Reads(Settings):
    """An arm, its replicates, what is measured and which generations tables and pictures show."""

    arm: SimulatedArm
    generations: int
    measures: list[str]
    seeds: list[int]
    common_random_numbers: bool
    snapshots: list[int]
    recorded: list[int]
