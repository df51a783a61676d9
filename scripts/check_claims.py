"""Check published claims on the forecast and on the measured loop of every arm."""

from typing import Any

from recurate.files.series import by_arm
from recurate.files.tables import FORECAST_COLUMNS, METRIC_COLUMNS, read_rows, write_rows
from recurate.theory.claims import ClosedLoop, check_claims
from recurate.theory.verdicts import CLAIM_COLUMNS


def main(metrics: str, forecast: str, claims: str, spec: dict[str, Any], study: str) -> None:
    """Write one row for every arm, claim, source and generation; biased arms have no forecast."""
    sources = {
        "forecast": by_arm(read_rows(forecast, FORECAST_COLUMNS)),
        "measured": by_arm(read_rows(metrics, METRIC_COLUMNS)),
    }
    rows: list[dict[str, Any]] = []
    for arm, settings in spec["arms"].items():
        told = ("choices", "real_fraction", "regime", "is_biased", "by_prompt")
        loop = ClosedLoop(study, arm, *(settings[name] for name in told))
        for source, values in sources.items():
            if arm in values:
                rows += check_claims(loop, values[arm], source, spec["claims"])
    write_rows(claims, CLAIM_COLUMNS, rows)


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
