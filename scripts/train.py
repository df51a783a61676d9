"""Train a generation's model for all seeds of a job: an origin on real data, a later one on curated samples as well."""

from recurate.files import manifests
from recurate.files.arrays import origin_of_file, read_arrays, write_arrays
from recurate.files.fingerprints import file_digest, spec_digest
from recurate.files.paths import progress_of
from recurate.foundation.device import describe, prepare
from recurate.foundation.lazy import np, torch
from recurate.foundation.types import Array
from recurate.models import NoiseModel
from recurate.models.parts.units import Encoding
from recurate.stages.train import Reads
from recurate.training.described import described
from recurate.training.state import State
from recurate.training.trainer import Trainer
from recurate.training.training_set import TrainingSet, real_rows


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
    samples: str | None,
    curated: str | None,
    earlier: str | None,
    source: str | None,
    start: str | None,
    trained_on: str | None,
) -> None:
    """Write the trained parameters to `model`, with all of the training's state if its settings say so.

    `samples` and `curated` are those of the last generation (none for an origin), and `earlier` lists those of all
    before it, where they are trained on too; `trained_on` becomes the same list for the next generation. Where no
    reward decides what is kept, `spec.curation` stands for `curated`. Or `source` is the model that synthetic samples
    are drawn from, for every batch anew, with `spec.sampler`. `start` is the model whose parameters training starts
    from (None to start from scratch), with what `spec.carry_over` names; for an origin it is a checkpoint from
    elsewhere, which without `spec.training` is the model.
    """
    device = prepare(device, threads)
    real_x = read_arrays(real, ["train_x"])["train_x"]
    encoding, rows = Encoding.of(real_x), real_rows(spec.mixing, generation, len(real_x), spec.real_samples)
    metadata = {
        **origin_of_file(spec, code, describe(device)),
        **described(spec.training, spec.carry_over, start, spec.checkpoint is not None),
        "encoding": encoding.to_json(),
        "generation": str(generation),
    }
    shapes = spec.model.shapes(encoding.shape)
    if spec.training is None:
        write_arrays(model, _as_it_is(spec, shapes, encoding, len(seeds)), metadata)
        return
    foreign = spec.checkpoint.stacked(shapes, len(seeds)) if spec.checkpoint else None
    afresh = spec.sampler and source and spec.sampler.afresh(spec.model, source, seeds, generation, device)
    mix = spec.mixing.shares(generation)
    labelled = spec.objective.uses_labels
    files = manifests.kept_before(earlier) + ([(samples, curated)] if samples else [])
    kept = [
        (x, read_arrays(choice, ["index"])["index"] if choice else _unseen(spec, x, seeds, number))
        for number, (x, choice) in enumerate(files, generation - len(files))
    ]
    training_set = TrainingSet.read(real, kept, rows, mix.real, labelled, afresh or None, device)
    inputs = [path for path in (real, samples, curated, earlier, source, start) if path]
    key = spec_digest([spec.model_dump(mode="json"), code, [file_digest(path) for path in inputs]])
    progress = progress_of(model, key)
    trainer = Trainer(
        spec.model, spec.objective, spec.training, encoding, seeds, generation, progress, device, save_every
    )
    begin = State(foreign, trainer.settings, device) if foreign else trainer.start(start, spec.carry_over)
    state, losses = trainer.train(begin, training_set)
    arrays = {**state.arrays(spec.training.keep_state), "loss": losses}
    if isinstance(spec.model, NoiseModel) and spec.model.classes:
        arrays["label_shares"] = training_set.label_shares(spec.model.classes, len(seeds))
    write_arrays(model, arrays, metadata)
    if trained_on:
        manifests.write(trained_on, samples, curated, earlier)
    trainer.finish()


def _as_it_is(spec: Reads, shapes: dict[str, tuple[int, ...]], encoding: Encoding, seeds: int) -> dict[str, Array]:
    """A checkpoint from elsewhere, or else the pretrained parameters, the same for all seeds."""
    if spec.checkpoint is not None:
        return spec.checkpoint.state(shapes, seeds)
    assert spec.model.is_pretrained, "a study without training gives a checkpoint or a pretrained model"
    alone = spec.model.initial(encoding.shape, torch.Generator())
    return {f"parameter/{name}": np.stack([value.numpy()] * seeds) for name, value in alone.items()}


def _unseen(spec: Reads, samples: str, seeds: list[int], generation: int) -> Array:
    assert spec.curation is not None, "a curated set says what was kept, or curation itself"
    return spec.curation.kept_unseen(samples, seeds, generation)


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
