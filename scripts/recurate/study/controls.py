"""Controls: the arm beside a curated one that tells what curation did from what retraining did."""

from __future__ import annotations

from collections.abc import Mapping

from recurate.curation.rewards import Reward
from recurate.mixing.trained import Mixing
from recurate.sampling import Sampler
from recurate.study.arm import Arm, Retraining
from recurate.study.trained import Study

Loop = tuple[str, Reward, Mixing, Retraining, Sampler]


def controls(study: Study) -> Mapping[str, str]:
    """Name of the control of every curated arm that has one, by the arm's name.

    A control differs in nothing but that nobody chooses (K = 1): it has the same origin, reward, number of kept
    samples, mixture, retraining and sampler. Random numbers are the same too, so that seeds are pairs. Of several the
    first counts.
    """
    alike = _alike(study)
    same = {name: [other for other in others if _kept(study, other) == _kept(study, name)] for name, others in alike}
    return {name: others[0] for name, others in same.items() if others}


def of_other_size(study: Study) -> Mapping[str, str]:
    """Why a curated arm has no control, by its name, where one would be but for the number of samples it keeps."""
    found = controls(study)
    return {
        name: f"no control: keeps {_kept(study, name)}, `{others[0]}` keeps {_kept(study, others[0])}"
        for name, others in _alike(study)
        if others and name not in found
    }


def _alike(study: Study) -> list[tuple[str, list[str]]]:
    """Every curated arm, and the arms that differ from it in nothing but that nobody chooses, and in what they keep."""
    uncurated = {name: arm for name, arm in study.arms.items() if arm.curation.bradley_terry_choices == 1}
    return [
        (name, [other for other, control in uncurated.items() if _loop(study, control) == _loop(study, arm)])
        for name, arm in study.arms.items()
        if name not in uncurated
    ]


def _kept(study: Study, arm: str) -> int:
    return study.arms[arm].curation.kept


def _loop(study: Study, arm: Arm) -> Loop:
    """All of an arm but who chooses, and how often."""
    sampler = arm.sampler or study.origins[arm.origin].sampler
    return arm.origin, arm.reward, arm.mixing, arm.retraining, sampler
