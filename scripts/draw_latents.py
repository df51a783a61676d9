"""Draw what generation 0's encoder makes of later generations."""

from typing import Any

import numpy as np

from recurate.figures import latents
from recurate.figures.parts import style
from recurate.figures.parts.series import over_batches, read_metrics
from recurate.files.arrays import read_arrays
from recurate.files.writing import write_text


def main(features: list[str], metrics: str, pdf: str, png: str, caption: str, spec: dict[str, Any]) -> None:
    """Write the figure and its caption.

    `features` are those of a batch of seeds after the other, each with all arms in order and their generations 0..T.
    """
    measured = read_metrics(metrics)
    densities = [
        np.stack([np.concatenate([_densities(path) for path in batches]) for batches in arm])
        for arm in over_batches(features, len(spec["arms"]), spec["generations"])
    ]
    style.save(latents.draw(spec, densities, measured), pdf, png)
    write_text(caption, latents.caption(spec, measured))


def _densities(path: str) -> np.ndarray:
    """Densities (seeds, cells) of one generation of a batch of seeds."""
    return np.stack([latents.density(found) for found in read_arrays(path, ["encoder"])["encoder"]])


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
