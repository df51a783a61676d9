"""The claims table in short: one line for each claim and arm, arms without a verdict joined."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from recurate.figures.parts import words as text
from recurate.figures.parts.view import ArmView

STATEMENTS = {
    "lemma_2_2": "Lemma 2.2: without real data E[e^r] rises every generation by at least (K − 1)/K of its variance",
    "theorem_2_1": "Theorem 2.1: without real data the divergence KL(p*‖p_t) to the limit never grows",
    "theorem_2_3": "Theorem 2.3: with real data E[e^r] stays above that of generation 0 by a stated gain",
    "theorem_2_4": "Theorem 2.4: with λ < 1/(K − 1), KL(p_t‖p_ref) stays below −log(1 − λ(K − 1))",
    "kl_from_reference": "Always with real data: KL(p_ref‖p_t) stays below log(1 + λ)",
}
DECIDED = ("fails", "holds")

Row = dict[str, str]


def claim_groups(rows: Sequence[Row], arms: Mapping[str, ArmView]) -> list[dict[str, object]]:
    """One group for each claim, in the table's order: statement, a line for each arm with a verdict, exempt arms."""
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
        if any(side["verdict"] in DECIDED for side in sides.values()):
            lines.append({"arm": arm, "title": text.glued(text.arm_title(settings.title)), **sides})
        else:
            side = sides["forecast"]
            exempt.setdefault(f"{side['verdict']}: {side['note']}", []).append(
                text.glued(text.arm_title(settings.title))
            )
    return {"name": name, "statement": STATEMENTS.get(name, name.replace("_", " ")), "lines": lines, "exempt": exempt}


def _summary(rows: list[Row]) -> dict[str, object]:
    """One arm, claim and source: the verdict over all generations, and the worst slack with its standard error."""
    if not rows:
        return {"verdict": "not applicable", "note": "not checked", "holding": 0, "of": 0, "worst": "", "failing": ""}
    verdicts = [row["verdict"] for row in rows]
    verdict = next((word for word in DECIDED if word in verdicts), verdicts[0])
    notes = list(dict.fromkeys(row["note"] for row in rows if row["note"]))
    return {
        "verdict": verdict,
        "holding": verdicts.count("holds"),
        "of": len(rows),
        "worst": _worst(rows),
        "failing": text.listed(row["generation"] for row in rows if row["verdict"] == "fails")
        if verdict == "fails"
        else "",
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
    """Smallest finite slack, its standard error and its generation."""
    finite = [row for row in rows if math.isfinite(float(row["slack"]))]
    if not finite:
        return ""
    row = min(finite, key=lambda r: float(r["slack"]))
    error = float(row["standard_error"])
    return f"{text.with_error(float(row['slack']), error)} (generation {row['generation']})"


def claim_score(rows: Sequence[Row]) -> dict[str, dict[str, int]]:
    """Of the pairs of claim and arm that have a verdict: how many hold in all generations, by source."""
    score = {}
    for source in ("forecast", "measured"):
        pairs = {(row["claim"], row["arm"]) for row in rows if row["source"] == source and row["verdict"] in DECIDED}
        failed = {(row["claim"], row["arm"]) for row in rows if row["source"] == source and row["verdict"] == "fails"}
        score[source] = {"holds": len(pairs - failed), "of": len(pairs)}
    return score
