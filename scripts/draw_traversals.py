"""Draw a path through the latents, as every generation decodes it."""

from typing import Any

from recurate.figures import traversals
from recurate.figures.contact_sheet import shown_generations
from recurate.figures.parts import style
from recurate.files.arrays import read_arrays
from recurate.files.writing import write_text


def main(traversed: str, pdf: str, png: str, caption: str, spec: dict[str, Any]) -> None:
    """Write the figure and its caption."""
    shown = shown_generations(spec["generations"])
    images = read_arrays(traversed, ["x"])["x"][:, shown]
    style.save(traversals.draw(spec["arms"], shown, images), pdf, png)
    write_text(caption, traversals.caption(spec, shown, images.shape[2]))


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
