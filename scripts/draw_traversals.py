"""Draw a path through the latents, as every generation decodes it."""

from typing import Any

from recurate import job, store
from recurate.figures import style, traversals
from recurate.figures.contact_sheet import shown_generations


def main(traversed: str, pdf: str, png: str, caption: str, spec: dict[str, Any]) -> None:
    """Write the figure and its caption."""
    shown = shown_generations(spec["generations"])
    images = store.read_arrays(traversed, ["x"])["x"][:, shown]
    style.save(traversals.draw(spec["arms"], shown, images), pdf, png)
    store.write_text(caption, traversals.caption(spec, shown, images.shape[2]))


if __name__ == "__main__":
    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
