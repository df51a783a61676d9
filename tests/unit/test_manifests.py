"""The list of what a generation was trained on: chained, checked before it is used, and small."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from test_job import snakemake

from recurate.files import manifests, records
from recurate.files.arrays import write_arrays
from recurate.files.fingerprints import file_digest
from recurate.files.provenance import chain
from recurate.foundation.errors import RecurateError
from recurate.workflow.job import run

GENERATIONS = 4


def file_of(folder: Path, generation: int, name: str) -> str:
    """A file of a loop whose generation 0 has its samples elsewhere, as those of an origin."""
    origin = generation == 0 and name == "samples.safetensors"
    return str(folder / ("origins/real" if origin else "arms/all") / f"gen-{generation:03d}" / name)


def made(path: str, value: float) -> str:
    """An array with its record."""
    write_arrays(path, {"x": np.full(3, value)}, {"device": "cpu"})
    records.write([path], records.Work(rule="curate" if "curated" in path else "sample_arm"))
    return path


def accumulated(folder: Path, edited: int | None = None) -> str:
    """A loop's files and lists; gives the list of the last generation. Of one generation the curated set may differ."""
    before = None
    for generation in range(GENERATIONS):
        samples = made(file_of(folder, generation, "samples.safetensors"), generation)
        curated = made(file_of(folder, generation, "curated.safetensors"), -1.0 if generation == edited else generation)
        trained_on = file_of(folder, generation + 1, manifests.NAME)
        manifests.write(trained_on, samples, curated, before)
        used = {path: file_digest(path) for path in (samples, curated, before) if path}
        records.write([trained_on], records.Work(rule="train_arm", inputs=used))
        before = trained_on
    assert before is not None
    return before


def refusal(last: str) -> str:
    """The sentence with which a job stops that would be trained on what the list names."""
    with pytest.raises(RecurateError) as refused:
        records.check([last])
    return str(refused.value)


def test_the_last_list_leads_to_every_generation_in_its_order(tmp_path: Path) -> None:
    last = accumulated(tmp_path)
    names = ("samples.safetensors", "curated.safetensors")
    expected = [tuple(file_of(tmp_path, generation, name) for name in names) for generation in range(GENERATIONS)]
    assert manifests.kept_before(last) == expected
    assert manifests.kept_before(None) == []


def test_every_list_is_as_short_as_the_first_ones(tmp_path: Path) -> None:
    accumulated(tmp_path)
    sizes = [Path(file_of(tmp_path, generation, manifests.NAME)).stat().st_size for generation in (2, 3, 4)]
    assert len(set(sizes)) == 1


@pytest.mark.parametrize("edited", range(GENERATIONS))
def test_another_curated_set_of_one_generation_changes_every_later_list_and_no_earlier_one(
    tmp_path: Path, edited: int
) -> None:
    for folder, change in (("before", None), ("after", edited)):
        accumulated(tmp_path / folder, change)
    digests = [
        [file_digest(file_of(tmp_path / folder, generation + 1, manifests.NAME)) for generation in range(GENERATIONS)]
        for folder in ("before", "after")
    ]
    assert [one == other for one, other in zip(*digests, strict=True)] == [g < edited for g in range(GENERATIONS)]


def test_whole_files_pass_and_only_what_the_job_names_is_an_input_of_its_record(tmp_path: Path) -> None:
    last = accumulated(tmp_path)
    assert records.check([last]) == {last: file_digest(last)}


def test_a_folder_of_results_can_be_moved(tmp_path: Path) -> None:
    accumulated(tmp_path / "here")
    shutil.move(tmp_path / "here", tmp_path / "there")
    last = file_of(tmp_path / "there", GENERATIONS, manifests.NAME)
    records.check([last])
    assert manifests.kept_before(last)[0][0] == file_of(tmp_path / "there", 0, "samples.safetensors")


@pytest.mark.parametrize("generation", range(GENERATIONS - 1))
@pytest.mark.parametrize("name", ["samples.safetensors", "curated.safetensors", manifests.NAME])
def test_a_listed_file_of_any_generation_that_is_gone_or_damaged_stops_the_job(
    tmp_path: Path, generation: int, name: str
) -> None:
    last = accumulated(tmp_path)
    file = Path(file_of(tmp_path, generation + (name == manifests.NAME), name))
    content = file.read_bytes()
    file.write_bytes(content + b" ")
    assert f"{file} does not hold the bytes that " in refusal(last)
    file.unlink()
    lists = file_of(tmp_path, generation + (2 if name == manifests.NAME else 1), manifests.NAME)
    assert refusal(last) == f'{file}, which {lists} lists, is gone; make it again: make study ARGS="-- {file}"'


def test_a_file_of_one_s_own_that_took_an_early_place_unseen_stops_the_job(tmp_path: Path) -> None:
    last = accumulated(tmp_path)
    file = file_of(tmp_path, 1, "curated.safetensors")
    records.record_of(file).unlink()
    records.check([last])
    write_arrays(file, {"x": np.ones(4)}, {})
    assert refusal(last).startswith(
        f"{file} is not the file that {file_of(tmp_path, 2, manifests.NAME)} lists; touch it and run the study again"
    )


def test_what_is_no_list_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / manifests.NAME
    path.write_text(json.dumps({"samples": 3}))
    with pytest.raises(RecurateError, match=rf"{manifests.NAME}: is no list of files \("):
        manifests.read(path)
    path.write_text("{")
    with pytest.raises(RecurateError, match=rf"{manifests.NAME}: cannot be read as JSON"):
        manifests.read(path)


def test_a_job_looks_at_the_listed_files_before_it_runs(tmp_path: Path) -> None:
    last = accumulated(tmp_path)
    Path(file_of(tmp_path, 0, "curated.safetensors")).write_bytes(b"damaged")

    def main(earlier: str) -> None:
        raise AssertionError("it was used")

    with pytest.raises(SystemExit, match=r"gen-000/curated\.safetensors does not hold the bytes that curate wrote"):
        run(main, snakemake(tmp_path / "log", input={"earlier": last}))


def test_the_chain_of_a_model_holds_every_file_that_was_read(tmp_path: Path) -> None:
    last = accumulated(tmp_path)
    model = made(file_of(tmp_path, GENERATIONS + 1, "model.safetensors"), 0.0)
    records.write([model], records.Work(rule="train_arm", inputs=records.check([last])))
    links = chain([model])
    assert links.keys() >= {path for pair in manifests.kept_before(last) for path in pair}
    assert {link.state for link in links.values()} == {"as written"}
    early = file_of(tmp_path, 0, "curated.safetensors")
    made(early, 7.0)
    broken = [path for path, link in chain([model]).items() if link.is_broken]
    assert broken == [file_of(tmp_path, 1, manifests.NAME)]
