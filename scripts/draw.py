"""Draw a figure."""

from recurate.figures import Files
from recurate.files.writing import write_text
from recurate.stages.draw import Reads


def main(
    pictures: list[str],
    caption: str,
    spec: Reads,
    metrics: str | None,
    forecast: str | None,
    laws: str | None,
    rates: str | None,
    traversed: str | None,
    samples: list[str],
    curated: list[str],
    features: list[str],
    real: list[str],
    trajectories: list[str],
) -> None:
    """Write the figure's pictures and its caption; of the files there are those that the figure reads."""
    files = Files(
        metrics=metrics or "",
        forecast=forecast or "",
        laws=laws or "",
        rates=rates or "",
        traversed=traversed or "",
        samples=samples,
        curated=curated,
        features=features,
        real=real,
        trajectories=trajectories,
    )
    drawing = spec.draw(files)
    drawing.save(pictures)
    write_text(caption, drawing.caption)


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
