"""Decode one path through the latents with the models of several generations."""

from recurate.files.arrays import origin_of_file, write_arrays
from recurate.foundation.device import describe, prepare
from recurate.foundation.lazy import np, torch
from recurate.foundation.types import Array
from recurate.models import Autoencoder
from recurate.models.parts.fitted import FittedModel
from recurate.sampling.decoder import decoded
from recurate.sampling.parts.latent_path import closed_path
from recurate.stages.traverse import Reads

STEPS, ANCHORS = 10, 3


def main(models: list[str], traversed: str, spec: Reads, code: str, device: str, threads: int) -> None:
    """Write images (generations + 1, STEPS, *shape) of the first seed in data units, by arm.

    `models` are those of the arms in order, each with generations 0..T.
    """
    device = prepare(device, threads)
    generations = len(models) // len(spec.models)
    strips = {}
    for place, (arm, model) in enumerate(spec.models.items()):
        of_arm = models[place * generations : (place + 1) * generations]
        strips[arm] = np.stack([_strip(FittedModel.read(model, path, device, row=0)) for path in of_arm])
    write_arrays(traversed, strips, origin_of_file(spec, code, describe(device)))


def _strip(fitted: FittedModel) -> Array:
    """The path, decoded, (STEPS, *shape)."""
    assert isinstance(fitted.model, Autoencoder)
    latents = torch.from_numpy(closed_path(fitted.model.latent, STEPS, ANCHORS)).to(fitted.device)
    images = decoded(fitted.model, fitted.parameters, latents[None], chunk=STEPS)
    return fitted.encoding.decode(images)[0]


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
