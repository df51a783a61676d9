"""Curated arms minus their controls: what curation did, and not retraining."""

from recurate.files.series import by_arm
from recurate.files.tables import METRIC_COLUMNS, read_rows, write_rows
from recurate.stages.effects import Reads
from recurate.theory.effects import EFFECT_COLUMNS, effect_rows


def main(metrics: str, effects: str, spec: Reads, study: str) -> None:
    """Write a row for every curated arm with a control, metric and generation 1, 2, .."""
    measured = by_arm(read_rows(metrics, METRIC_COLUMNS))
    write_rows(effects, EFFECT_COLUMNS, effect_rows(study, spec.controls, measured))


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
