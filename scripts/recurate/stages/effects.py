"""What comparing curated arms with their controls reads."""

from __future__ import annotations

from recurate.foundation.components import Settings


class Reads(Settings):
    """Name of the control of every arm that has one."""

    controls: dict[str, str]
