"""Draw measures of simulated loops by generation, with their laws."""

from typing import Any

from recurate.figures import curves
from recurate.figures.parts import style
from recurate.figures.parts.simulated import read_laws, read_measured
from recurate.files.writing import write_text


def main(metrics: str, laws: str, pdf: str, png: str, caption: str, spec: dict[str, Any]) -> None:
    """Write the figure and its caption."""
    measured, theory = read_measured(metrics), read_laws(laws)
    style.save(curves.draw(spec, measured, theory), pdf, png)
    write_text(caption, curves.caption(spec, measured, theory))


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
