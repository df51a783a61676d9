"""Check published claims on the forecast and on the measured loop of every arm."""

from recurate.files.series import by_arm
from recurate.files.tables import FORECAST_COLUMNS, METRIC_COLUMNS, read_rows, write_rows
from recurate.stages.claims import Reads
from recurate.theory.claims import check_claims
from recurate.theory.verdicts import CLAIM_COLUMNS


def main(metrics: str, forecast: str, claims: str, spec: Reads, study: str) -> None:
    """Write one row for every arm, claim, source and generation; some arms have no forecast."""
    sources = {
        "forecast": by_arm(read_rows(forecast, FORECAST_COLUMNS)),
        "measured": by_arm(read_rows(metrics, METRIC_COLUMNS)),
    }
    rows: list[dict[str, object]] = []
    for arm, settings in spec.arms.items():
        loop = settings.loop(study, arm)
        for source, values in sources.items():
            if arm in values:
                rows += check_claims(loop, values[arm], source, spec.claims)
    write_rows(claims, CLAIM_COLUMNS, rows)


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
