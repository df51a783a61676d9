"""What records say in the place of Snakemake's memory, and that Snakemake asks it where it is put."""

from __future__ import annotations

import dataclasses
import inspect
import json
import os
from pathlib import Path
from typing import Any

import pytest
import snakemake.cli  # noqa: F401 first, for its modules import each other
from snakemake.dag import DAG
from snakemake.persistence import RECORD_FORMAT_VERSION, MetadataRecord, ParamsChange, PersistenceBase

from recurate.files import records
from recurate.files.fingerprints import file_digest
from recurate.workflow import memory

SPEC = {"b": 1.0, "a": [float("inf"), None, "ä"]}


def test_snakemake_still_asks_where_records_answer() -> None:
    assert "self.metadata(path)" in inspect.getsource(PersistenceBase.has_metadata)
    for asked in (PersistenceBase.params, PersistenceBase.input, PersistenceBase.record_format_version):
        assert "self.metadata(path)" in inspect.getsource(asked)
    assert "self.metadata(output_path)" in inspect.getsource(PersistenceBase.input_checksums)
    assert "self._input_changed" in inspect.getsource(PersistenceBase.input_changed)
    assert "self._write_record(key, record)" in inspect.getsource(PersistenceBase.finished)
    assert list(inspect.signature(DAG.update_needrun).parameters) == ["self", "create_inventory"]
    assert "self.max_checksum_file_size" in inspect.getsource(DAG.update_needrun)
    assert "self.update_needrun(create_inventory=True)" in inspect.getsource(DAG.init)
    assert [field.name for field in dataclasses.fields(ParamsChange)] == ["only_old", "only_new", "files"]
    assert RECORD_FORMAT_VERSION == 6


def test_a_snakefile_that_is_taken_in_twice_asks_records_once() -> None:
    class Persistence(PersistenceBase):
        metadata, _input_changed = PersistenceBase.metadata, PersistenceBase._input_changed

    memory.recall(Persistence)
    first = Persistence.metadata
    memory.recall(Persistence)
    assert Persistence.metadata is first is not PersistenceBase.metadata


def made(folder: Path, **said: Any) -> str:
    """A file with its record, made from another."""
    before, path = folder / "real.csv", folder / "table.csv"
    before.write_text("1")
    path.write_text("2")
    work = {"rule": "measure", "spec": SPEC, "code_digest": "0" * 16, "params": {"columns": ["x"]}, **said}
    records.write([str(path)], records.Work(inputs={str(before): file_digest(before)}, **work))
    return str(path)


@pytest.mark.parametrize("error", [UnicodeDecodeError("utf-8", b"\xff", 0, 1, "odd"), json.JSONDecodeError("x", "", 0)])
def test_where_snakemake_s_own_memory_is_damaged_the_record_answers(tmp_path: Path, error: ValueError) -> None:
    class Persistence(PersistenceBase):
        _input_changed = PersistenceBase._input_changed

        def metadata(self, path: str) -> MetadataRecord | None:
            raise error

    memory.recall(Persistence)
    told = Persistence.metadata(None, made(tmp_path))  # type: ignore[arg-type]
    assert told is not None and told.rule == "measure"


def of_this_file(path: str, **changes: Any) -> MetadataRecord:
    return MetadataRecord(rule="of this file", endtime=os.stat(path).st_mtime, **changes)


def test_a_record_says_what_snakemake_would_remember(tmp_path: Path) -> None:
    told = memory.by_record(made(tmp_path), None)
    assert told is not None
    # As Snakemake writes params down, keys of settings in their order.
    assert told.params == sorted(map(repr, [json.dumps(SPEC), "0" * 16, ["x"]]))
    real = str(tmp_path / "real.csv")
    assert told.input == [real]
    assert told.input_checksums == {real: f"sha256:{file_digest(real)}"}
    assert (told.rule, told.record_format_version) == ("measure", RECORD_FORMAT_VERSION)


def test_snakemake_s_own_memory_is_believed_of_the_file_that_it_is_of(tmp_path: Path) -> None:
    path = made(tmp_path)
    own = of_this_file(path)
    assert memory.by_record(path, own) is own
    assert not memory.is_recalled(path)
    os.utime(path, (1e9, 1e9))  # another file
    told = memory.by_record(path, own)
    assert told is not None and told.rule == "measure"


def test_a_file_without_a_record_is_as_snakemake_remembers_it(tmp_path: Path) -> None:
    path = made(tmp_path)
    own = of_this_file(path)
    records.record_of(path).unlink()
    os.utime(path, (1e9, 1e9))
    assert memory.by_record(path, own) is own
    assert memory.by_record(path, None) is None
    assert memory.by_record(str(tmp_path / "nowhere"), own) is own


@pytest.mark.parametrize("content", [b"", b"{", b"null", b"[]", b"{}", b"\xff\xfe"])
def test_a_damaged_record_agrees_with_nothing(tmp_path: Path, content: bytes) -> None:
    path = made(tmp_path)
    records.record_of(path).write_bytes(content)
    told = memory.by_record(path, None)
    assert told is not None
    assert (told.params, told.input) == ([], [])


def test_inputs_with_other_bytes_are_named_whatever_their_dates(tmp_path: Path) -> None:
    path = made(tmp_path)
    memory.by_record(path, None)
    assert memory.exchanged(path) == []
    memory._digest.cache_clear()  # as in another process
    real = tmp_path / "real.csv"
    real.write_text("3")
    os.utime(real, (1e9, 1e9))
    assert memory.exchanged(path) == [str(real)]
    memory._digest.cache_clear()
    real.unlink()
    assert memory.exchanged(path) == []  # Snakemake itself misses it


def test_of_an_input_with_a_record_the_record_is_asked(tmp_path: Path) -> None:
    path = made(tmp_path)
    memory.by_record(path, None)
    records.write([str(tmp_path / "real.csv")], records.Work(rule="real_data"))
    (tmp_path / "real.csv").write_text("damaged")  # the job that reads it says so
    memory._digest.cache_clear()
    assert memory.exchanged(path) == []


def test_what_was_told_is_written_down_and_times_follow_from_each_other(tmp_path: Path) -> None:
    path = made(tmp_path)
    os.utime(path, (1e9, 1e9))
    written: dict[str, MetadataRecord] = {}

    class Persistence:
        def metadata(self, target: str) -> MetadataRecord | None:
            return memory.by_record(target, written.get(target))

        def _write_record(self, key: str, record: MetadataRecord) -> None:
            written[key] = record

    persistence: Any = Persistence()
    assert persistence.metadata(path) is not None
    memory.remember(persistence, [str(tmp_path / "real.csv")], [path])
    assert os.stat(path).st_mtime_ns == os.stat(tmp_path / "real.csv").st_mtime_ns
    records.record_of(path).unlink()
    assert persistence.metadata(path) is written[path]
