"""Write the report of the default studies as one self-contained HTML file."""

from recurate.files.writing import write_text
from recurate.report.report import render
from recurate.stages.report import Reads


def main(template: str, report: str, spec: Reads) -> None:
    """Fill `template` and write it to `report`."""
    write_text(report, render(template, spec))


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
