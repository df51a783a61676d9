"""Put the tables of all arms, seeds and generations together, sorted."""

from recurate import job, store


def main(tables: list[str], gathered: str, columns: list[str]) -> None:
    """Concatenate CSV `tables` that all have `columns`."""
    rows = (row for table in tables for row in store.read_rows(table, columns))  # one table at a time in memory
    store.write_rows(gathered, columns, rows)


if __name__ == "__main__":
    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
