"""Draw the first images of every generation."""

from typing import Any

from recurate.figures import contact_sheet
from recurate.figures.parts import style
from recurate.figures.parts.series import per_arm
from recurate.files.arrays import read_arrays, read_seed
from recurate.files.writing import write_text


def main(samples: list[str], real: list[str], pdf: str, png: str, caption: str, spec: dict[str, Any]) -> None:
    """Write the figure and its caption; `samples` are the arms' in order, each with generations 0..T."""
    in_line = contact_sheet.images_in_line(len(spec["arms"]))
    count = contact_sheet.LINES * in_line
    held_out = [read_arrays(path, ["test_x"])["test_x"][:count] for path in real]
    arms = per_arm(samples, spec["generations"])
    # Copies of the few images shown, so that whole sample sets do not stay in memory.
    shown = contact_sheet.shown_generations(spec["generations"], len(spec["arms"]))
    images = [[read_seed(paths[t], 0, ["x"])["x"][:count].copy() for t in shown] for paths in arms]
    style.save(contact_sheet.draw(spec["arms"], held_out, shown, images), pdf, png)
    write_text(caption, contact_sheet.caption(spec, spec["seeds"][0], in_line, held_out[0].shape[1:]))


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
