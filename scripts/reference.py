"""Features of real data and their statistics, once for all generations, seeds and arms of an origin."""

from collections.abc import Sequence

from recurate.curation.judges import FittedJudge
from recurate.files.arrays import origin_of_file, read_arrays, write_arrays
from recurate.foundation.device import describe, prepare
from recurate.foundation.types import Array
from recurate.measuring.metrics.parts.frechet_distance import factor, moments
from recurate.measuring.reference import compared_rows
from recurate.stages.reference import Reads


def main(
    real: str,
    reference: str,
    spec: Reads,
    code: str,
    device: str,
    threads: int,
    judge: str | None,
    fetched: Sequence[str],
) -> None:
    """Write, for each feature space, `space/train` and `space/test` (m, d) float32, `space/mean` and `space/factor`.

    The last two describe, in float64, the Gaussian of the part that metrics compare with. Where there are more images
    than are asked for, a random subset is taken that is always the same. `fetched` are the files of networks that
    spaces need.
    """
    device = prepare(device, threads)
    fitted = FittedJudge.read(spec.judge, judge, device) if spec.judge and judge else None
    whole = read_arrays(real, ["train_x", "test_x"]).values()
    rows = compared_rows(spec.reference, *map(len, whole))
    parts = {part: x[of_part] for part, x, of_part in zip(("train", "test"), whole, rows, strict=True)}
    arrays: dict[str, Array] = {}
    for space in (space.located(fetched) for space in spec.features):
        if space.needs_origin:
            continue  # of each seed its own, so that there is no one reference
        for part, x in parts.items():
            arrays[f"{space.space}/{part}"] = space.extract(x, fitted, device)
        mean, covariance = moments(arrays[f"{space.space}/{spec.reference.split}"])
        arrays |= {f"{space.space}/mean": mean, f"{space.space}/factor": factor(covariance)}
        print(
            f"{space.space}: {len(mean)} features of {' and '.join(str(len(x)) for x in parts.values())} real samples"
        )
    write_arrays(reference, arrays, origin_of_file(spec, code, describe(device)))


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
