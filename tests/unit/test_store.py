"""Files are whole or absent, the same on every writing, and refused with a sentence when they are damaged."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save_file

from recurate.files.arrays import origin_of_file, read_arrays, read_metadata, read_parameters, write_arrays
from recurate.files.fingerprints import file_digest
from recurate.files.tables import METRIC_COLUMNS, read_frame, read_rows, write_rows
from recurate.files.writing import TEMPORARY, read_json, read_sealed, replacing, write_json, write_sealed, write_text
from recurate.foundation.components import Settings
from recurate.foundation.errors import RecurateError
from recurate.training.settings import Training

ARRAYS: dict[str, np.ndarray] = {
    "x": np.arange(12, dtype=np.float32).reshape(2, 3, 2),
    "index": np.arange(6, dtype=np.int64).reshape(2, 3),
    "image": np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1),
    "step": np.array(3.0, dtype=np.float32),
}
ROWS = [{"study": "a", "arm": "b,c", "generation": 1, "seed": 0, "metric": 'm"', "value": repr(0.1 + 0.2)}]

WRITERS: dict[str, Callable[[Path], None]] = {
    "arrays": lambda path: write_arrays(path, {"x": np.arange(50_000.0)}, {}),
    "rows": lambda path: write_rows(path, ["a"], ({"a": number} for number in range(20_000))),
    "json": lambda path: write_json(path, list(range(20_000))),
    "text": lambda path: write_text(path, "x" * 50_000),
}
READERS: dict[str, Callable[[Path], Any]] = {
    "arrays": read_arrays,
    "metadata": read_metadata,
    "parameters": read_parameters,
    "rows": lambda path: read_rows(path, METRIC_COLUMNS),
    "json": read_json,
}


class Pair(Settings):
    """Two settings."""

    b: int
    a: list[int]


def nothing_below(folder: Path) -> bool:
    return not list(folder.iterdir())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "made" / "file.safetensors"
    write_arrays(path, ARRAYS, {"spec_digest": "s", "code_digest": "c"})
    return path


def test_arrays_come_back_with_shape_type_and_values(file: Path) -> None:
    read = read_arrays(file)
    assert read.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert (read[name].dtype, read[name].shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(read[name], array)


def test_views_and_transposes_are_written_by_value(tmp_path: Path) -> None:
    array = np.arange(24.0).reshape(4, 6)
    write_arrays(tmp_path / "a", {"t": array.T, "every_second": array[::2, 1::3]}, {})
    read = read_arrays(tmp_path / "a")
    np.testing.assert_array_equal(read["t"], array.T)
    np.testing.assert_array_equal(read["every_second"], array[::2, 1::3])


def test_only_the_arrays_asked_for_are_read(file: Path) -> None:
    assert list(read_arrays(file, ["index"])) == ["index"]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3"])
def test_what_does_not_say_what_made_it_is_refused(tmp_path: Path, text: str) -> None:
    save_file({"x": np.zeros(2)}, tmp_path / "file", metadata={"recurate": text})
    with pytest.raises(RecurateError, match="file: does not say in JSON what made it"):
        read_metadata(tmp_path / "file")


def test_a_file_is_readable_by_safetensors_alone(file: Path) -> None:
    with safe_open(str(file), framework="pt") as opened:
        assert opened.get_tensor("x").shape == (2, 3, 2)
        assert json.loads(opened.metadata()["recurate"])["code_digest"] == "c"


def test_parameters_are_read_without_losses(tmp_path: Path) -> None:
    arrays = {"parameter/weight_0": np.ones((2, 3)), "loss": np.zeros(4)}
    write_arrays(tmp_path / "model", arrays, {})
    assert list(read_parameters(tmp_path / "model")) == ["weight_0"]


def test_two_writings_are_byte_identical_whatever_the_order_of_keys(tmp_path: Path) -> None:
    metadata = origin_of_file(Pair(b=1, a=[2]), code="c")
    write_arrays(tmp_path / "one", ARRAYS, metadata)
    write_arrays(tmp_path / "two", dict(reversed(ARRAYS.items())), dict(reversed(metadata.items())))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert file_digest(tmp_path / "one") == file_digest(tmp_path / "two")


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    line = (
        "import sys, numpy as np; from recurate.files.arrays import origin_of_file, write_arrays\n"
        "from recurate.training.settings import Training\n"
        "arrays = {name: np.arange(5.0) for name in 'edcba'}\n"
        "write_arrays(sys.argv[1], arrays, origin_of_file(Training(steps=1), 'c'))"
    )
    scripts = Path(__file__).parents[2] / "scripts"
    for name, hash_seed in (("one", "1"), ("two", "2")):
        command = [sys.executable, "-c", line, str(tmp_path / name)]
        subprocess.run(command, cwd=scripts, env={"PYTHONHASHSEED": hash_seed}, check=True)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_provenance_names_settings_code_libraries_and_device() -> None:
    known = origin_of_file(Training(steps=1), code="abc", device="cpu")
    assert set(known) == {"spec_digest", "code_digest", "python", "numpy", "torch", "device"}
    assert known["numpy"] == np.__version__
    assert known["spec_digest"] != origin_of_file(Training(steps=2), code="abc")["spec_digest"]


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=5))
def test_numbers_in_a_table_keep_all_their_digits(numbers: list[float]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        write_rows(path, ["value"], [{"value": repr(number)} for number in numbers])
        assert [float(row["value"]) for row in read_rows(path, ["value"])] == numbers


def test_a_table_comes_back_with_commas_and_quotes(tmp_path: Path) -> None:
    write_rows(tmp_path / "t.csv", METRIC_COLUMNS, ROWS)
    expected = [{key: str(value) for key, value in row.items()} for row in ROWS]
    assert read_rows(tmp_path / "t.csv", METRIC_COLUMNS) == expected
    assert b"\r" not in (tmp_path / "t.csv").read_bytes()


def test_cards_come_back_and_do_not_depend_on_the_order_of_keys(tmp_path: Path) -> None:
    write_json(tmp_path / "one", {"b": [1, None], "a": "é"})
    write_json(tmp_path / "two", {"a": "é", "b": [1, None]})
    assert read_json(tmp_path / "one") == {"b": [1, None], "a": "é"}
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_writing_replaces_an_older_file_and_leaves_no_other(file: Path) -> None:
    write_arrays(file, {"y": np.zeros(1)}, {})
    assert list(read_arrays(file)) == ["y"]
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664), (0o027, 0o640)])
@pytest.mark.parametrize("writer", WRITERS)
def test_who_may_read_a_file_is_for_the_umask_to_say(tmp_path: Path, writer: str, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        WRITERS[writer](tmp_path / "file")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=8,
    ),
    st.data(),
)
def test_a_sealed_card_comes_back_or_is_refused_whatever_byte_changes(content: object, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "card"
        write_sealed(path, {"content": content})
        assert read_sealed(path) == {"content": content}
        whole = path.read_bytes()
        place, bit = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 7))
        path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << bit)]) + whole[place + 1 :])
        try:
            assert read_sealed(path)["content"] == content, "another card"
        except RecurateError as error:
            assert str(error).startswith(f"{path}: ")  # noqa: PT017 - the same card may come back too


def test_a_card_of_a_former_version_has_no_seal_and_is_read(tmp_path: Path) -> None:
    write_json(tmp_path / "card", {"a": 1})
    assert read_sealed(tmp_path / "card") == {"a": 1}


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"a"', "3", "[" * 100_000, "\udcff"])
def test_what_is_no_card_is_refused_with_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "card").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(RecurateError, match=r"card: (is no card|cannot be read as JSON)"):
        read_sealed(tmp_path / "card")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_an_array_that_is_not_finite_is_not_written(tmp_path: Path, bad: float, kind: type) -> None:
    path = tmp_path / "bad.safetensors"
    with pytest.raises(RecurateError, match="'rewards' holds NaN or infinite") as caught:
        write_arrays(path, {"x": np.zeros(2), "rewards": np.array([0, bad], dtype=kind)}, {})
    assert str(path) in str(caught.value)
    assert nothing_below(tmp_path)


@pytest.mark.parametrize("writer", WRITERS)
def test_a_path_below_a_regular_file_cannot_be_written(tmp_path: Path, writer: str) -> None:
    (tmp_path / "regular").write_text("")
    path = tmp_path / "regular" / "file"
    with pytest.raises(RecurateError, match="cannot be written") as caught:
        WRITERS[writer](path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("writer", WRITERS)
def test_a_folder_in_the_place_of_a_file_is_an_error(tmp_path: Path, writer: str) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(RecurateError, match="file: writing failed"):
        WRITERS[writer](tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("writer", WRITERS)
def test_a_full_disk_leaves_the_older_file_and_no_other(tmp_path: Path, writer: str) -> None:
    path = tmp_path / "file"
    path.write_text("older")
    handler, limits = signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))  # stands for the end of the disk
        with pytest.raises(RecurateError, match=r"file: writing failed .* free space"):
            WRITERS[writer](path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("writer", WRITERS)
def test_what_a_killed_writing_leaves_is_known_by_its_name(tmp_path: Path, writer: str) -> None:
    def write() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # the kernel kills who writes beyond the limit
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        WRITERS[writer](tmp_path / "file")

    process = multiprocessing.get_context("fork").Process(target=write)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGXFSZ
    left = list(tmp_path.iterdir())
    assert left
    assert all(path.name.startswith(TEMPORARY) for path in left)


def test_an_interrupted_writing_leaves_nothing_under_the_final_name(tmp_path: Path) -> None:
    def write_half() -> None:
        with replacing(tmp_path / "deep" / "file.pdf") as temporary:
            assert temporary.suffix == ".pdf"
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert nothing_below(tmp_path / "deep")


@pytest.mark.parametrize("reader", READERS)
def test_a_missing_file_is_an_error_with_its_path(tmp_path: Path, reader: str) -> None:
    with pytest.raises(RecurateError, match=str(tmp_path / "absent")):
        READERS[reader](tmp_path / "absent")


@pytest.mark.parametrize("reader", READERS)
def test_a_folder_in_the_place_of_a_file_cannot_be_read(tmp_path: Path, reader: str) -> None:
    with pytest.raises(RecurateError, match=str(tmp_path)):
        READERS[reader](tmp_path)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00binary", b"PK\x03\x04 some archive"])
def test_a_file_of_another_format_is_an_error_with_its_path(tmp_path: Path, reader: str, content: bytes) -> None:
    (tmp_path / "foreign").write_bytes(content)
    with pytest.raises(RecurateError, match=str(tmp_path / "foreign")):
        READERS[reader](tmp_path / "foreign")


@pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_an_error_with_path_and_remedy(file: Path, part: float) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(RecurateError, match=r"truncated or not a safetensors file .* delete the file") as caught:
        read_arrays(file)
    assert str(caught.value).startswith(f"{file}: ")


def test_a_table_cut_off_within_a_row_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    write_rows(path, METRIC_COLUMNS, ROWS)
    path.write_text(path.read_text().rsplit(",", 2)[0])
    with pytest.raises(RecurateError, match="line 2: does not have 6 values"):
        read_rows(path, METRIC_COLUMNS)


def test_a_missing_array_is_named_beside_those_that_are_there(file: Path) -> None:
    with pytest.raises(RecurateError, match=r"no array named 'reward' .* holds image, index, step, x"):
        read_arrays(file, ["x", "reward"])


def test_a_table_with_other_columns_is_an_error(tmp_path: Path) -> None:
    write_rows(tmp_path / "t.csv", ["a", "b"], [])
    with pytest.raises(RecurateError, match="header is not study,arm"):
        read_rows(tmp_path / "t.csv", METRIC_COLUMNS)


def test_a_file_of_somebody_else_has_no_provenance(tmp_path: Path) -> None:
    save_file({"x": np.zeros(1)}, str(tmp_path / "foreign"))
    assert read_metadata(tmp_path / "foreign") == {}


def test_the_digest_of_a_file_is_its_sha256(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")  # the message of the example in FIPS 180-4
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert file_digest(tmp_path / "abc") == expected


def test_a_large_table_is_read_with_all_digits(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=200) * 10.0 ** np.arange(-100, 100)
    rows = [{"name": f"row, {number}", "value": repr(float(value))} for number, value in enumerate(values)]
    write_rows(tmp_path / "t.csv", ("name", "value"), rows)
    found = read_frame(tmp_path / "t.csv", ("name", "value"), {"value": float})
    assert found["value"].tolist() == values.tolist()
    assert found["name"].tolist() == [row["name"] for row in rows]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a,b\nx,1\n", "its header is not name,value"),
        ("name,value\nx\n", "line 2: does not have 2 values"),
        ("name,value\nx,one\n", "line 2: value is 'one'; wanted is a number"),
        ("", "its header is not name,value"),
    ],
)
def test_a_damaged_large_table_is_one_sentence(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(RecurateError, match=reason):
        read_frame(tmp_path / "t.csv", ("name", "value"), {"value": float})
