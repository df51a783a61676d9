"""Draw a generation's sample set from its model, with new latents in every generation."""

from recurate.data.parts.tokenization import first_tokens
from recurate.files.arrays import origin_of_file, read_arrays, read_metadata, read_parameters, write_arrays
from recurate.foundation.device import describe, out_of_memory, prepare
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import torch
from recurate.models.parts.units import Encoding
from recurate.sampling import Request
from recurate.stages.sample import Reads


def main(
    model: str,
    samples: str,
    spec: Reads,
    code: str,
    seeds: list[int],
    device: str,
    threads: int,
    generation: int,
    real: str | None,
) -> None:
    """Write `x` (seeds, samples, *shape) in data units to `samples`, and what the sampler says beside them.

    `real` are the real data, for samplers that begin from them.

    The file's metadata say how often the network was evaluated for a sample, on average over seeds and samples.
    """
    device = prepare(device, threads)
    encoding = Encoding.from_json(read_metadata(model)["encoding"])
    parameters = {name: torch.from_numpy(value).to(device) for name, value in read_parameters(model).items()}
    network, sampler = spec.model, spec.sampler
    request = Request(
        seeds,
        generation,
        spec.samples,
        encoding.shape,
        device,
        label_shares=read_arrays(model, ["label_shares"])["label_shares"] if sampler.uses_label_shares else None,
        real=read_arrays(real, ["train_x"])["train_x"] if real else None,
        first_tokens=first_tokens(real) if real else 0,
    )
    with out_of_memory(f"sampling generation {generation}", f"lower sampler.chunk (now {sampler.chunk})"):
        drawn = sampler.sample(network, parameters, request)
    if not torch.isfinite(drawn.x).all():
        raise RecurateError(
            f"{samples}: sampling gave NaN or infinite values; take more sampler steps or retrain {model}"
        )
    evaluations = f"{drawn.evaluations:g}"
    print(f"evaluations of the network per sample: {evaluations}")
    metadata = {**origin_of_file(spec, code, describe(device)), "function_evaluations": evaluations}
    write_arrays(samples, {"x": encoding.decode(drawn.x), **drawn.others}, metadata)


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
