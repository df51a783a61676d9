"""Draw how many real samples a loop with fresh data is worth."""

from typing import Any

from recurate.figures import equivalent_data
from recurate.figures.parts import style
from recurate.figures.parts.simulated import read_laws, read_measured
from recurate.files.writing import write_text


def main(metrics: str, laws: str, pdf: str, png: str, caption: str, spec: dict[str, Any]) -> None:
    """Write the figure and its caption."""
    style.save(equivalent_data.draw(spec, read_measured(metrics), read_laws(laws)), pdf, png)
    write_text(caption, equivalent_data.caption(spec))


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
