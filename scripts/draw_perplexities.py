"""Draw the perplexities of every generation's blocks."""

from typing import Any

from recurate import job, store
from recurate.figures import perplexities, style
from recurate.figures.series import per_arm
from recurate.lazy import np

SPACE = "block_perplexity"


def main(features: list[str], pdf: str, png: str, caption: str, spec: dict[str, Any]) -> None:
    """Write the figure and its caption.

    `features` are those of a batch of seeds after the other, each with all arms in order and their generations 0..T.
    """
    batches = len(features) // (len(spec["arms"]) * (spec["generations"] + 1))
    parts = per_arm(features, len(features) // batches - 1)
    by_arm = [per_arm(part, spec["generations"]) for part in parts]
    pooled = [
        [
            np.concatenate([store.read_arrays(batch[arm][t], [SPACE])[SPACE].ravel() for batch in by_arm])
            for t in range(spec["generations"] + 1)
        ]
        for arm in range(len(spec["arms"]))
    ]
    style.save(perplexities.draw(spec["arms"], pooled), pdf, png)
    store.write_text(caption, perplexities.caption(spec, pooled))


if __name__ == "__main__":
    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
