"""Parameters trained elsewhere are read as they are, or refused with a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import save_file
from study_setup import ABSENT, changed, complaint

from recurate.files.fingerprints import file_digest
from recurate.foundation.errors import RecurateError
from recurate.models.parts.checkpoint import Checkpoint, matched
from recurate.workflow.project import Project

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


NO_CHECKPOINTS: list[tuple[str, bytes, str]] = [
    ("empty.pt", b"", "does not begin like one of PyTorch's"),
    ("text.pt", b"some text", "does not begin like one of PyTorch's"),
    ("page.pth", b"<!doctype html>", "does not begin like"),
    ("pointer.ckpt", b"version https://git-lfs.github.com/spec/v1", "does not begin like"),
    ("archive.pt", b"\x1f\x8b\x08", "does not begin like"),
    ("bare", b"P", "does not begin like"),
    ("empty.safetensors", b"", "header"),
    ("short.safetensors", b"1234", "header"),
    ("text.safetensors", b"some text of no use", "header"),
    ("pointer.safetensors", b"version https://git-lfs.github.com/spec/v1", "header"),
    ("zip.safetensors", b"PK\x03\x04" + bytes(100), "header"),
    ("no_json.safetensors", (5).to_bytes(8, "little") + b"abcde", "header"),
    ("cut.safetensors", (50).to_bytes(8, "little") + b'{"a":', "header"),
]


@pytest.mark.parametrize(("name", "content", "said"), NO_CHECKPOINTS, ids=[name for name, *_ in NO_CHECKPOINTS])
def test_what_is_no_checkpoint_by_its_first_bytes_is_said_before_anything_runs(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    study = changed(("origins.gaussians.training", ABSENT), ("origins.gaussians.checkpoint", {"path": name}))
    study["origins"]["gaussians"]["checkpoint"]["path"] = path = str(tmp_path / name)
    with pytest.raises(RecurateError) as told:
        planned(tmp_path, study)
    (line,) = str(told.value).splitlines()
    assert line.startswith(f"{tmp_path}/tiny.yaml: origins.gaussians.checkpoint: {path}: not a file of plain tensors (")
    assert said in line.lower() or said in line


def test_a_folder_and_nothing_are_no_checkpoints_unless_generation_0_is_made(tmp_path: Path) -> None:
    (tmp_path / "folder.pt").mkdir()
    for name in ("folder.pt", "nothing.pt"):
        study = changed(("origins.gaussians.training", ABSENT), ("origins.gaussians.checkpoint", {}))
        study["origins"]["gaussians"]["checkpoint"]["path"] = str(tmp_path / name)
        with pytest.raises(RecurateError, match=rf"{name}: no such checkpoint; put the file there"):
            planned(tmp_path, study)
        assert planned(tmp_path, study, targets=["data"]), "is not asked for"
    model = tmp_path / "results/tiny/origins/gaussians/seeds-0-2/gen-000/model.safetensors"
    model.parent.mkdir(parents=True)
    model.touch()
    assert planned(tmp_path, study)


@pytest.mark.parametrize("name", ["100%.pt", "a b.pt", "ümlaut.pt", "q'uote.pt", "*.pt", "-x.pt", "~.pt", "$HOME"])
def test_a_checkpoint_may_be_called_as_files_may(tmp_path: Path, name: str) -> None:
    torch.save(STATE, path := str(tmp_path / name))
    Checkpoint(path=path).check()
    assert set(Checkpoint(path=path).read()) == set(STATE)


@pytest.mark.parametrize("name", ["a{b}.pt", "a{b.pt", "}.pt", "{study}.pt", "a\nb.pt", "a.pt\n", "", " "])
def test_a_path_that_snakemake_would_take_for_others_is_refused(tmp_path: Path, name: str) -> None:
    study = changed(("origins.gaussians.checkpoint", {"path": name}))
    (line,) = complaint(study, tmp_path)
    assert "origins.gaussians.checkpoint.path: " in line and "is no path here: empty, or with braces" in line


def planned(folder: Path, study: Any, targets: Sequence[str] = ("tiny",)) -> Project:
    """A project of one study whose checkpoints have been looked at."""
    (folder / "tiny.yaml").write_text(yaml.safe_dump(study))
    project = Project({"studies": [], "results": f"{folder}/results"}, str(folder), targets)
    project.check_checkpoints()
    return project


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
