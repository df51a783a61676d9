"""The claims table in short: one line for each claim and arm, arms that it says nothing of joined."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from recurate.figures.parts import words as text
from recurate.figures.parts.view import ArmView
from recurate.theory.verdicts import CONTRADICTED, NOT_APPLICABLE, SUPPORTED, UNDECIDED, VERDICTS

STATEMENTS = {
    "lemma_2_2": "Lemma 2.2: without real data E[e^r] rises every generation by at least (K − 1)/K of its variance",
    "theorem_2_1": "Theorem 2.1: without real data the divergence KL(p*‖p_t) to the limit never grows",
    "theorem_2_3": "Theorem 2.3: with real data E[e^r] stays above that of generation 0 by a stated gain",
    "theorem_2_4": "Theorem 2.4: with λ < 1/(K − 1), KL(p_t‖p_ref) stays below −log(1 − λ(K − 1))",
    "kl_from_reference": "Always with real data: KL(p_ref‖p_t) stays below log(1 + λ)",
}
WORST_FIRST = (CONTRADICTED, UNDECIDED, SUPPORTED)

Row = dict[str, str]


def claim_groups(rows: Sequence[Row], arms: Mapping[str, ArmView]) -> list[dict[str, object]]:
    """One group for each claim, in the table's order: statement, a line for each arm that it speaks of, exempt arms."""
    names = list(dict.fromkeys(row["claim"] for row in rows))
    return [_group(name, [row for row in rows if row["claim"] == name], arms) for name in names]


def _group(name: str, rows: list[Row], arms: Mapping[str, ArmView]) -> dict[str, object]:
    lines: list[dict[str, object]] = []
    exempt: dict[str, list[str]] = {}
    for arm, settings in arms.items():
        sides = {
            source: _summary([row for row in rows if row["arm"] == arm and row["source"] == source])
            for source in ("forecast", "measured")
        }
        if any(side["verdict"] in WORST_FIRST for side in sides.values()):
            lines.append({"arm": arm, "title": text.glued(text.arm_title(settings.title)), **sides})
        else:
            side = sides["forecast"]
            exempt.setdefault(f"{side['verdict']}: {side['note']}", []).append(
                text.glued(text.arm_title(settings.title))
            )
    return {"name": name, "statement": STATEMENTS.get(name, name.replace("_", " ")), "lines": lines, "exempt": exempt}


def _summary(rows: list[Row]) -> dict[str, object]:
    """One arm, claim and source: the worst verdict and the count of all, and the worst slack with its interval."""
    if not rows:
        return {"verdict": NOT_APPLICABLE, "note": "not checked", "counts": "", "worst": "", "where": ""}
    verdicts = [row["verdict"] for row in rows]
    verdict = next((word for word in WORST_FIRST if word in verdicts), verdicts[0])
    notes = list(dict.fromkeys(row["note"] for row in rows if row["note"]))
    return {
        "verdict": verdict,
        "counts": f"{verdicts.count(verdict)} of {len(rows)}",
        "where": text.listed(row["generation"] for row in rows if row["verdict"] == verdict)
        if verdict in (CONTRADICTED, UNDECIDED)
        else "",
        "worst": _worst(rows),
        "note": _counted_notes(rows, notes),
    }


def _counted_notes(rows: list[Row], notes: list[str]) -> str:
    """Notes, each with the generations it is about unless it is about all."""
    parts = []
    for note in notes:
        where = [row["generation"] for row in rows if row["note"] == note]
        parts.append(note if len(where) == len(rows) else f"{note} in generation {text.listed(where)}")
    return "; ".join(parts)


def _worst(rows: list[Row]) -> str:
    """The slack that lies farthest on the wrong side, its 95 % interval, generation, and what could be detected."""
    finite = [row for row in rows if math.isfinite(float(row["slack"])) and math.isfinite(float(row["standard_error"]))]
    if not finite:
        return ""
    row = min(finite, key=_side)
    slack, lower, upper, detectable = (float(row[key]) for key in ("slack", "lower", "upper", "detectable"))
    interval = f"{slack:.2g} [{lower:.2g}, {upper:.2g}]"
    return f"{interval} (generation {row['generation']}); {detectable:.2g} could be seen".replace("-", "−")


def _side(row: Row) -> float:
    """Slack, of an equality what is left of its margin."""
    slack, margin = float(row["slack"]), float(row["margin"])
    return slack if math.isnan(margin) else margin - abs(slack)


def score(rows: Sequence[Row]) -> dict[str, str]:
    """How many rows have which verdict, in words, by source."""
    return {
        source: counts([row["verdict"] for row in rows if row["source"] == source])
        for source in ("forecast", "measured")
    }


def counts(verdicts: Sequence[str]) -> str:
    """Every verdict there is, and how often."""
    return ", ".join(f"{verdicts.count(word):,} {word}" for word in VERDICTS if word in verdicts)
