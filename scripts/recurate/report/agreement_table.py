"""Comparisons of a simulated study in short: a line for each kind."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from recurate.figures.parts import words as text
from recurate.figures.parts.view import SimulatedArmView
from recurate.report.claims_table import Row
from recurate.theory.verdicts import DECIDABLE, VERDICTS

PREFIXES = {
    "law_": "law of the {}",
    "rate_of_law_": "rate at which the {} falls, beside that of its law",
    "rate_": "rate at which the {} falls, beside the published bound",
    "published_": "published numbers: {}",
}


def statement(claim: str) -> str:
    """What a claim of `agreement` compares, in words."""
    for prefix in ("rate_of_law_", "law_", "rate_", "published_"):
        if claim.startswith(prefix):
            return PREFIXES[prefix].format(text.measure_words(claim.removeprefix(prefix)))
    return claim.replace("_", " ")


def agreement_lines(rows: Sequence[Row], arms: Mapping[str, SimulatedArmView]) -> list[dict[str, object]]:
    """For each claim: how many comparisons have which verdict, and the one that is farthest off."""
    return [
        _line(claim, [row for row in rows if row["claim"] == claim], arms)
        for claim in dict.fromkeys(row["claim"] for row in rows)
    ]


def _line(claim: str, rows: list[Row], arms: Mapping[str, SimulatedArmView]) -> dict[str, object]:
    compared = [row for row in rows if row["verdict"] in DECIDABLE]
    worst = max(compared, key=_distance, default=None)
    return {
        "statement": statement(claim),
        **{word: sum(row["verdict"] == word for row in rows) for word in VERDICTS},
        "worst": _words(worst, arms) if worst else "",
        "reasons": sorted({row["note"].partition(";")[0] for row in rows if row["verdict"] == "vacuous"}),
    }


def _distance(row: Row) -> float:
    """Distance on the wrong side, in standard errors."""
    error, slack = float(row["standard_error"]), float(row["slack"])
    wrong = max(0.0, -slack) if math.isnan(float(row["margin"])) else abs(slack)
    return wrong / error if error > 0 else (math.inf if wrong > 0 else 0.0)


def _words(row: Row, arms: Mapping[str, SimulatedArmView]) -> str:
    arm = arms[row["arm"]]
    where = ", ".join(filter(None, (arm.panel, text.arm_title(arm.title), f"generation {row['generation']}")))
    measured = text.with_error(float(row["measured"]), float(row["standard_error"]))
    return f"{measured} beside {float(row['bound']):.4g} ({where})"
