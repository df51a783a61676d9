"""Draw, read or fetch real data, those of an origin or those that all studies share."""

from recurate.data import DerivedData, PublishedData, RealData
from recurate.data.parts.held_to_description import held_to_description
from recurate.files.arrays import origin_of_file, read_arrays, write_arrays
from recurate.files.fingerprints import file_digest
from recurate.files.writing import write_json
from recurate.foundation.randomness import REAL_DATA, numpy_generator
from recurate.stages.prepare_real import Reads


def main(
    real: str,
    card: str,
    spec: Reads,
    code: str,
    data_folders: dict[str, str],
    raw: str | None,
) -> None:
    """Write the arrays train_x, train_y, test_x, test_y to `real`, and what is to be known of them to `card`.

    `data_folders` names, by kind, folders that hold published data sets; only those look there. `raw` is the shared
    data set that data are made from.
    """
    data = spec.data
    if isinstance(data, PublishedData):
        data_set, source = data.fetch(data_folders.get(data.kind))
    else:
        generator = numpy_generator(0, 0, REAL_DATA)
        shared = RealData.of(read_arrays(raw)) if raw else None
        data_set = data.derive(shared, generator) if isinstance(data, DerivedData) else data.load(generator)
        source = data.source
    data_set = held_to_description(data_set, data)
    arrays = data_set.arrays()
    write_arrays(real, arrays, {**origin_of_file(spec, code), **data_set.notes})
    facts = {
        "data": data.model_dump(mode="json"),
        "source": source,
        "licence": data.licence,
        "train": len(data_set.train_x),
        "test": len(data_set.test_x),
        "shape": data.description.shape,
        "classes": data.description.classes,
        "class_names": data.description.class_names,
        "arrays": {name: list(array.shape) for name, array in arrays.items()},
        "array_sha256": data_set.checksums(),
        "sha256": file_digest(real),
        **data_set.facts,
    }
    write_json(card, facts)


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
