"""Fit how fast errors fall with the size of the pool, in every arm of a simulated study."""

from typing import Any

from recurate import job, store
from recurate.simulated_study import SimulatedArm
from recurate.theory.rates import fit_rates


def main(trajectories: list[str], rates: str, spec: dict[str, Any], study: str) -> None:
    """Write one row for every arm and measure: slopes, their errors, and what theory says."""
    rows: list[dict[str, Any]] = []
    for path, (arm, block) in zip(trajectories, spec["arms"].items(), strict=True):
        settings = SimulatedArm.model_validate(block)
        arrays = store.read_arrays(path, spec["rates"]["measures"])
        fitted = fit_rates(settings.estimator, settings.loop(spec["generations"]), arrays, **spec["rates"])
        rows += [{"study": study, "arm": arm, **found} for found in fitted]
    store.write_rows(rates, store.RATE_COLUMNS, rows)


if __name__ == "__main__":
    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
