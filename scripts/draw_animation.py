"""Animate densities of two-dimensional samples over generations."""

from typing import Any

from recurate.curation.rewards import Reward
from recurate.figures import animation
from recurate.figures.parts import words as text
from recurate.figures.parts.density import Frame, density, reward_grid
from recurate.figures.parts.series import per_arm
from recurate.files.arrays import read_arrays
from recurate.files.writing import write_text
from recurate.foundation.components import load
from recurate.foundation.lazy import np


def main(samples: list[str], curated: list[str], real: list[str], gif: str, caption: str, spec: dict[str, Any]) -> None:
    """Write the animation and its caption.

    `samples` and `curated` are the arms' in order, each with generations 0..T; `spec["reward"]` are the arms' rewards.
    """
    frame = Frame.around(np.concatenate([read_arrays(path, ["test_x"])["test_x"] for path in sorted(set(real))]))
    names, last = animation.shown_arms(spec["arms"]), spec["generations"]
    arms = zip(spec["arms"].items(), spec["reward"], per_arm(samples, last), per_arm(curated, last), strict=True)
    densities, rewards, values, seeds = [], [], [], 0
    for (name, settings), description, sample_paths, curated_paths in arms:
        if name not in names:
            continue
        reward, supremum = load(Reward, description), settings["supremum"]
        rewards.append((None if reward.needs_judge else reward_grid(reward, frame), supremum))
        x = [read_arrays(path, ["x"])["x"] for path in sample_paths]
        seeds = len(x[0])
        densities.append([density(points.reshape(-1, 2), frame) for points in x])
        measured = [read_arrays(path, ["reward"])["reward"] for path in curated_paths]
        values.append([float(np.exp(r.astype(np.float64) - supremum).mean()) for r in measured])
    titles = [text.arm_title(spec["arms"][name]) for name in names]
    animation.write_gif(gif, animation.frames(titles, densities, rewards, values, frame))
    write_text(caption, animation.caption(spec, names, frame, seeds))


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
