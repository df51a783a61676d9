"""Draw rewards, diversity and distance by generation, with forecast and bounds."""

from typing import Any

from recurate import job, store
from recurate.figures import style, trajectory
from recurate.figures.series import read_forecast, read_metrics


def main(metrics: str, forecast: str, pdf: str, png: str, caption: str, spec: dict[str, Any]) -> None:
    """Write the figure and its caption."""
    measured, predicted = read_metrics(metrics), read_forecast(forecast)
    style.save(trajectory.draw(spec["arms"], measured, predicted), pdf, png)
    store.write_text(caption, trajectory.caption(spec, measured, predicted))


if __name__ == "__main__":
    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
