"""Train an origin's judge on real data, or read it from a file, and measure it on data it has not seen."""

from recurate.curation.judges import FittedJudge, Judge
from recurate.data import RealData
from recurate.files.arrays import origin_of_file, read_arrays, write_arrays
from recurate.files.fingerprints import file_digest
from recurate.files.writing import write_json
from recurate.foundation.device import describe, out_of_memory, prepare
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.foundation.randomness import JUDGE, torch_generator
from recurate.foundation.types import Array
from recurate.stages.train_judge import Reads


def main(real: str, judge: str, card: str, spec: Reads, code: str, device: str, threads: int) -> None:
    """Write the judge's parameters to `judge` and its held-out accuracy to `card`.

    Raises RecurateError if the parameters are not finite, the judge has other classes than the data, or its accuracy is
    below `minimum_accuracy`.
    """
    device = prepare(device, threads)
    data = RealData.of(read_arrays(real))
    model = spec.judge
    fitted = FittedJudge(model, _parameters(model, data, spec, device), device)
    if (told := fitted.log_probabilities(data.test_x[:1]).shape[1]) != spec.classes:
        raise RecurateError(
            f"judge: {model.kind} tells {told} classes apart, but the data list {spec.classes}; mend evaluate"
        )
    right = fitted.classify(data.test_x) == data.test_y
    print(f"held-out accuracy {right.mean():.4f} on {len(right)} samples")
    if right.mean() < model.minimum_accuracy:
        remedy = "raise epochs" if model.weights is None else f"{model.weights.path} is another judge's"
        raise RecurateError(
            f"judge: held-out accuracy {right.mean():.4f} is below minimum_accuracy {model.minimum_accuracy}; {remedy}"
        )
    write_arrays(judge, fitted.parameters, origin_of_file(spec, code, describe(device)))
    weights = model.weights and {"path": model.weights.path, "sha256": file_digest(model.weights.path)}
    shown = {"judge": model.model_dump(mode="json"), "weights": weights, "test_accuracy": float(right.mean())}
    by_class = {str(y): float(right[data.test_y == y].mean()) for y in np.unique(data.test_y)}
    write_json(card, {**shown, "test_samples": len(right), "test_accuracy_by_class": by_class})


def _parameters(model: Judge, data: RealData, spec: Reads, device: str) -> dict[str, Array]:
    if model.weights is not None:
        return model.read_weights(data.train_x.shape[1:], spec.classes)
    with out_of_memory("training the judge", "lower judge.batch_size"):
        parameters = model.fit(data, spec.classes, torch_generator(0, 0, JUDGE), device)
    if not all(np.isfinite(value).all() for value in parameters.values()):
        raise RecurateError("judge: training diverged to NaN or infinite parameters; lower judge.learning_rate")
    return parameters


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
