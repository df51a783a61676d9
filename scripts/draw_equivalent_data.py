"""Draw how many real samples a loop with fresh data is worth."""

from typing import Any

from recurate import job, store
from recurate.figures import equivalent_data, style
from recurate.figures.simulated import read_laws, read_measured


def main(metrics: str, laws: str, pdf: str, png: str, caption: str, spec: dict[str, Any]) -> None:
    """Write the figure and its caption."""
    style.save(equivalent_data.draw(spec, read_measured(metrics), read_laws(laws)), pdf, png)
    store.write_text(caption, equivalent_data.caption(spec))


if __name__ == "__main__":
    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
