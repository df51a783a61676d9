"""Draw the perplexities of every generation's blocks."""

from typing import Any

from recurate.figures import perplexities
from recurate.figures.parts import style
from recurate.figures.parts.series import over_batches
from recurate.files.arrays import read_arrays
from recurate.files.writing import write_text
from recurate.foundation.lazy import np

SPACE = "block_perplexity"


def main(features: list[str], pdf: str, png: str, caption: str, spec: dict[str, Any]) -> None:
    """Write the figure and its caption.

    `features` are those of a batch of seeds after the other, each with all arms in order and their generations 0..T.
    """
    pooled = [
        [np.concatenate([read_arrays(path, [SPACE])[SPACE].ravel() for path in batches]) for batches in arm]
        for arm in over_batches(features, len(spec["arms"]), spec["generations"])
    ]
    style.save(perplexities.draw(spec["arms"], pooled), pdf, png)
    write_text(caption, perplexities.caption(spec, pooled))


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
