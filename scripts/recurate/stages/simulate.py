"""What simulating an arm reads."""

from __future__ import annotations

from recurate.closed_form.identity import arm_key
from recurate.closed_form.recording import Runs
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

    @property
    def runs(self) -> Runs:
        """The loops that are run, with random numbers of the arm's own or those of all arms."""
        key = None if self.common_random_numbers else arm_key(self.arm.estimator, self.arm.loop(self.generations))
        return Runs(self.seeds, self.arm.replicates, key)
