"""Train a generation's model for all seeds of a job: an origin on real data, a later one on curated samples as well."""

import json
from collections.abc import Sequence
from pathlib import Path

from recurate.files.arrays import origin_of_file, read_arrays, read_metadata, write_arrays
from recurate.files.fingerprints import file_digest, spec_digest
from recurate.foundation.device import describe, prepare
from recurate.foundation.lazy import np, torch
from recurate.models import NoiseModel
from recurate.models.parts.fitted import FittedModel
from recurate.models.parts.units import Encoding
from recurate.stages.train import Reads
from recurate.training.state import State
from recurate.training.trainer import Trainer
from recurate.training.training_set import Pool, kept_samples, real_rows


def main(
    real: str,
    model: str,
    spec: Reads,
    code: str,
    seeds: list[int],
    generation: int,
    device: str,
    threads: int,
    save_every: float,
    samples: Sequence[str],
    curated: Sequence[str],
    source: str | None,
    start: str | None,
) -> None:
    """Write the trained parameters to `model`, with all of the training's state if its settings say so.

    `samples` and `curated` are those of the generations that are trained on (none for an origin); or `source` is the
    model that synthetic samples are drawn from, for every batch anew, with `spec.sampler`. `start` is the model
    whose parameters training starts from (None to start from scratch), with what `spec.carry_over` names; for an origin
    it is a checkpoint from elsewhere, which without `spec.training` is the model.
    """
    device = prepare(device, threads)
    real_x = read_arrays(real, ["train_x"])["train_x"]
    rows, encoding = real_rows(spec.mixing, generation, len(real_x), spec.real_samples), Encoding.of(real_x)
    given = spec.checkpoint
    foreign = given.stacked(spec.model.shapes(encoding.shape), len(seeds)) if given else None
    metadata = {
        **origin_of_file(spec, code, describe(device)),
        "encoding": encoding.to_json(),
        "generation": str(generation),
        "training": json.dumps(_told(spec, start), sort_keys=True),
    }
    if spec.training is None:
        assert foreign is not None, "a study without training gives a checkpoint"
        write_arrays(model, {f"parameter/{name}": value.numpy() for name, value in foreign.items()}, metadata)
        return
    inputs = [path for path in (real, *samples, *curated, source, start) if path]
    key = spec_digest([spec.model_dump(mode="json"), code, [file_digest(path) for path in inputs]])
    trainer = Trainer(
        model=spec.model,
        objective=spec.objective,
        settings=spec.training,
        encoding=encoding,
        seeds=seeds,
        generation=generation,
        progress=Path(model).parent / ".progress" / f"{key}.safetensors",
        device=device,
        save_every=save_every,
    )
    labelled = spec.objective.uses_labels
    pool = Pool(
        real=torch.from_numpy(real_x[rows]).to(device),
        curated=kept_samples("x", samples, curated, device),
        real_fraction=spec.mixing.shares(generation).real,
        real_label=torch.from_numpy(read_arrays(real, ["train_y"])["train_y"]).to(device)[rows] if labelled else None,
        curated_label=kept_samples("label", samples, curated, device) if labelled else None,
        afresh=spec.sampler.afresh(FittedModel.read(spec.model, source, device), seeds, generation)
        if spec.sampler and source
        else None,
    )
    begin = State(foreign, trainer.settings, device) if foreign else trainer.start(start, spec.carry_over)
    state, losses = trainer.train(begin, pool)
    arrays = {**state.arrays(trainer.settings.keep_state), "loss": losses}
    if isinstance(spec.model, NoiseModel) and spec.model.classes:
        shares = pool.label_shares(spec.model.classes)
        arrays["label_shares"] = np.broadcast_to(shares, (len(seeds), spec.model.classes)).copy()
    write_arrays(model, arrays, metadata)
    trainer.finish()


def _began_at(start: str | None, spec: Reads) -> str:
    """What training started from, in words."""
    if start is None:
        return "scratch"
    if spec.checkpoint is not None:
        return f"checkpoint with SHA-256 {file_digest(start)}"
    return f"generation {read_metadata(start)['generation']}"


def _told(spec: Reads, start: str | None) -> dict[str, object]:
    """Settings of the training as a model file has them, if there was any, and what it started from."""
    settings = {} if spec.training is None else {**spec.training.model_dump(mode="json"), "carry_over": spec.carry_over}
    return {**settings, "start": _began_at(start, spec)}


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
