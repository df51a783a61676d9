"""Features of real data and their statistics, once for all generations, seeds and arms of an origin."""

from collections.abc import Sequence

from threadpoolctl import threadpool_limits

from recurate.curation.judges import FittedJudge
from recurate.files.arrays import origin_of_file, read_arrays, write_arrays
from recurate.foundation.device import describe, prepare
from recurate.foundation.lazy import np
from recurate.foundation.randomness import REFERENCE_ROWS, numpy_generator
from recurate.foundation.types import Array
from recurate.measuring.metrics import DATA, joined, rows_at_most
from recurate.measuring.metrics.parts.frechet_distance import factor, moments
from recurate.measuring.metrics.parts.neighbours import nearest_squared
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
    than are asked for, a random subset is taken that is always the same. Of spaces in `spec.against_training`, which
    may be the data themselves, there are also `space/rest`, the features of what `space/train` leaves out, and
    `space/held_out_nearest` (m,) float64, squared distances of `space/test` to the nearest of all training data.
    `fetched` are the files of networks that spaces need.
    """
    device = prepare(device, threads)
    fitted = FittedJudge.read(spec.judge, judge, device) if spec.judge and judge else None
    generator = numpy_generator(0, 0, REFERENCE_ROWS)
    train_x, test_x = read_arrays(real, ["train_x", "test_x"]).values()
    rows, test_rows = (rows_at_most(len(x), spec.reference.samples, generator) for x in (train_x, test_x))
    parts = {"train": train_x[rows], "test": test_x[test_rows]}
    rest = np.delete(train_x, rows, axis=0)
    arrays: dict[str, Array] = {}
    for space in (space.located(fetched) for space in spec.features):
        if space.needs_origin:
            continue  # of each seed its own, so that there is no one reference
        for part, x in parts.items():
            arrays[f"{space.space}/{part}"] = space.extract(x, fitted, device)
        mean, covariance = moments(arrays[f"{space.space}/{spec.reference.split}"])
        arrays |= {f"{space.space}/mean": mean, f"{space.space}/factor": factor(covariance)}
        if space.space in spec.against_training:
            train, test = (arrays[f"{space.space}/{part}"] for part in parts)
            others = space.extract(rest, fitted, device) if len(rest) else train[:0]
            arrays[f"{space.space}/rest"] = others
            with threadpool_limits(threads):
                nearest = nearest_squared(test, joined(train, others))
            arrays[f"{space.space}/held_out_nearest"] = nearest
        print(
            f"{space.space}: {len(mean)} features of {' and '.join(str(len(x)) for x in parts.values())} real samples"
        )
    if DATA in spec.against_training:
        test, train = (x.reshape(len(x), -1) for x in (parts["test"], train_x))
        with threadpool_limits(threads):
            arrays[f"{DATA}/held_out_nearest"] = nearest_squared(test, train)
    write_arrays(reference, arrays, origin_of_file(spec, code, describe(device)))


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
