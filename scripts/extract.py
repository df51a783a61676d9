"""Features of a generation's samples, once for all its metrics."""

from collections.abc import Sequence

from recurate.curation.judges import FittedJudge
from recurate.files.arrays import origin_of_file, read_seed, write_arrays
from recurate.foundation.device import describe, prepare
from recurate.foundation.lazy import np
from recurate.foundation.types import Array
from recurate.models.parts.fitted import FittedModel
from recurate.stages.extract import Reads


def main(
    samples: str,
    features: str,
    spec: Reads,
    code: str,
    seeds: list[int],
    device: str,
    threads: int,
    judge: str | None,
    origin_model: str | None,
    fetched: Sequence[str],
) -> None:
    """Write an array (seeds, n, d) float32 for each feature space, under the space's name.

    `origin_model` is generation 0's model, for spaces that it makes; `fetched` are the files of networks that
    spaces need.
    """
    device = prepare(device, threads)
    spaces = [space.located(fetched).without_prompt(spec.given) for space in spec.features]
    fitted = FittedJudge.read(spec.judge, judge, device) if spec.judge and judge else None
    features_of: dict[str, list[Array]] = {space.space: [] for space in spaces}
    for row, seed in enumerate(seeds):
        x = read_seed(samples, row, ["x"])["x"]
        first = FittedModel.read(spec.model, origin_model, device, row) if spec.model and origin_model else None
        for space in spaces:
            features_of[space.space].append(space.extract(x, first if space.needs_origin else fitted, device))
            print(f"seed {seed}, {space.space}: {features_of[space.space][-1].shape[1]} features of {len(x)} samples")
    arrays = {name: np.stack(parts) for name, parts in features_of.items()}
    write_arrays(features, arrays, origin_of_file(spec, code, describe(device)))


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
