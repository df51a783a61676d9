"""What is said of the rewards of many samples."""

from __future__ import annotations

TOP_TOLERANCE = 1e-6  # rewards this close to their supremum count as reaching it
