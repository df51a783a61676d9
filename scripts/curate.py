"""Score a generation's samples and keep what people would keep."""

from recurate.curation import Curation
from recurate.curation.judges import FittedJudge
from recurate.curation.parts.choice_check import check_operator
from recurate.curation.parts.scoring import judged_classes, scored, scorers, texts
from recurate.files.arrays import origin_of_file, read_arrays, write_arrays
from recurate.foundation.device import describe, prepare
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.foundation.randomness import CURATION, numpy_generator
from recurate.foundation.types import Array
from recurate.stages.curate import Reads


def main(
    samples: str,
    curated: str,
    spec: Reads,
    code: str,
    seeds: list[int],
    generation: int,
    threads: int,
    judge: str | None,
    origin_model: str | None,
    real: str | None,
    device: str,
) -> None:
    """Write `reward` (seeds, n) and `index` (seeds, kept); where there are classes `judged_class` (seeds, n).

    A reward that is a vector is (seeds, n, k). Where people choose among answers to a prompt, there is also `prompt`
    (seeds, n), the numbers of the prompts. Where there is a judge, also `confidence` (seeds, n), the probability that
    it gives to that class. `origin_model` is generation 0's model, for rewards that ask it; `real` are the real data
    with the tokenizer, for rewards that read.
    """
    x = read_arrays(samples, ["x"])["x"]
    device = prepare(device, threads) if judge or origin_model else "cpu"
    fitted = FittedJudge.read(spec.judge, judge, device) if spec.judge and judge else None
    looks = scorers(fitted, spec.model, origin_model, len(seeds), device)
    rewards = scored(spec.reward, texts(x, real) if real else x, looks, samples)
    prompts = read_arrays(samples, ["prompt"]) if spec.curation.by_prompt else {}
    kept = []
    for row, seed in enumerate(seeds):
        generator = numpy_generator(seed, generation, CURATION)
        of_seed = {"prompts": prompts["prompt"][row]} if prompts else {}
        kept.append(spec.curation.keep(rewards[row], generator, **of_seed).kept)
    index = np.stack(kept)
    if spec.curation.is_own and not spec.curation.asks_rewards:
        _check_unseen(spec.curation, index, samples, seeds, generation)
    if generation == 0 and spec.curation.is_own:
        check_operator(spec.curation, rewards[0], prompts["prompt"][0] if prompts else None, seeds[0])
    arrays = {"reward": rewards, "index": index, **judged_classes(spec.data, fitted, x), **prompts}
    write_arrays(curated, arrays, origin_of_file(spec, code, describe(device)))


def _check_unseen(curation: Curation, kept: Array, samples: str, seeds: list[int], generation: int) -> None:
    """Raise RecurateError if others were kept than of equal rewards, by a curation to which these do not matter."""
    if not np.array_equal(kept, curation.kept_unseen(samples, seeds, generation)):
        raise RecurateError(f"curation: {curation.kind}: asks_rewards is False, but keep looks at rewards; mend either")


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
