"""The record beside every result."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from test_job import snakemake

from recurate.commands import verify
from recurate.files import records
from recurate.files.arrays import write_arrays
from recurate.files.costs import costs
from recurate.files.fingerprints import file_digest
from recurate.files.provenance import chain
from recurate.files.writing import replacing
from recurate.foundation.errors import RecurateError
from recurate.workflow.job import run

SPEC = {"kept": 3}


def write_samples(path: str | Path, value: float = 0.0) -> None:
    write_arrays(path, {"x": np.full((2, 3), value)}, {"device": "cpu"})


def made(path: Path, value: float = 0.0) -> Path:
    """A sample set with its record."""
    write_samples(path, value)
    records.write([str(path)], records.Work(rule="sample"))
    return path


def test_a_job_writes_a_record_beside_every_output(tmp_path: Path) -> None:
    real = made(tmp_path / "real.safetensors")

    def main(real: str, samples: str, spec: dict[str, int]) -> None:
        write_samples(samples, 1.0)

    samples = tmp_path / "samples.safetensors"
    params = {"spec": json.dumps(SPEC), "code": "abc"}
    groups = {"input": {"real": str(real)}, "output": {"samples": str(samples)}, "params": params}
    run(main, snakemake(tmp_path / "log", wildcards={"seeds": "0-1"}, **groups))
    record = records.read(samples)
    assert record is not None
    assert record.inputs == {str(real): file_digest(real)}
    assert record.sha256 == file_digest(samples)
    assert (record.rule, record.wildcards, record.spec) == ("curate", {"seeds": "0-1"}, SPEC)
    assert record.versions["numpy"] == np.__version__


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 10_000])
def test_an_input_that_is_not_what_was_written_stops_the_job_before_it_runs(tmp_path: Path, content: bytes) -> None:
    real = made(tmp_path / "real.safetensors")
    real.write_bytes(content)

    def main(real: str) -> None:
        raise AssertionError("it was used")

    with pytest.raises(SystemExit, match=r"real\.safetensors does not hold the bytes that sample wrote; make verify"):
        run(main, snakemake(tmp_path / "log", input={"real": str(real)}))


def test_two_exchanged_generations_are_named(tmp_path: Path) -> None:
    first, second = (made(tmp_path / f"gen-00{g}" / "samples.safetensors", g) for g in (0, 1))
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)
    with pytest.raises(RecurateError, match=rf"{first} does not .*, but those of {second}; make verify"):
        records.check([str(first)])


def test_a_damaged_file_that_cannot_be_made_again_stays_and_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made(tmp_path / "samples.safetensors")
    path.write_bytes(b"damaged")
    monkeypatch.setattr(verify.subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=1))
    assert verify.rebuild([path], []) == 1
    assert path.read_bytes() == b"damaged"
    assert list(verify.damaged(tmp_path)) == [path]


@pytest.mark.parametrize(("text", "words"), [("{}", "is no record"), ("{", "cannot be read as JSON")])
def test_a_damaged_record_is_a_sentence_that_names_it(tmp_path: Path, text: str, words: str) -> None:
    path = made(tmp_path / "samples.safetensors")
    records.record_of(path).write_text(text)
    with pytest.raises(RecurateError, match=rf"\.samples\.safetensors\.record: {words}"):
        records.check([str(path)])


def test_a_file_without_a_record_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("a\n")
    assert records.check([str(path)]) == {str(path): file_digest(path)}


def test_a_job_that_fails_leaves_no_record_of_its_last_success(tmp_path: Path) -> None:
    samples = made(tmp_path / "samples.safetensors")

    def main(samples: str) -> None:
        raise RecurateError("no")

    with pytest.raises(SystemExit):
        run(main, snakemake(tmp_path / "log", output={"samples": str(samples)}))
    assert records.read(samples) is None


def test_a_full_disk_is_a_sentence_wherever_it_is_met(tmp_path: Path) -> None:
    def main() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "x.safetensors")

    with pytest.raises(SystemExit, match=r"error: x\.safetensors: No space left on device; free some and run again"):
        run(main, snakemake(tmp_path / "log"))


# The chain


def link(path: Path, content: str, inputs: list[Path], log: str = "results/s/logs/x.log") -> Path:
    """A file with its record."""
    path.write_text(content)
    digests = {str(file): file_digest(file) for file in inputs}
    records.write([str(path)], records.Work(rule=path.stem, inputs=digests, log=log))
    return path


def test_the_chain_says_which_links_no_longer_hold(tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    own.write_text("mine")
    real = link(tmp_path / "real.txt", "1", [own])
    model = link(tmp_path / "model.txt", "2", [real])
    figure = link(tmp_path / "figure.txt", "3", [model, real])

    def states() -> dict[str, str]:
        return {Path(path).stem: found.state for path, found in chain([str(figure)]).items()}

    assert states() == {"figure": "as written", "model": "as written", "real": "as written", "own": "not recorded"}
    own.write_text("changed")
    assert states()["real"] == f"was made from another {own}"
    link(real, "1", [own])  # the same bytes again, from the changed file
    assert set(states().values()) == {"as written", "not recorded"}
    model.write_text("4")
    assert states()["model"] == "does not hold the bytes that model wrote"
    assert states()["figure"] == f"was made from another {model}"
    model.unlink()
    assert states()["model"] == "is gone"


def test_costs_add_up_by_rule(tmp_path: Path) -> None:
    for name, seconds, processor, memory in (("a", "10.0", "20.0", "300.5"), ("b", "5.0", "NA", "-")):
        table = tmp_path / f"benchmarks/{name}.tsv"
        table.parent.mkdir(exist_ok=True)
        table.write_text(f"s\tmax_rss\tcpu_time\n{seconds}\t{memory}\t{processor}\n")
        link(tmp_path / f"{name}.txt", "", [], log=f"{tmp_path}/logs/{name}.log")
    first, second, total = costs(tmp_path)
    assert (first["rule"], first["jobs"], first["longest_s"], first["peak_memory_mb"]) == ("a", 1, 10.0, 300.5)
    assert (second["rule"], second["peak_memory_mb"]) == ("b", 0.0)
    assert (total["rule"], total["jobs"], total["cpu_hours"]) == ("all", 2, 20 / 3600)


def test_costs_leave_out_the_record_that_another_job_is_writing(tmp_path: Path) -> None:
    with replacing(records.record_of(tmp_path / "provenance.json")) as temporary:
        temporary.write_text("{")
        assert records.recorded(tmp_path) == []
        assert costs(tmp_path) == []
