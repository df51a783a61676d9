"""Verdicts on claims, the table that holds them, and the errors that they are judged by."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypedDict

from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from recurate.foundation.types import Array

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


def standard_error(values: Array) -> Array:
    """Standard error of the mean over the first axis of `values` (R, ..), the replicates; nan of a single one."""
    spread = values.std(axis=0, ddof=1) if len(values) > 1 else np.full(values.shape[1:], np.nan)
    return spread / math.sqrt(len(values))
