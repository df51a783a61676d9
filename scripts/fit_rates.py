"""Fit how fast errors fall with the size of the pool, in every arm of a simulated study."""

from typing import Any

from recurate.closed_form.rates import fit_rates
from recurate.files.arrays import read_arrays
from recurate.files.tables import RATE_COLUMNS, write_rows
from recurate.study.simulated_arm import SimulatedArm
from recurate.workflow import job


def main(trajectories: list[str], rates: str, spec: dict[str, Any], study: str) -> None:
    """Write one row for every arm and measure: slopes, their errors, and what theory says."""
    rows: list[dict[str, Any]] = []
    for path, (arm, block) in zip(trajectories, spec["arms"].items(), strict=True):
        settings = SimulatedArm.model_validate(block)
        arrays = read_arrays(path, spec["rates"]["measures"])
        fitted = fit_rates(settings.estimator, settings.loop(spec["generations"]), arrays, **spec["rates"])
        rows += [{"study": study, "arm": arm, **found} for found in fitted]
    write_rows(rates, RATE_COLUMNS, rows)


if __name__ == "__main__":
    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
