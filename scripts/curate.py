"""Score a generation's samples and keep what people would keep."""

from typing import Any

from recurate import job, store
from recurate.components import load
from recurate.curation import Curation
from recurate.data import Data
from recurate.device import prepare
from recurate.errors import RecurateError
from recurate.judges import FittedJudge
from recurate.lazy import np
from recurate.randomness import numpy_generator
from recurate.rewards import Reward


def main(
    samples: str,
    curated: str,
    spec: dict[str, Any],
    code: str,
    seeds: list[int],
    generation: int,
    threads: int,
    judge: str | None = None,
) -> None:
    """Write `reward` (seeds, n), `index` (seeds, kept) and, where there are classes, `label` (seeds, n)."""
    x = store.read_arrays(samples, ["x"])["x"]
    fitted = _judge(spec, judge, threads)
    reward, curation = load(Reward, "rewards", spec["reward"]), load(Curation, "curation", spec["curation"])
    rewards = np.stack([reward(x_seed, fitted) for x_seed in x]).astype(np.float32)
    if not np.isfinite(rewards).all():
        raise RecurateError(
            f"reward: {spec['reward']['kind']} gave NaN or infinite values on {samples}; mend the reward"
        )
    if rewards.max() > reward.supremum + 1e-4:
        raise RecurateError(
            f"reward: {spec['reward']['kind']} gave {rewards.max():g}, above its supremum {reward.supremum:g}; mend it"
        )
    index = np.stack(
        [curation.keep(r, numpy_generator(seed, generation, "curate")) for r, seed in zip(rewards, seeds, strict=True)]
    )
    if not index.size:
        raise RecurateError(f"curation: {spec['curation']['kind']} kept no sample of {samples}; loosen it")
    arrays: dict[str, np.ndarray] = {"reward": rewards, "index": index.astype(np.int64)}
    labels = [found for x_seed in x if (found := _labels(spec, x_seed, fitted)) is not None]
    if labels:
        arrays["label"] = np.stack(labels).astype(np.int64)
    store.write_arrays(curated, arrays, store.provenance(spec, code))


def _judge(spec: dict[str, Any], path: str | None, threads: int) -> FittedJudge | None:
    if path is None:
        return None
    prepare("cpu", threads)
    return FittedJudge.read(spec["judge"], path)


def _labels(spec: dict[str, Any], x: np.ndarray, judge: FittedJudge | None) -> np.ndarray | None:
    """Classes (n,) by the judge if there is one, otherwise by the data's own geometry."""
    return load(Data, "data", spec["data"]).classify(x) if judge is None else judge.classify(x)


if __name__ == "__main__":
    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
