"""Compare simulated loops with their laws, with rates and with published numbers."""

from typing import Any

from recurate import job, store
from recurate.theory import agreement


def main(metrics: str, laws: str, claims: str, spec: dict[str, Any], study: str, rates: str | None = None) -> None:
    """Write one row for every comparison."""
    table = agreement.read_values(metrics)
    rows = agreement.with_laws(table, store.read_rows(laws, store.LAW_COLUMNS))
    rows += agreement.with_published(table, spec["published"])
    if rates is not None:
        rows += agreement.with_rates(store.read_rows(rates, store.RATE_COLUMNS), spec["generations"])
    store.write_rows(claims, store.CLAIM_COLUMNS, [{"study": study, **row} for row in rows])


if __name__ == "__main__":
    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
