"""Fit how fast errors fall with the size of the pool, in every arm of a simulated study."""

from recurate.closed_form.tables import RATE_COLUMNS
from recurate.files.arrays import read_arrays
from recurate.files.tables import write_rows
from recurate.stages.rates import Reads


def main(trajectories: list[str], rates: str, spec: Reads, study: str) -> None:
    """Write one row for every arm and measure: slopes, their errors, and what theory says."""
    rows = [
        row
        for path, arm in zip(trajectories, spec.arms, strict=True)
        for row in spec.fitted(study, arm, read_arrays(path, spec.rates.measures))
    ]
    write_rows(rates, RATE_COLUMNS, rows)


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
