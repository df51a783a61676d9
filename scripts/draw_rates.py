"""Draw how fast errors fall, by the share of real data."""

from typing import Any

from recurate import job, store
from recurate.figures import rates as figure
from recurate.figures import style


def main(rates: str, pdf: str, png: str, caption: str, spec: dict[str, Any]) -> None:
    """Write the figure and its caption."""
    rows = store.read_rows(rates, store.RATE_COLUMNS)
    style.save(figure.draw(spec, rows), pdf, png)
    store.write_text(caption, figure.caption(spec, rows))


if __name__ == "__main__":
    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
