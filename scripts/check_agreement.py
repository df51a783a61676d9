"""Compare simulated loops with their laws, with rates and with published numbers."""

from recurate.closed_form.tables import LAW_COLUMNS, RATE_COLUMNS
from recurate.files.tables import read_rows, write_rows
from recurate.stages.agreement import Reads
from recurate.theory import agreement
from recurate.theory.verdicts import CLAIM_COLUMNS


def main(metrics: str, laws: str, claims: str, spec: Reads, study: str, rates: str | None) -> None:
    """Write one row for every comparison."""
    table = agreement.read_values(metrics)
    rows = agreement.with_laws(table, read_rows(laws, LAW_COLUMNS))
    rows += agreement.with_published(table, spec.published)
    if rates is not None:
        rows += agreement.with_rates(read_rows(rates, RATE_COLUMNS), spec.generations)
    write_rows(claims, CLAIM_COLUMNS, [{"study": study, **row} for row in rows])


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
