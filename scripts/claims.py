"""Check published claims on a study: trained loops against the bounds of theory, simulated ones against their laws."""

from recurate.closed_form.tables import LAW_COLUMNS, RATE_COLUMNS
from recurate.files.series import by_arm
from recurate.files.tables import FORECAST_COLUMNS, METRIC_COLUMNS, read_rows, write_rows
from recurate.stages.claims import Reads, Trained
from recurate.theory import agreement
from recurate.theory.checking import check_claims
from recurate.theory.verdicts import CLAIM_COLUMNS, ClaimRow


def main(metrics: str, theory: str, claims: str, spec: Reads, study: str, rates: str | None) -> None:
    """Write one row for every comparison with `theory`, the forecast of a trained study, the laws of a simulated one.

    Of a trained study there is a row for every arm, claim, source and generation; some arms have no forecast.
    """
    if isinstance(spec.study, Trained):
        measured, expected = read_rows(metrics, METRIC_COLUMNS), read_rows(theory, FORECAST_COLUMNS)
        sources = {"forecast": by_arm(expected), "measured": by_arm(measured)}
        rows = check_claims(spec.study.observed(study, sources), spec.study.claims)
    else:
        fitted = read_rows(rates, RATE_COLUMNS) if rates is not None else []
        agreed = spec.study.compared(agreement.read_values(metrics), read_rows(theory, LAW_COLUMNS), fitted)
        rows = [ClaimRow(study=study, **row) for row in agreed]
    write_rows(claims, CLAIM_COLUMNS, rows)


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
