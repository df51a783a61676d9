"""Draw class shares by generation."""

from typing import Any

from recurate.figures import shares
from recurate.figures.parts import style
from recurate.figures.parts.series import read_forecast, read_metrics
from recurate.files.writing import write_text


def main(metrics: str, forecast: str, pdf: str, png: str, caption: str, spec: dict[str, Any]) -> None:
    """Write the figure and its caption."""
    measured, predicted = read_metrics(metrics), read_forecast(forecast)
    style.save(shares.draw(spec["arms"], measured, predicted), pdf, png)
    write_text(caption, shares.caption(spec, measured))


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
