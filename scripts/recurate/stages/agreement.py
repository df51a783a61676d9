"""What comparing simulated loops with theory and publications reads."""

from __future__ import annotations

from recurate.foundation.components import Settings
from recurate.study.common import Published


class Reads(Settings):
    """Published numbers, and the last generation."""

    generations: int
    published: list[Published]
