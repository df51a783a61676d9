"""Score a generation's samples and keep what people would keep."""

from recurate.curation.judges import FittedJudge
from recurate.curation.rewards import Scorer
from recurate.data.parts.tokenization import Codec
from recurate.files.arrays import origin_of_file, read_arrays, read_metadata, write_arrays
from recurate.foundation.device import describe, prepare
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.foundation.randomness import CURATION, numpy_generator
from recurate.foundation.types import Array
from recurate.models.parts.fitted import FittedModel
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

    Where people choose among answers to a prompt, also `prompt` (seeds, n), the numbers of the prompts.

    Where there is a judge, also `confidence` (seeds, n), the probability that it gives to that class.
    `origin_model` is generation 0's model, for rewards that ask it; `real` are the real data with the tokenizer, for
    rewards that read.
    """
    x = read_arrays(samples, ["x"])["x"]
    device = prepare(device, threads) if judge or origin_model else "cpu"
    fitted = FittedJudge.read(spec.judge, judge, device) if spec.judge and judge else None
    scored = _texts(x, real) if real else x
    rewards = _rewards(spec, scored, _scorers(spec, fitted, origin_model, len(seeds), device), samples)
    curation = spec.curation
    beside = read_arrays(samples, ["prompt"]) if curation.by_prompt else {}
    generators = [numpy_generator(seed, generation, CURATION) for seed in seeds]
    index = np.stack(
        [
            curation.keep(reward, generator, **{f"{name}s": array[row] for name, array in beside.items()}).kept
            for row, (reward, generator) in enumerate(zip(rewards, generators, strict=True))
        ]
    )
    if not index.size:
        raise RecurateError(f"curation: {curation.kind} kept no sample of {samples}; loosen it")
    arrays = {"reward": rewards, "index": index.astype(np.int64), **_classes(spec, x, fitted), **beside}
    write_arrays(curated, arrays, origin_of_file(spec, code, describe(device)))


def _texts(x: Array, real: str) -> Array:
    """Texts (seeds, n) that tokens (seeds, n, block) spell in the tokenizer of the real data."""
    codec = Codec(read_metadata(real)["tokenizer"])
    return np.array([codec.decode(of_seed) for of_seed in x], dtype=object)


def _scorers(spec: Reads, judge: FittedJudge | None, origin_model: str | None, seeds: int, device: str) -> list[Scorer]:
    """What scores the samples of each seed: generation 0's model, of each seed its own, or the one judge."""
    if origin_model is None or spec.model is None:
        return [judge] * seeds
    return [FittedModel.read(spec.model, origin_model, device, row) for row in range(seeds)]


def _rewards(spec: Reads, x: Array, scorers: list[Scorer], samples: str) -> Array:
    """Rewards (seeds, n) float32, finite and at most their supremum."""
    reward, kind = spec.reward, spec.reward.kind
    rewards = np.stack([reward(x_seed, scorer) for x_seed, scorer in zip(x, scorers, strict=True)]).astype(np.float32)
    if not np.isfinite(rewards).all():
        raise RecurateError(f"reward: {kind} gave NaN or infinite values on {samples}; mend the reward")
    if rewards.max() > reward.supremum + 1e-4:
        raise RecurateError(f"reward: {kind} gave {rewards.max():g}, above its supremum {reward.supremum:g}; mend it")
    return rewards


def _classes(spec: Reads, x: Array, judge: FittedJudge | None) -> dict[str, Array]:
    """Classes by the judge, with its confidence, if there is one; otherwise by the data's own geometry."""
    if judge is None:
        data = spec.data
        labels = [label for x_seed in x if (label := data.classify(x_seed)) is not None]
        return {"judged_class": np.stack(labels).astype(np.int64)} if labels else {}
    # A second look at the samples after the reward's: a judge is cheap beside the sampling that made them.
    log_probabilities = np.stack([judge.log_probabilities(x_seed) for x_seed in x])
    confidence = np.exp(log_probabilities.max(axis=-1)).astype(np.float32)
    return {"judged_class": log_probabilities.argmax(axis=-1), "confidence": confidence}


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
