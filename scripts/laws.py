"""Write down what theory says about the arms of a simulated study."""

from recurate.closed_form.tables import LAW_COLUMNS
from recurate.files.tables import write_rows
from recurate.stages.laws import Reads


def main(laws: str, spec: Reads, study: str) -> None:
    """Write one row for every arm, law and recorded generation."""
    write_rows(laws, LAW_COLUMNS, spec.rows(study))


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
