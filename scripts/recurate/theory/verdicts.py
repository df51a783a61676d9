"""Verdicts on claims, and the table that holds them."""

from __future__ import annotations

from typing import TypedDict

CLAIM_COLUMNS = (
    "study", "arm", "claim", "source", "generation", "measured", "bound", "slack", "standard_error", "verdict", "note",
)  # fmt: skip


class Judgement(TypedDict):
    """What a comparison came to: means over seeds and the standard error of what was judged, nan without numbers.

    `slack` is >= 0 where the claim is satisfied; `verdict` is `holds`, `fails`, `vacuous` or `not applicable`.
    """

    measured: float
    bound: float
    slack: float
    standard_error: float
    verdict: str
    note: str


class ArmRow(Judgement):
    """A row of the claims table without the study; `source` is `forecast` or `measured`."""

    arm: str
    claim: str
    source: str
    generation: int


class ClaimRow(ArmRow):
    """A row of the claims table, whose columns are `CLAIM_COLUMNS`."""

    study: str
