"""How many jobs a study is and how large its largest array, so that what no machine could do is said at once.

Estimates from below, by the settings alone: it does not matter how large the machine is that plans.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from recurate.foundation.errors import RecurateError
from recurate.study.simulated import SimulatedStudy

if TYPE_CHECKING:
    from pydantic import BaseModel

    from recurate.study.arm import Arm
    from recurate.study.origin import Origin
    from recurate.study.simulated_arm import SimulatedArm
    from recurate.study.trained import Study

GB = 1e9
NUMBER, INDEX, PIXEL = 4, 8, 1  # bytes
JOBS_OF_A_GENERATION = 4  # train, sample, curate, measure
WIDTHS = ("width", "channels", "hidden", "features")  # settings of networks that layers have the square of
LAYERS = ("depth", "blocks", "residual_blocks")
Sizes = Iterator[tuple[str, float]]  # a setting's key, and the bytes of the largest array that follows from it


def check_sizes(study: Study | SimulatedStudy, where: str, most_jobs: int, most_memory_gb: float) -> None:
    """Raise RecurateError, with the key to lower, for a study in the file `where` of more jobs or larger arrays."""
    jobs, product = number_of_jobs(study)
    if jobs > most_jobs:
        raise RecurateError(
            f"{where}: some {jobs:,} jobs ({product}), more than most_jobs: {most_jobs:,}; lower these, or raise "
            "most_jobs in config/config.yaml"
        )
    for key, size in largest_arrays(study):
        if size > most_memory_gb * GB:
            raise RecurateError(
                f"{where}: {key}: asks for arrays of {size / GB:,.0f} GB, more than most_memory_gb: "
                f"{most_memory_gb:,.0f}; lower it, or raise most_memory_gb in config/config.yaml"
            )


def number_of_jobs(study: Study | SimulatedStudy) -> tuple[int, str]:
    """Number of jobs of a study, nearly, and what it is the product of."""
    arms = len(study.arms)
    if isinstance(study, SimulatedStudy):
        return arms, f"{arms:,} arms"
    groups, generations = len(study.seed_batches()), study.generations + 1
    product = f"{arms:,} arms, {generations:,} generations, {groups:,} groups of seeds"
    return JOBS_OF_A_GENERATION * arms * groups * generations, product


def largest_arrays(study: Study | SimulatedStudy) -> Sizes:
    """Settings that say how large arrays are, by dotted key, with the bytes of the largest."""
    if isinstance(study, SimulatedStudy):
        for name, arm in study.arms.items():
            yield from _of_simulated(f"arms.{name}", arm, study)
        return
    seeds = max(map(len, study.seed_batches()))
    for name, origin in study.origins.items():
        yield from _of_origin(f"origins.{name}", origin, seeds)
    for name, trained in study.arms.items():
        yield from _of_arm(f"arms.{name}", trained, study.origins[trained.origin], seeds)
    for number, metric in enumerate(study.metrics):
        for key, value in _integers(metric).items():
            yield f"metrics.{number}.{key}", value * NUMBER


def _of_origin(key: str, origin: Origin, seeds: int) -> Sizes:
    shape = math.prod(origin.data.description.shape)
    number = PIXEL if len(origin.data.description.shape) == 3 else NUMBER
    for name, value in _integers(origin.data).items():
        yield f"{key}.data.{name}", value * shape * number
    yield f"{key}.samples", origin.samples * shape * number * seeds
    yield from _of_network(f"{key}.model", origin.model, seeds)
    if origin.judge:
        yield from _of_network(f"{key}.judge", origin.judge, 1)
    if origin.training:
        yield f"{key}.training.batch_size", origin.training.batch_size * shape * NUMBER * seeds


def _of_network(key: str, network: BaseModel, seeds: int) -> Sizes:
    """Parameters of a layer, or of all alike, by what is commonly called a width and a number of layers."""
    integers = _integers(network)
    widest = max((integers[name] for name in WIDTHS if name in integers), default=1)
    for name, value in integers.items():
        factor = value if name in WIDTHS else widest**2 if name in LAYERS else widest
        yield f"{key}.{name}", value * factor * NUMBER * seeds


def _of_arm(key: str, arm: Arm, origin: Origin, seeds: int) -> Sizes:
    shape = math.prod(origin.data.description.shape)
    choices = arm.curation.bradley_terry_choices or 1
    for name, value in _integers(arm.curation).items():
        yield f"{key}.curation.{name}", value * INDEX * (choices if math.isfinite(choices) else 1)
    yield f"{key}.retraining.batch_size", arm.retraining.batch_size * shape * NUMBER * seeds


def _of_simulated(key: str, arm: SimulatedArm, study: SimulatedStudy) -> Sizes:
    loops = len(study.seeds) * arm.replicates
    for name, value in _integers(arm.estimator).items():
        yield f"{key}.estimator.{name}", value * (value if name == "dimensions" else 1) * INDEX * loops
    yield f"{key}.replicates", loops * INDEX
    if arm.estimator.holds_samples(arm.mixing.rule):
        sizes = arm.mixing.sizes
        for name, value in (("initial", sizes.initial), ("real", sizes.real), ("synthetic", sizes.synthetic)):
            yield f"{key}.mixing.{name}", value * arm.estimator.coordinates * INDEX * arm.replicates


def _integers(settings: BaseModel) -> Mapping[str, int]:
    """Settings that are whole numbers, by key."""
    return {name: value for name, value in settings if isinstance(value, int) and not isinstance(value, bool)}
