"""Put the tables of all arms, seeds and generations together, in their order."""

from collections.abc import Sequence

from recurate.files.tables import read_rows, write_rows


def main(gathered: str, columns: list[str], tables: Sequence[str]) -> None:
    """Concatenate CSV `tables` that all have `columns`; there may be none."""
    rows = (row for table in tables for row in read_rows(table, columns))  # one table at a time in memory
    write_rows(gathered, columns, rows)


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
