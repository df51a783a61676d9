"""What a study cost, by rule: processor and GPU hours, the longest job, peak memory."""

from pathlib import Path

from recurate import job, store
from recurate.provenance import COST_COLUMNS, costs


def main(cost: str) -> None:
    """Write the table of all recorded jobs of the study whose folder `cost` lies in."""
    store.write_rows(cost, COST_COLUMNS, costs(Path(cost).parent))


if __name__ == "__main__":
    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
