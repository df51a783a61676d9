"""How near held-out data lie to the training data, once for an origin whose study asks whether samples are copies."""

from collections.abc import Sequence

from threadpoolctl import threadpool_limits

from recurate.curation.judges import FittedJudge
from recurate.files.arrays import origin_of_file, read_arrays, write_arrays
from recurate.foundation.device import describe, prepare
from recurate.foundation.lazy import np
from recurate.foundation.types import Array
from recurate.measuring.metrics import DATA, joined
from recurate.measuring.metrics.parts.neighbours import nearest_squared
from recurate.measuring.reference import compared_rows
from recurate.stages.nearness import Reads


def main(
    real: str,
    reference: str | None,
    nearness: str,
    spec: Reads,
    code: str,
    device: str,
    threads: int,
    judge: str | None,
    fetched: Sequence[str],
) -> None:
    """Write `space/held_out_nearest` (m,) float64, squared distances of held-out data to the nearest training data.

    Training data are all of them. Those whose features `reference` leaves out are `space/rest` (k, d) float32; of the
    data themselves there are none. `fetched` are the files of networks that spaces need.
    """
    device = prepare(device, threads)
    fitted = FittedJudge.read(spec.judge, judge, device) if spec.judge and judge else None
    train_x, test_x = read_arrays(real, ["train_x", "test_x"]).values()
    rows, test_rows = compared_rows(spec.reference, len(train_x), len(test_x))
    rest = np.delete(train_x, rows, axis=0)
    arrays: dict[str, Array] = {}
    for space in (space.located(fetched) for space in spec.features):
        assert reference is not None, "spaces of features have a reference"
        train, test = read_arrays(reference, [f"{space.space}/{part}" for part in ("train", "test")]).values()
        arrays[f"{space.space}/rest"] = space.extract(rest, fitted, device) if len(rest) else train[:0]
        with threadpool_limits(threads):
            nearest = nearest_squared(test, joined(train, arrays[f"{space.space}/rest"]))
        arrays[f"{space.space}/held_out_nearest"] = nearest
    if spec.data_themselves:
        test, train = (x.reshape(len(x), -1) for x in (test_x[test_rows], train_x))
        with threadpool_limits(threads):
            arrays[f"{DATA}/held_out_nearest"] = nearest_squared(test, train)
    write_arrays(nearness, arrays, origin_of_file(spec, code, describe(device)))


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
