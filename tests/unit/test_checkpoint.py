"""Parameters trained elsewhere are read as they are, or refused with a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from recurate.files.fingerprints import file_digest
from recurate.foundation.errors import RecurateError
from recurate.models.parts.checkpoint import Checkpoint, matched

STATE = {"one": torch.arange(6.0).reshape(2, 3), "two": torch.tensor([1.5, -2.0], dtype=torch.float64)}


@pytest.mark.parametrize("zipped", [True, False])
def test_both_of_pytorch_s_formats_give_arrays_by_name_in_single_precision(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "state.pt"
    torch.save({**STATE, "steps": torch.tensor(7)}, path, _use_new_zipfile_serialization=zipped)
    found = Checkpoint(path=str(path)).read()
    assert {name: array.dtype.name for name, array in found.items()} == {
        "one": "float32", "two": "float32", "steps": "int64",
    }  # fmt: skip
    np.testing.assert_array_equal(found["one"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(found["two"], [1.5, -2.0])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_safetensors_file_is_read_whatever_its_precision(tmp_path: Path, dtype: torch.dtype) -> None:
    path = str(tmp_path / "state.safetensors")
    save_file({"one": STATE["one"].to(dtype)}, path)
    found = Checkpoint(path=path).read()["one"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [[0, 1, 2], [3, 4, 5]])


def test_parameters_with_gradients_and_the_names_of_parallel_training_are_plain_in_the_end(tmp_path: Path) -> None:
    network = torch.nn.DataParallel(torch.nn.Linear(3, 2))
    torch.save(dict(network.named_parameters()), path := str(tmp_path / "state.pt"))
    found = Checkpoint(path=path).read()
    assert set(found) == {"weight", "bias"}
    np.testing.assert_array_equal(found["weight"], network.module.weight.detach().numpy())


def test_one_of_several_sets_is_named_by_its_key(tmp_path: Path) -> None:
    torch.save({"ema_model": STATE, "net_model": {}, "step": 3}, path := str(tmp_path / "state.pt"))
    assert set(Checkpoint(path=path, entry="ema_model").read()) == {"one", "two"}
    with pytest.raises(RecurateError, match=r"no entry 'ema' in it \(it holds ema_model, net_model, step\)"):
        Checkpoint(path=path, entry="ema").read()
    with pytest.raises(RecurateError, match=r"not a mapping .* ema_model, net_model, step\); name one with entry"):
        Checkpoint(path=path).read()
    with pytest.raises(RecurateError, match=r"not a mapping .* \(it holds int\)"):
        Checkpoint(path=path, entry="step").read()


def test_a_file_with_another_checksum_is_refused(tmp_path: Path) -> None:
    torch.save(STATE, path := str(tmp_path / "state.pt"))
    right = file_digest(path)
    assert set(Checkpoint(path=path, sha256=right.upper()).read()) == set(STATE)
    with pytest.raises(RecurateError, match=rf"state\.pt: its SHA-256 is {right}, not {'0' * 64} as the study file"):
        Checkpoint(path=path, sha256="0" * 64).read()


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RecurateError, match=r"nothing\.pt: no such checkpoint; put the file there"):
        Checkpoint(path=str(tmp_path / "nothing.pt")).read()


def test_code_in_a_pickle_is_not_run(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(3, 2), path := str(tmp_path / "model.pt"))
    with pytest.raises(RecurateError, match=r"model\.pt: not a file of plain tensors"):
        Checkpoint(path=path).read()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("suffix", ["zip.pt", "old.pt", "one.safetensors"])
def test_a_damaged_file_is_a_sentence_wherever_it_is_damaged(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / suffix
    if suffix.endswith(".pt"):
        torch.save(STATE, path, _use_new_zipfile_serialization=suffix == "zip.pt")
    else:
        save_file(STATE, path)
    whole = path.read_bytes()
    generator = np.random.default_rng(0)
    messages = []
    for _ in range(60):
        damaged = bytearray(whole)
        damaged[generator.integers(len(whole))] = generator.integers(256)
        path.write_bytes(damaged[: generator.integers(len(whole) + 1)])
        try:
            Checkpoint(path=str(path)).read()
        except RecurateError as error:
            messages.append(str(error))
    assert len(messages) >= 50
    assert all(message.startswith(str(path)) for message in messages)


def test_parameters_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    torch.save({"one": torch.tensor([1.0, torch.nan])}, path := str(tmp_path / "state.pt"))
    with pytest.raises(RecurateError, match=r"state\.pt: it holds NaN or infinite parameters"):
        Checkpoint(path=path).read()


def test_a_matching_checkpoint_comes_in_the_network_s_order() -> None:
    state = {"b": np.zeros(2), "a": np.zeros((1, 3))}
    assert list(matched(state, {"a": (1, 3), "b": (2,)}, "f")) == ["a", "b"]


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ({"a": (1, 3)}, r"f\.pt: .* it also has a parameter 'b'"),
        ({"a": (1, 3), "b": (2,), "c": ()}, r"f\.pt: .* it has no parameter 'c'"),
        ({"a": (3, 1), "b": (2,)}, r"f\.pt: .* 'a' has shape \(1, 3\), the study's network wants \(3, 1\)"),
    ],
)
def test_a_checkpoint_of_another_network_is_refused_by_parameter(
    shapes: dict[str, tuple[int, ...]], expected: str
) -> None:
    with pytest.raises(RecurateError, match=expected):
        matched({"a": np.zeros((1, 3)), "b": np.zeros(2)}, shapes, "f.pt")
