"""Draw how fast errors fall, by the share of real data."""

from typing import Any

from recurate.figures import rates as figure
from recurate.figures.parts import style
from recurate.files.tables import RATE_COLUMNS, read_rows
from recurate.files.writing import write_text


def main(rates: str, pdf: str, png: str, caption: str, spec: dict[str, Any]) -> None:
    """Write the figure and its caption."""
    rows = read_rows(rates, RATE_COLUMNS)
    style.save(figure.draw(spec, rows), pdf, png)
    write_text(caption, figure.caption(spec, rows))


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
