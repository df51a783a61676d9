"""Train an origin's judge on real data and measure it on data it has not seen."""

from typing import Any

from recurate import job, store
from recurate.components import load
from recurate.data import RealData
from recurate.device import prepare
from recurate.errors import RecurateError
from recurate.judges import FittedJudge, Judge
from recurate.randomness import torch_generator


def main(real: str, judge: str, card: str, spec: dict[str, Any], code: str, threads: int) -> None:
    """Write the judge's parameters to `judge` and its held-out accuracy to `card`.

    Raises RecurateError if the accuracy is below `minimum_accuracy`.
    """
    prepare("cpu", threads)
    data = RealData(**store.read_arrays(real))
    model = load(Judge, "judges", spec["judge"])
    fitted = FittedJudge(model, model.fit(data, spec["classes"], torch_generator(spec["data_seed"], 0, "judge")))
    accuracy = float((fitted.classify(data.test_x) == data.test_y).mean())
    print(f"held-out accuracy {accuracy:.4f} on {len(data.test_y)} samples")
    if accuracy < model.minimum_accuracy:
        raise RecurateError(
            f"judge: held-out accuracy {accuracy:.4f} is below minimum_accuracy {model.minimum_accuracy}; raise epochs"
        )
    store.write_arrays(judge, fitted.parameters, store.provenance(spec, code))
    store.write_json(card, {"judge": spec["judge"], "test_accuracy": accuracy, "test_samples": len(data.test_y)})


if __name__ == "__main__":
    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
