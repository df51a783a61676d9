"""Draw quality and diversity of the samples by generation."""

from typing import Any

from recurate import job, store
from recurate.figures import quality, style
from recurate.figures.series import read_metrics


def main(metrics: str, pdf: str, png: str, caption: str, spec: dict[str, Any]) -> None:
    """Write the figure and its caption."""
    measured = read_metrics(metrics)
    style.save(quality.draw(spec["arms"], measured), pdf, png)
    store.write_text(caption, quality.caption(spec, measured))


if __name__ == "__main__":
    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
