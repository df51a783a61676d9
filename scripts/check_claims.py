"""Check published claims on the forecast and on the measured loop of every arm."""

from typing import Any

from recurate import job, store
from recurate.tables import by_arm
from recurate.theory.claims import ClosedLoop, check_claims


def main(metrics: str, forecast: str, claims: str, spec: dict[str, Any], study: str) -> None:
    """Write one row for every arm, claim, source and generation; biased arms have no forecast."""
    sources = {
        "forecast": by_arm(store.read_rows(forecast, store.FORECAST_COLUMNS)),
        "measured": by_arm(store.read_rows(metrics, store.METRIC_COLUMNS)),
    }
    rows: list[dict[str, Any]] = []
    for arm, settings in spec["arms"].items():
        told = ("choices", "real_fraction", "regime", "is_biased", "by_prompt")
        loop = ClosedLoop(study, arm, *(settings[name] for name in told))
        for source, values in sources.items():
            if arm in values:
                rows += check_claims(loop, values[arm], source, spec["claims"])
    store.write_rows(claims, store.CLAIM_COLUMNS, rows)


if __name__ == "__main__":
    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
