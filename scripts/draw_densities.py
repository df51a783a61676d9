"""Draw densities of two-dimensional samples over generations, with the limit."""

from typing import Any

from recurate.curation.rewards import Reward
from recurate.figures import densities
from recurate.figures.parts import style
from recurate.figures.parts.density import Frame
from recurate.figures.parts.series import per_arm
from recurate.files.arrays import read_arrays
from recurate.files.writing import write_text
from recurate.foundation.components import load
from recurate.foundation.lazy import np
from recurate.theory.limit import limit_weights


def main(
    samples: list[str], curated: list[str], real: list[str], pdf: str, png: str, caption: str, spec: dict[str, Any]
) -> None:
    """Write the figure and its caption.

    `samples` and `curated` are the arms' in order, each with generations 0..T; `spec["reward"]` are the arms' rewards.
    """
    frame = Frame.around(np.concatenate([read_arrays(path, ["test_x"])["test_x"] for path in sorted(set(real))]))
    last = spec["generations"]
    shown = densities.shown_generations(last)
    rows, outside = [], 0.0
    arms = zip(spec["arms"].values(), spec["reward"], per_arm(samples, last), per_arm(curated, last), strict=True)
    for settings, description, sample_paths, curated_paths in arms:
        x = [read_arrays(sample_paths[generation], ["x"])["x"] for generation in shown]
        rewards = read_arrays(curated_paths[0], ["reward"])["reward"]
        reward = load(Reward, description)
        limit = _limit(rewards, settings)
        rows.append(densities.make_row(settings, x, limit, None if reward.needs_judge else reward, frame))
        seeds, count = x[0].shape[:2]
        outside = max(outside, *(frame.outside(points.reshape(-1, 2)) for points in x))
    style.save(densities.draw(rows, shown, frame), pdf, png)
    write_text(caption, densities.caption(spec, rows, frame, seeds, count, outside))


def _limit(rewards: np.ndarray, settings: dict[str, Any]) -> np.ndarray | None:
    """Weights (seeds, n) under the limit, each seed's own; None where a seed's sample does not tell it."""
    loop = [settings[key] for key in ("supremum", "choices", "real_fraction", "regime")]
    weights = [limit_weights(r, *loop) for r in rewards]
    told = [w for w in weights if w is not None]
    return np.stack(told) if len(told) == len(weights) else None


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
