"""Train a generation's model for all seeds of a job: an origin on real data, a later one on curated samples as well."""

from pathlib import Path
from typing import Any

from recurate import job, store
from recurate.components import load
from recurate.device import describe, prepare
from recurate.digest import spec_digest
from recurate.encoding import Encoding
from recurate.lazy import np, torch
from recurate.models import Model
from recurate.objectives import Objective
from recurate.training import Pool, Trainer, Training


def main(
    real: str,
    model: str,
    spec: dict[str, Any],
    code: str,
    seeds: list[int],
    device: str,
    threads: int,
    generation: int = 0,
    samples: str | None = None,
    curated: str | None = None,
    start: str | None = None,
) -> None:
    """Write the trained parameters to `model`.

    `samples` and `curated` are the previous generation's (absent for an origin); `start` is the model whose parameters
    training starts from (absent to start from scratch).
    """
    device = prepare(device, threads)
    real_x = store.read_arrays(real, ["train_x"])["train_x"]
    inputs = [path for path in (real, samples, curated, start) if path]
    key = spec_digest([spec, code, [store.file_digest(path) for path in inputs]])
    trainer = Trainer(
        model=load(Model, "models", spec["model"]),
        objective=load(Objective, "objectives", spec["objective"]),
        settings=Training.model_validate(spec["training"]),
        encoding=Encoding.of(real_x),
        seeds=seeds,
        generation=generation,
        progress=Path(model).parent / ".progress" / f"{key}.safetensors",
        device=device,
    )
    pool = Pool(
        real=torch.from_numpy(real_x).to(device),
        curated=_curated(samples, curated, device),
        real_fraction=spec["real_fraction"],
    )
    parameters, losses = trainer.train(_parameters(start) if start else trainer.initial(), pool)
    arrays = {f"parameter/{name}": value.cpu().numpy() for name, value in parameters.items()}
    metadata = {**store.provenance(spec, code, describe(device)), "encoding": trainer.encoding.to_json()}
    store.write_arrays(model, {**arrays, "loss": losses}, metadata)
    trainer.finish()


def _curated(samples: str | None, curated: str | None, device: str) -> Any:
    """Kept samples (seeds, kept, *shape) of the previous generation."""
    if samples is None or curated is None:
        return None
    x = store.read_arrays(samples, ["x"])["x"]
    index = store.read_arrays(curated, ["index"])["index"]
    return torch.from_numpy(np.stack([x_seed[kept] for x_seed, kept in zip(x, index, strict=True)])).to(device)


def _parameters(path: str) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(value) for name, value in store.read_parameters(path).items()}


if __name__ == "__main__":
    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
