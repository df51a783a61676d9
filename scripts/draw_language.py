"""Draw how a language model and its texts change by generation."""

from typing import Any

from recurate.figures import language
from recurate.figures.parts import style
from recurate.figures.parts.series import read_metrics
from recurate.files.writing import write_text


def main(metrics: str, pdf: str, png: str, caption: str, spec: dict[str, Any]) -> None:
    """Write the figure and its caption."""
    measured = read_metrics(metrics)
    style.save(language.draw(spec["arms"], measured), pdf, png)
    write_text(caption, language.caption(spec, measured))


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
