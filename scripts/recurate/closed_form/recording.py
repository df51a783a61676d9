"""What is kept of a simulated arm: means over a seed's loops, quantiles over all of them, models for pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recurate.closed_form.simulate import blocks, simulate
from recurate.closed_form.streams import Replicates
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.foundation.results import got

if TYPE_CHECKING:
    from recurate.closed_form.estimators import Estimator
    from recurate.closed_form.loop import SimulatedLoop
    from recurate.closed_form.streams import ArmKey
    from recurate.foundation.types import Array

QUANTILES = (0.1, 0.5, 0.9)  # over replicates, that figures show where a mean rests on few of them


@dataclass(frozen=True)
class Runs:
    """Which loops are run: seeds, how many loops each, and the arm's key, None where arms share random numbers."""

    seeds: Sequence[int]
    loops: int
    arm: ArmKey | None


@dataclass(frozen=True)
class Recording:
    """By measure, means over a seed's loops (seeds, T + 1) and quantiles over all loops (3, recorded generations).

    `models` are parameters of the first loop of the first seed, by generation and name.
    """

    means: Mapping[str, Array]
    quantiles: Mapping[str, Array]
    models: Mapping[tuple[int, str], Array]


def record(
    estimator: Estimator,
    loop: SimulatedLoop,
    runs: Runs,
    measures: Sequence[str],
    recorded: Sequence[int] = (),
    kept_models: Sequence[int] = (),
) -> Recording:
    """Run the loops of an arm; quantiles are of the generations `recorded`, models of `kept_models`.

    Raises RecurateError if the estimator cannot be fitted.
    """
    seeds, loops = runs.seeds, runs.loops
    means = {name: np.empty((len(seeds), loop.generations + 1)) for name in measures}
    every = {name: np.empty((len(seeds) * loops, len(recorded))) for name in measures}
    columns = {generation: column for column, generation in enumerate(recorded)}
    models: dict[tuple[int, str], Array] = {}
    done = 0
    for block in blocks(estimator, loop, seeds, loops):
        rows, replicates = slice(done, done + len(block)), slice(done * loops, (done + len(block)) * loops)
        for generation, (model, rewards) in enumerate(simulate(estimator, loop, Replicates(block, loops, runs.arm))):
            seen = estimator.seen(model)
            for name in measures:
                values = rewards[name] if name in rewards else estimator.measures[name](seen)
                if values.shape != (len(block) * loops,):
                    raise RecurateError(
                        f"estimator: {estimator.kind}: its measure {name} gave {got(values)}; wanted is one number "
                        f"for each of {len(block) * loops} loops"
                    )
                means[name][rows, generation] = values.reshape(len(block), loops).mean(axis=1)
                if generation in columns:
                    every[name][replicates, columns[generation]] = values
            if done == 0 and generation in kept_models:
                models |= {(generation, name): np.array(part[:1]) for name, part in estimator.parameters(model).items()}
        done += len(block)
    quantiles = {name: np.quantile(values, QUANTILES, axis=0) for name, values in every.items()}
    return Recording(means, quantiles, models)
