"""Files that components open are inputs of jobs, and their bytes count in the digest of code."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from language_setup import write_corpus

from recurate.data.text import Text
from recurate.foundation.components import Component
from recurate.workflow import file_notes
from recurate.workflow.code_digest import SCRIPTS, code_digest
from recurate.workflow.file_notes import noted_digest
from recurate.workflow.job_params import opened_by

OLD = (1e9, 1e9)


class Opens(Component):
    """Opens a file or a folder."""

    path: str

    @property
    def files(self) -> tuple[str, ...]:
        return (self.path,)


def text(corpus: Path) -> Text:
    return Text.model_validate(
        {"kind": "text", "corpus": str(corpus), "tokenizer": {"kind": "bpe", "vocabulary": 270}, "block": 16}
    )


def state(component: Component) -> tuple[list[str], str]:
    files = opened_by(component)
    return files, code_digest(SCRIPTS / "prepare_real.py", (), files)


def edited(folder: Path) -> None:
    first = sorted(folder.glob("*.txt"))[0]
    first.write_text(first.read_text() + "More.")


def edited_and_dated_back(folder: Path) -> None:
    first = sorted(folder.glob("*.txt"))[0]
    written = first.stat()
    first.write_text(first.read_text().swapcase())
    os.utime(first, ns=(written.st_atime_ns, written.st_mtime_ns))


def replaced_by_an_older_one(folder: Path) -> None:
    new = folder.parent / "new"
    new.write_text("Other.")
    os.utime(new, OLD)
    new.replace(sorted(folder.glob("*.txt"))[0])


def added(folder: Path) -> None:
    (folder / "zz.txt").write_text("One more.")


def added_in_a_folder(folder: Path) -> None:
    (folder / "inner").mkdir()
    (folder / "inner/a.txt").write_text("One more.")


def removed(folder: Path) -> None:
    sorted(folder.glob("*.txt"))[-1].unlink()


def renamed(folder: Path) -> None:
    sorted(folder.glob("*.txt"))[0].rename(folder / "zz.txt")


def exchanged(folder: Path) -> None:
    one, other, *_ = sorted(folder.glob("*.txt"))
    texts = one.read_text(), other.read_text()
    other.write_text(texts[0])
    one.write_text(texts[1])


@pytest.mark.parametrize(
    "change",
    [
        edited,
        edited_and_dated_back,
        replaced_by_an_older_one,
        added,
        added_in_a_folder,
        removed,
        renamed,
        exchanged,
    ],
)
@pytest.mark.parametrize("kind", [text, lambda folder: Opens(kind="own", path=str(folder))])
def test_every_change_of_a_folder_of_files_is_seen(
    tmp_path: Path, change: Callable[[Path], None], kind: Callable[[Path], Component]
) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    before = state(kind(corpus))
    assert before[0]
    assert state(kind(corpus)) == before
    time.sleep(0.02)  # the system's clock for changes ticks some hundred times a second
    change(corpus)
    assert state(kind(corpus)) != before


def test_files_of_the_project_have_the_same_names_in_a_copy_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = []
    for folder in ("here", "there"):
        (tmp_path / folder / "mine").mkdir(parents=True)
        (tmp_path / folder / "mine/words.txt").write_text("good")
        monkeypatch.chdir(tmp_path / folder)
        states.append(state(Opens(kind="own", path=str(tmp_path / folder / "mine/words.txt"))))
    assert states[0] == states[1]
    assert states[0][0] == ["mine/words.txt"]


def test_a_file_that_is_not_there_yet_is_an_input_and_no_fault(tmp_path: Path) -> None:
    path = str(tmp_path / "nowhere.txt")
    files, digest = state(Opens(kind="own", path=path))
    assert files == [path]
    Path(path).write_text("here")
    assert state(Opens(kind="own", path=path))[1] != digest


def test_no_file_is_read_twice_that_did_not_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    read: list[str] = []
    original = file_notes.file_digest
    monkeypatch.setattr(file_notes, "file_digest", lambda path: read.append(path) or original(path))
    Path("words.txt").write_text("good")
    first = noted_digest("words.txt")
    assert noted_digest("words.txt") == first
    assert read == ["words.txt"]
    shutil.copy2("words.txt", "copy.txt")
    assert noted_digest("copy.txt") == first
