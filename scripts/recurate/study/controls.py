"""Controls: the arm beside a curated one that tells what curation did from what retraining did."""

from __future__ import annotations

from collections.abc import Mapping

from recurate.curation.rewards import Reward
from recurate.mixing.trained import Mixing
from recurate.sampling import Sampler
from recurate.study.arm import Arm, Retraining
from recurate.study.trained import Study


def controls(study: Study) -> Mapping[str, str]:
    """Name of the control of every curated arm that has one, by the arm's name.

    A control differs in nothing but that nobody chooses (K = 1): it has the same origin, reward, number of kept
    samples, mixture, retraining and sampler. Random numbers are the same too, so that seeds are pairs. Of several the
    first counts.
    """
    uncurated = {name: arm for name, arm in study.arms.items() if arm.curation.bradley_terry_choices == 1}
    found: dict[str, str] = {}
    for name, arm in study.arms.items():
        if name in uncurated:
            continue
        alike = (other for other, control in uncurated.items() if _loop(study, control) == _loop(study, arm))
        if (control := next(alike, None)) is not None:
            found[name] = control
    return found


def _loop(study: Study, arm: Arm) -> tuple[str, Reward, int, Mixing, Retraining, Sampler]:
    """All of an arm but who chooses."""
    sampler = arm.sampler or study.origins[arm.origin].sampler
    return arm.origin, arm.reward, arm.curation.kept, arm.mixing, arm.retraining, sampler
