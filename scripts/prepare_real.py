"""Draw or read an origin's real data."""

from dataclasses import asdict
from typing import Any

from recurate import job, store
from recurate.components import load
from recurate.data import Data
from recurate.randomness import numpy_generator


def main(real: str, card: str, spec: dict[str, Any], code: str) -> None:
    """Write the arrays train_x, train_y, test_x, test_y to `real`, and their description to `card`."""
    source = load(Data, "data", spec["data"])
    arrays = asdict(source.load(numpy_generator(spec["data_seed"], 0, "data")))
    store.write_arrays(real, arrays, store.provenance(spec, code))
    shapes = {name: list(array.shape) for name, array in arrays.items()}
    store.write_json(card, {"data": spec["data"], "arrays": shapes, "sha256": store.file_digest(real)})


if __name__ == "__main__":
    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
