"""Draw fitted mixtures over generations."""

from typing import Any

from recurate.figures import snapshots
from recurate.figures.parts import style
from recurate.files.arrays import read_seed
from recurate.files.writing import write_text

PARAMETERS = ("weights", "means", "covariances")


def main(trajectories: list[str], pdf: str, png: str, caption: str, spec: dict[str, Any]) -> None:
    """Write the figure and its caption."""
    mixtures = {
        arm: [_mixture(path, generation) for generation in spec["snapshots"]]
        for arm, path in zip(spec["arms"], trajectories, strict=True)
    }
    style.save(snapshots.draw(spec, mixtures), pdf, png)
    write_text(caption, snapshots.caption(spec))


def _mixture(path: str, generation: int) -> snapshots.Mixture:
    """A snapshot of the first seed."""
    arrays = read_seed(path, 0, [f"snapshot/{generation}/{name}" for name in PARAMETERS])
    return dict(zip(PARAMETERS, arrays.values(), strict=True))


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
