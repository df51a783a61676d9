"""Studies as figures look at them, with changes."""

from __future__ import annotations

from typing import Any

from recurate.figures.parts.view import ArmView, SimulatedArmView, SimulatedView, StudyView

ARM: dict[str, Any] = {
    "title": "an arm", "panel": "", "origin": "o", "choices": 4, "by_prompt": False, "real_fraction": 0.0,
    "regime": "replace", "is_biased": False, "supremum": 0.0, "samples": 400, "shape": (2,), "classes": 2,
    "class_names": (), "has_judge": False, "model": "mlp", "role": "a vector field", "is_autoencoder": False,
    "reward": None,
}  # fmt: skip
STUDY: dict[str, Any] = {
    "name": "s", "title": "A study", "answers": "Somebody 2024, figure 1", "seeds": [0, 1, 2], "generations": 4,
    "reference": {}, "features": [], "metrics": [], "published": [],
}  # fmt: skip
SIMULATED_ARM: dict[str, Any] = {
    "title": "n = 1", "panel": "p", "estimator": "gaussian", "dimensions": 1, "ddof": 1, "std": 1.0,
    "sampling_bias": 1.0, "sizes": {"initial": 100, "real": 100, "synthetic": 100}, "regime": "fresh", "choices": 1,
}  # fmt: skip
SIMULATED: dict[str, Any] = {
    "name": "s", "title": "T", "answers": "A", "seeds": [0, 1, 2], "generations": 100, "measures": ["variance"],
    "published": [], "rates": None,
}  # fmt: skip


def arm_view(**changes: Any) -> ArmView:
    """An arm of a trained study."""
    return ArmView(**{**ARM, **changes})


def study_view(arms: dict[str, ArmView], **changes: Any) -> StudyView:
    """A trained study of these arms."""
    return StudyView(**{**STUDY, "arms": arms, **changes})


def simulated_arm_view(**changes: Any) -> SimulatedArmView:
    """An arm of a simulated study."""
    return SimulatedArmView(**{**SIMULATED_ARM, **changes})


def simulated_view(arms: dict[str, dict[str, Any]], **changes: Any) -> SimulatedView:
    """A simulated study whose arms differ in these keys."""
    views = {name: simulated_arm_view(**of_arm) for name, of_arm in arms.items()}
    return SimulatedView(**{**SIMULATED, "arms": views, **changes})
