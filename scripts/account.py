"""Write down where a study's results come from and what they cost."""

from pathlib import Path

from recurate.files.costs import COST_COLUMNS, costs
from recurate.files.provenance import chain
from recurate.files.tables import write_rows
from recurate.files.writing import write_json


def main(results: list[str], provenance: str, cost: str) -> None:
    """Write every link that leads to `results` as JSON, by file its record, wall time in seconds, and state.

    And the table of processor and GPU hours, longest job and peak memory of the study, by rule.
    """
    write_json(provenance, {path: link.to_json() for path, link in chain(results).items()})
    write_rows(cost, COST_COLUMNS, costs(Path(cost).parent))


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
