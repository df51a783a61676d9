"""Measure one generation of an arm, for all seeds of a job."""

from threadpoolctl import threadpool_limits

from recurate.data.parts.tokenization import first_tokens
from recurate.files.arrays import read_arrays, read_seed
from recurate.files.tables import METRIC_COLUMNS, write_rows
from recurate.foundation.device import prepare
from recurate.foundation.errors import RecurateError
from recurate.foundation.randomness import METRIC, numpy_generator
from recurate.measuring.every_arm import beside, of_curated, real_spaces, space
from recurate.measuring.metrics import DATA, Evidence
from recurate.models.parts.fitted import FittedModel
from recurate.stages.measure import Reads


def main(
    real: str,
    samples: str,
    curated: str,
    metrics: str,
    spec: Reads,
    study: str,
    arm: str,
    seeds: list[int],
    generation: int,
    threads: int,
    features: str | None,
    reference: str | None,
    nearness: str | None,
    model: str | None,
    device: str,
) -> None:
    """Write the tidy table study, arm, generation, seed, metric, value; one seed is in memory at a time.

    `model` is the generation's own, for metrics that ask it.
    """
    device = prepare(device, threads) if model else "cpu"
    split = spec.reference.split
    parts = read_arrays(real, ["train_x", "test_x"])
    asked = spec.metrics
    given = max(spec.given, first_tokens(real))
    names = {metric.space for metric in asked if metric.space}
    compared = {metric.space for metric in asked if metric.space and metric.compares}
    against = {metric.space for metric in asked if metric.space and metric.against_training}
    known = real_spaces(parts["train_x"], parts["test_x"], reference, compared, nearness, against)
    kept = read_arrays(curated)
    measured: list[dict[str, float]] = []
    for row, seed in enumerate(seeds):
        x = read_seed(samples, row, ["x"])["x"]
        found = {DATA: x} | (read_seed(features, row, sorted(names - {DATA})) if features else {})
        spaces = {name: space(name, array, known.get(name), split) for name, array in found.items()}
        of_seed = {name: array[row] for name, array in kept.items()}
        values = of_curated(of_seed, spec.supremum, spec.classes, spec.components)
        own = FittedModel.read(spec.model, model, device, row) if spec.model and model else None
        with threadpool_limits(threads):
            for number, metric in enumerate(asked):
                generator = numpy_generator(0, 0, METRIC, number)
                evidence = Evidence(x, parts[f"{split}_x"], generator, spaces, own, spec.vocabulary, given)
                values = beside(values, metric(evidence), metric.kind)
        if measured and (differing := values.keys() ^ measured[0].keys()):
            raise RecurateError(
                f"metrics: {min(differing)} of arm {arm} in generation {generation} was measured for one of the seeds "
                f"{seeds[0]} and {seed} alone; let the metric give the same names for every seed"
            )
        measured.append(values)
    of_rows = {"study": study, "arm": arm, "generation": generation}
    rows = [
        {**of_rows, "seed": seed, "metric": name, "value": repr(float(value))}
        for seed, values in zip(seeds, measured, strict=True)
        for name, value in values.items()
    ]
    write_rows(metrics, METRIC_COLUMNS, rows)


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
