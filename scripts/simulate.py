"""Run one arm of a simulated study: all seeds and generations at once."""

from recurate.closed_form.recording import record
from recurate.files.arrays import origin_of_file, write_arrays
from recurate.files.tables import METRIC_COLUMNS, write_rows
from recurate.foundation.types import Array
from recurate.stages.simulate import Reads
from recurate.study.simulated_arm import measured


def main(trajectories: str, metrics: str, spec: Reads, code: str, study: str, arm: str) -> None:
    """Write arrays and a table of an arm.

    The arrays are every measure (seeds, generations + 1), quantiles (3, recorded generations) over replicates and the
    models of `spec.snapshots`; the table holds the measures of some generations.
    """
    settings = spec.arm
    loop = settings.loop(spec.generations)
    names = measured(settings, spec.measures)
    recording = record(settings.estimator, loop, spec.runs, names, spec.recorded, spec.snapshots)
    arrays: dict[str, Array] = dict(recording.means)
    arrays |= {f"quantiles/{name}": values for name, values in recording.quantiles.items()}
    arrays |= {f"snapshot/{generation}/{name}": part for (generation, name), part in recording.models.items()}
    write_arrays(trajectories, arrays, origin_of_file(spec, code))
    table_rows = [
        {"study": study, "arm": arm, "generation": generation, "seed": seed, "metric": name, "value": repr(float(v))}
        for name, table in recording.means.items()
        for generation in spec.recorded
        for seed, v in zip(spec.seeds, table[:, generation], strict=True)
    ]
    write_rows(metrics, METRIC_COLUMNS, table_rows)


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
