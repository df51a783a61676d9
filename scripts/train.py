"""Train a generation's model for all seeds of a job: an origin on real data, a later one on curated samples as well."""

import json
from collections.abc import Sequence
from pathlib import Path

from recurate.files.arrays import origin_of_file, read_arrays, read_metadata, write_arrays
from recurate.files.fingerprints import file_digest, spec_digest
from recurate.foundation.device import describe, prepare
from recurate.foundation.lazy import np, torch
from recurate.models import NoiseModel
from recurate.models.parts.checkpoint import matched
from recurate.models.parts.fitted import FittedModel
from recurate.models.parts.units import Encoding
from recurate.stages.train import Reads
from recurate.training.state import State
from recurate.training.trainer import Trainer
from recurate.training.training_set import Pool, real_rows


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
    network, mixing, encoding = spec.model, spec.mixing, Encoding.of(real_x)
    rows = real_rows(mixing, generation, len(real_x), spec.real_samples)
    foreign = _foreign(spec, encoding, len(seeds))
    metadata = {
        **origin_of_file(spec, code, describe(device)),
        "encoding": encoding.to_json(),
        "generation": str(generation),
    }
    if spec.training is None:
        assert foreign is not None, "a study without training gives a checkpoint"
        arrays = {f"parameter/{name}": value.numpy() for name, value in foreign.items()}
        write_arrays(model, arrays, {**metadata, "training": json.dumps({"start": _began_at(start, spec)})})
        return
    inputs = [path for path in (real, *samples, *curated, source, start) if path]
    key = spec_digest([spec.model_dump(mode="json"), code, [file_digest(path) for path in inputs]])
    objective = spec.objective
    trainer = Trainer(
        model=network,
        objective=objective,
        settings=spec.training,
        encoding=encoding,
        seeds=seeds,
        generation=generation,
        progress=Path(model).parent / ".progress" / f"{key}.safetensors",
        device=device,
        save_every=save_every,
    )
    pool = Pool(
        real=torch.from_numpy(real_x[rows]).to(device),
        curated=_curated("x", samples, curated, device),
        real_fraction=mixing.shares(generation).real,
        real_label=_real("train_y", real, device)[rows] if objective.uses_labels else None,
        curated_label=_curated("label", samples, curated, device) if objective.uses_labels else None,
        afresh=spec.sampler.afresh(FittedModel.read(network, source, device), seeds, generation)
        if spec.sampler and source
        else None,
    )
    begin = State(foreign, trainer.settings, device) if foreign else trainer.start(start, spec.carry_over)
    state, losses = trainer.train(begin, pool)
    metadata["training"] = json.dumps(_told(spec, start), sort_keys=True)
    arrays = {**state.arrays(trainer.settings.keep_state), "loss": losses}
    if isinstance(network, NoiseModel) and network.classes:
        shares = pool.label_shares(network.classes)
        arrays["label_shares"] = np.broadcast_to(shares, (len(seeds), network.classes)).copy()
    write_arrays(model, arrays, metadata)
    trainer.finish()


def _foreign(spec: Reads, encoding: Encoding, seeds: int) -> dict[str, torch.Tensor] | None:
    """Parameters of the origin's checkpoint, the same for every seed, or None where there is none."""
    if spec.checkpoint is None:
        return None
    known = matched(spec.checkpoint.read(), spec.model.shapes(encoding.shape), spec.checkpoint.path)
    return {name: torch.from_numpy(np.stack([value] * seeds)) for name, value in known.items()}


def _began_at(start: str | None, spec: Reads) -> str:
    """What training started from, in words."""
    if start is None:
        return "scratch"
    if spec.checkpoint is not None:
        return f"checkpoint with SHA-256 {file_digest(start)}"
    return f"generation {read_metadata(start)['generation']}"


def _told(spec: Reads, start: str | None) -> dict[str, object]:
    """Settings of the training as a model file has them, and what it started from."""
    assert spec.training is not None
    settings = spec.training.model_dump(mode="json")
    return {**settings, "carry_over": spec.carry_over, "start": _began_at(start, spec)}


def _real(name: str, real: str, device: str) -> torch.Tensor:
    """The array `name` of the real data."""
    return torch.from_numpy(read_arrays(real, [name])[name]).to(device)


def _curated(name: str, samples: Sequence[str], curated: Sequence[str], device: str) -> torch.Tensor | None:
    """The array `name` of the kept samples, (seeds, kept, ..), of all generations that are trained on; None if none.

    These generations have equal weights.
    """
    parts = []
    for samples_path, curated_path in zip(samples, curated, strict=True):
        values = read_arrays(samples_path, [name])[name]
        index = read_arrays(curated_path, ["index"])["index"]
        parts.append(np.stack([of_seed[kept] for of_seed, kept in zip(values, index, strict=True)]))
    return torch.from_numpy(np.concatenate(parts, axis=1)).to(device) if parts else None


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
