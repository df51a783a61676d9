"""What a study cost, by rule: processor and GPU hours, the longest job, peak memory."""

from pathlib import Path

from recurate.files.costs import COST_COLUMNS, costs
from recurate.files.tables import write_rows


def main(cost: str) -> None:
    """Write the table of all recorded jobs of the study whose folder `cost` lies in."""
    write_rows(cost, COST_COLUMNS, costs(Path(cost).parent))


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
