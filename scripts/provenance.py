"""Write down the chain of files that leads to a study's results."""

from recurate.files.provenance import chain
from recurate.files.writing import write_json


def main(results: list[str], provenance: str) -> None:
    """Write every link that leads to `results` as JSON: by file its record, wall time in seconds, and state."""
    write_json(provenance, chain(results))


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
