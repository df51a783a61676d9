"""Measure one generation of an arm, for all seeds of a job."""

from typing import Any

from recurate import job, store
from recurate.components import load
from recurate.device import prepare
from recurate.judges import FittedJudge
from recurate.measurement import class_shares, curation_statistics, reward_statistics
from recurate.metrics import Evidence, Metric
from recurate.randomness import numpy_generator


def main(
    real: str,
    samples: str,
    curated: str,
    metrics: str,
    spec: dict[str, Any],
    study: str,
    arm: str,
    seeds: list[int],
    generation: int,
    threads: int,
    judge: str | None = None,
) -> None:
    """Write the tidy table study, arm, generation, seed, metric, value."""
    held_out = store.read_arrays(real, ["test_x"])["test_x"]
    x = store.read_arrays(samples, ["x"])["x"]
    kept = store.read_arrays(curated)
    if judge is not None:
        prepare("cpu", threads)
    fitted = FittedJudge.read(spec["judge"], judge) if judge else None
    asked = [load(Metric, "metrics", metric) for metric in spec["metrics"]]
    rows = []
    for row, seed in enumerate(seeds):
        rewards = kept["reward"][row].astype("float64")
        values = reward_statistics(rewards, spec["supremum"]) | curation_statistics(rewards, kept["index"][row])
        if "label" in kept:
            values |= class_shares(kept["label"][row], spec["classes"])
        for number, metric in enumerate(asked):
            generator = numpy_generator(0, 0, "measure", number)
            values |= metric(Evidence(x=x[row], real=held_out, judge=fitted, generator=generator))
        known = {"study": study, "arm": arm, "generation": generation, "seed": seed}
        rows += [{**known, "metric": name, "value": repr(float(value))} for name, value in values.items()]
    store.write_rows(metrics, store.METRIC_COLUMNS, rows)


if __name__ == "__main__":
    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
