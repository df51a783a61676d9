"""Draw what generation 0's encoder makes of later generations."""

from typing import Any

import numpy as np

from recurate import job, store
from recurate.figures import latents, style
from recurate.figures.series import per_arm, read_metrics


def main(features: list[str], metrics: str, pdf: str, png: str, caption: str, spec: dict[str, Any]) -> None:
    """Write the figure and its caption; `features` are the arms' in order, each with generations 0..T."""
    measured = read_metrics(metrics)
    densities = [np.stack([_densities(path) for path in paths]) for paths in per_arm(features, spec["generations"])]
    style.save(latents.draw(spec, densities, measured), pdf, png)
    store.write_text(caption, latents.caption(spec, measured))


def _densities(path: str) -> np.ndarray:
    """Densities (seeds, cells) of one generation."""
    return np.stack([latents.density(found) for found in store.read_arrays(path, ["encoder"])["encoder"]])


if __name__ == "__main__":
    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
