"""Verdicts on claims, and the table that holds them."""

from __future__ import annotations

CLAIM_COLUMNS = (
    "study", "arm", "claim", "source", "generation", "measured", "bound", "slack", "standard_error", "verdict", "note",
)  # fmt: skip
