"""Decode one path through the latents with the models of several generations."""

from recurate.files.arrays import origin_of_file, write_arrays
from recurate.foundation.device import describe, prepare
from recurate.foundation.lazy import np, torch
from recurate.models import Autoencoder
from recurate.models.parts.fitted import FittedModel
from recurate.sampling.decoder import decoded
from recurate.sampling.parts.latent_path import closed_path
from recurate.stages.traverse import Reads

STEPS, ANCHORS = 10, 3


def main(models: list[str], traversed: str, spec: Reads, code: str, device: str, threads: int) -> None:
    """Write `x` (arms, generations + 1, STEPS, *shape), images of the first seed in data units.

    `models` are those of the arms in order, each with generations 0..T.
    """
    device = prepare(device, threads)
    generations = len(models) // len(spec.models)
    strips = []
    for number, path in enumerate(models):
        fitted = FittedModel.read(spec.models[number // generations], path, device, row=0)
        assert isinstance(fitted.model, Autoencoder)
        latents = torch.from_numpy(closed_path(fitted.model.latent, STEPS, ANCHORS)).to(device)
        images = decoded(fitted.model, fitted.parameters, latents[None], chunk=STEPS)
        strips.append(fitted.encoding.decode(images)[0])
    x = np.stack(strips)
    x = x.reshape(len(spec.models), generations, *x.shape[1:])
    write_arrays(traversed, {"x": x}, origin_of_file(spec, code, describe(device)))


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
