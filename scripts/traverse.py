"""Decode one path through the latents with the models of several generations."""

from recurate.files.arrays import origin_of_file, write_arrays
from recurate.foundation.device import describe, prepare
from recurate.foundation.lazy import np, torch
from recurate.foundation.randomness import numpy_generator
from recurate.foundation.types import Array
from recurate.models import Autoencoder
from recurate.models.parts.fitted import FittedModel
from recurate.sampling.decoder import decoded
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


def closed_path(latent: int, steps: int, anchors: int) -> Array:
    """A closed path (steps, latent) float32 through `anchors` draws from N(0, I), along great circles.

    Straight lines would pass nearer to the origin than a draw of many dimensions ever is.
    """
    points = numpy_generator(0, 0, "sample", 1).standard_normal((anchors, latent))
    places = np.linspace(0, anchors, steps, endpoint=False)
    return np.stack([_between(points[int(p)], points[(int(p) + 1) % anchors], p % 1) for p in places]).astype("float32")


def _between(start: Array, end: Array, share: float) -> Array:
    """Point at `share` of the way along the great circle; the radius changes in proportion."""
    radii = np.linalg.norm(start), np.linalg.norm(end)
    first, second = start / radii[0], end / radii[1]
    angle = np.arccos(np.clip(first @ second, -1, 1))
    direction = (np.sin((1 - share) * angle) * first + np.sin(share * angle) * second) / np.sin(angle)
    return ((1 - share) * radii[0] + share * radii[1]) * direction


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
