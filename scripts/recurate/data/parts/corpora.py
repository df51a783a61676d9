"""Corpora: documents of a training and a held-out part, from a folder, from the datasets library, or as bytes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recurate.data import RealData
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np

HELD_OUT = 0.1  # share of the documents, of a corpus that has no division of its own

if TYPE_CHECKING:
    import numpy

    from recurate.foundation.types import Array

SUFFIXES = (".txt", ".raw", ".tokens", ".md")
PARTS = {"train": re.compile(r"(?<![a-z])train(?![a-z])"), "test": re.compile(r"(?<![a-z])test(?![a-z])")}


@dataclass(frozen=True)
class Corpus:
    """Documents of either part."""

    train: list[str]
    test: list[str]


def raw_corpus(train: Sequence[str], test: Sequence[str]) -> RealData:
    """Documents of both parts as bytes."""

    def written(documents: Sequence[str]) -> tuple[Array, Array]:
        encoded = [document.encode() for document in documents]
        ends = np.cumsum([len(document) for document in encoded], dtype=np.int64)
        return np.frombuffer(b"".join(encoded), dtype=np.uint8), ends

    train_x, train_y = written(train)
    return RealData(train_x, train_y, *written(test))


def of_raw(raw: RealData) -> Corpus:
    """Inverse of `raw_corpus`."""

    def documents(x: Array, ends: Array) -> list[str]:
        return [part.tobytes().decode() for part in np.split(x, ends[:-1])]

    return Corpus(documents(raw.train_x, raw.train_y), documents(raw.test_x, raw.test_y))


def of_folder(folder: str, generator: numpy.random.Generator) -> Corpus:
    """Documents of a folder, one for each text file in or below it.

    Where file names say train and test (wiki.train.raw), these are the parts and other files are left out; elsewhere a
    share HELD_OUT of the files is drawn. Raises RecurateError if the folder is not there, holds no text or too few
    files to divide.
    """
    if not Path(folder).is_dir():
        raise RecurateError(f"corpus: {folder}: no such folder; name one with text files ({', '.join(SUFFIXES)})")
    files = text_files(folder)
    named = {part: [path for path in files if pattern.search(path.name)] for part, pattern in PARTS.items()}
    if all(named.values()):
        return _with_text(folder, *([_read(path) for path in named[part]] for part in PARTS))
    return _divided(folder, [_read(path) for path in files], generator)


def text_files(folder: str) -> list[Path]:
    """The text files in or below a folder, in order; none where there is no such folder."""
    return [path for path in sorted(Path(folder).rglob("*")) if path.suffix in SUFFIXES and path.is_file()]


def of_dataset(name: str, configuration: str | None, column: str, generator: numpy.random.Generator) -> Corpus:
    """The texts in a column of a data set of the datasets library, each row a document.

    Its parts train and test are taken; of one that has no part test a share HELD_OUT of the rows is drawn. Raises
    RecurateError if the library has no such data set, part or column.
    """
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise RecurateError("corpus: datasets is not installed; install what envs/language.yaml lists") from error
    try:
        parts = load_dataset(name, configuration)
        train = list(parts["train"][column])
        test = list(parts["test"][column]) if "test" in parts else []
    except Exception as error:  # a library that reaches for networks and files of others fails in many ways
        reason = str(error).partition("\n")[0][:200]
        raise RecurateError(f"corpus: data set {name}: cannot be read ({reason}); name another or a folder") from error
    return _with_text(name, train, test) if test else _divided(name, train, generator)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecurateError(f"corpus: {path}: cannot be read as text ({error}); take it out or mend it") from error


def _divided(name: str, documents: list[str], generator: numpy.random.Generator) -> Corpus:
    documents = [document for document in documents if document.strip()]
    if len(documents) < 2:
        raise RecurateError(
            f"corpus: {name}: {len(documents)} texts with anything in them; two are needed, one to hold out"
        )
    order = generator.permutation(len(documents))
    test = max(1, min(len(documents) - 1, round(HELD_OUT * len(documents))))
    return Corpus([documents[row] for row in sorted(order[test:])], [documents[row] for row in sorted(order[:test])])


def _with_text(name: str, train: list[str], test: list[str]) -> Corpus:
    for part, documents in (("train", train), ("test", test)):
        if not any(document.strip() for document in documents):
            raise RecurateError(f"corpus: {name}: its part {part} has no text; give another corpus")
    return Corpus(train, test)
