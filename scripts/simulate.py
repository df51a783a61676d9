"""Run one arm of a simulated study: all seeds and generations at once."""

from recurate.closed_form.simulate import blocks, simulate
from recurate.files.arrays import origin_of_file, write_arrays
from recurate.files.tables import METRIC_COLUMNS, write_rows
from recurate.foundation.lazy import np
from recurate.foundation.types import Array
from recurate.stages.simulate import Reads
from recurate.study.simulated_arm import measured


def main(trajectories: str, metrics: str, spec: Reads, code: str, study: str, arm: str) -> None:
    """Write every measure (seeds, generations + 1) with the models of `spec.snapshots`, and a table of some rows."""
    settings = spec.arm
    estimator, names, seeds = settings.estimator, measured(settings, spec.measures), spec.seeds
    loop = settings.loop(spec.generations)
    values = {name: np.empty((len(seeds), spec.generations + 1)) for name in names}
    arrays: dict[str, Array] = dict(values)
    done = 0
    for block in blocks(estimator, loop, seeds):
        rows = slice(done, done + len(block))
        for generation, (model, rewards) in enumerate(simulate(estimator, loop, block)):
            seen = estimator.seen(model)
            for name in names:
                values[name][rows, generation] = rewards[name] if name in rewards else estimator.measures[name](seen)
            if done == 0 and generation in spec.snapshots:
                parameters = estimator.parameters(model).items()
                arrays |= {f"snapshot/{generation}/{name}": np.array(part[:1]) for name, part in parameters}
        done += len(block)
    write_arrays(trajectories, arrays, origin_of_file(spec, code))
    table_rows = [
        {"study": study, "arm": arm, "generation": generation, "seed": seed, "metric": name, "value": repr(float(v))}
        for name, table in values.items()
        for generation in spec.recorded
        for seed, v in zip(seeds, table[:, generation], strict=True)
    ]
    write_rows(metrics, METRIC_COLUMNS, table_rows)


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
