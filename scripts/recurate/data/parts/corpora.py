"""Corpora: documents of a training and a held-out part, from a folder, from the datasets library, or as bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, compress
from pathlib import Path
from typing import TYPE_CHECKING

from recurate.data import RealData
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np

HELD_OUT = 0.1  # share of the documents, of a corpus that has no division of its own

if TYPE_CHECKING:
    import datasets
    import numpy

    from recurate.foundation.types import Array

SUFFIXES = (".txt", ".raw", ".tokens", ".md")
PARTS = {"train": re.compile(r"(?<![a-z])train(?![a-z])"), "test": re.compile(r"(?<![a-z])test(?![a-z])")}
SAVED = ("dataset_dict.json", "state.json")  # one of them lies where the datasets library has saved to disk
CHARACTERS = 2**16  # of a file that are read at a time
ROWS = 1_000  # of a table that are read at a time
Document = Iterable[str]  # a text in stretches of any length; it can be gone through again, and is read every time


@dataclass(frozen=True)
class Corpus:
    """Documents of either part."""

    train: Iterable[Document]
    test: Iterable[Document]


@dataclass(frozen=True)
class TextFile:
    """A file as a document. Going through it raises RecurateError if it cannot be read or is not UTF-8."""

    path: Path

    def __iter__(self) -> Iterator[str]:
        try:
            with self.path.open(encoding="utf-8") as file:
                while stretch := file.read(CHARACTERS):
                    yield stretch
        except (OSError, UnicodeDecodeError) as error:
            raise RecurateError(
                f"corpus: {self.path}: cannot be read as text ({error}); take it out or mend it"
            ) from error


@dataclass(frozen=True)
class Rows:
    """Texts in a column of a table of the datasets library: all, or the `kept` (rows,) bool. Missing ones are empty."""

    table: datasets.Dataset
    column: str
    kept: Array | None = None

    def __iter__(self) -> Iterator[str]:
        batches = self.table.select_columns([self.column]).iter(ROWS)
        texts = (text or "" for text in chain.from_iterable(batch[self.column] for batch in batches))
        return iter(texts if self.kept is None else compress(texts, self.kept))


@dataclass(frozen=True)
class Apart:
    """Every row a document."""

    rows: Rows

    def __iter__(self) -> Iterator[Document]:
        return ([row] for row in self.rows)


@dataclass(frozen=True)
class Joined:
    """All rows as one document, with a separator between them."""

    rows: Rows
    separator: str

    def __iter__(self) -> Iterator[str]:
        return (self.separator + row if number else row for number, row in enumerate(self.rows))


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

    def documents(x: Array, ends: Array) -> list[Document]:
        return [[part.tobytes().decode()] for part in np.split(x, ends[:-1])]

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
    named = {part: [TextFile(path) for path in files if pattern.search(path.name)] for part, pattern in PARTS.items()}
    if all(named.values()):
        return _with_text(folder, Corpus(**named))
    documents = [document for document in map(TextFile, files) if _has_text(document)]
    train, test = _divided(folder, len(documents), generator)
    return Corpus([documents[row] for row in train], [documents[row] for row in test])


def text_files(folder: str) -> list[Path]:
    """The text files in or below a folder, in order; none where there is no such folder."""
    return [path for path in sorted(Path(folder).rglob("*")) if path.suffix in SUFFIXES and path.is_file()]


def of_dataset(
    name: str, configuration: str | None, column: str, join: str | None, generator: numpy.random.Generator
) -> Corpus:
    """The texts in a column of a data set of the datasets library, each row a document.

    With a separator `join` the rows of either part are one document. The parts train and test are taken; of a data set
    that has no part test a share HELD_OUT of the rows is drawn, or, where they are joined, the last ones are held out.
    Raises RecurateError if the library has no such data set, part or column.
    """
    with _readable(name):
        parts = _parts(name, configuration)
        rows = Rows(parts["train"], column)
        if "test" in parts:
            train, test = rows, Rows(parts["test"], column)
        else:
            train, test = _held_out(name, rows, join is not None, generator)
        if join is not None:
            return _with_text(name, Corpus([Joined(train, join)], [Joined(test, join)]))
        return _with_text(name, Corpus(Apart(train), Apart(test)))


def _parts(name: str, configuration: str | None) -> Mapping[str, datasets.Dataset]:
    try:
        from datasets import Dataset, load_dataset, load_from_disk
    except ImportError as error:
        raise RecurateError("corpus: datasets is not installed; install what envs/language.yaml lists") from error
    if any((Path(name) / file).is_file() for file in SAVED):
        saved = load_from_disk(name)
        return {"train": saved} if isinstance(saved, Dataset) else saved
    return load_dataset(name, configuration)


@contextmanager
def _readable(name: str) -> Iterator[None]:
    try:
        yield
    except RecurateError:
        raise
    except Exception as error:  # a library that reaches for networks and files of others fails in many ways
        reason = str(error).partition("\n")[0][:200]
        raise RecurateError(f"corpus: data set {name}: cannot be read ({reason}); name another or a folder") from error


def _held_out(name: str, rows: Rows, joined: bool, generator: numpy.random.Generator) -> tuple[Rows, Rows]:
    """A training and a held-out part of rows: drawn among those with text, or where they are `joined` the last ones."""
    has_text = np.array([bool(row.strip()) for row in rows])
    held_out = np.zeros(len(has_text), dtype=bool)
    if joined:
        held_out[len(held_out) - round(HELD_OUT * len(held_out)) :] = True
        has_text[:] = True
    else:
        places = np.flatnonzero(has_text)
        held_out[places[_divided(name, len(places), generator)[1]]] = True
    train, test = (Rows(rows.table, rows.column, has_text & part) for part in (~held_out, held_out))
    return train, test


def _divided(name: str, documents: int, generator: numpy.random.Generator) -> tuple[Array, Array]:
    """Numbers of the documents that are trained on, and of those held out; raises RecurateError below two."""
    if documents < 2:
        raise RecurateError(f"corpus: {name}: {documents} texts with anything in them; two are needed, one to hold out")
    order = generator.permutation(documents)
    test = max(1, min(documents - 1, round(HELD_OUT * documents)))
    return np.sort(order[test:]), np.sort(order[:test])


def _has_text(document: Document) -> bool:
    return any(stretch.strip() for stretch in document)


def _with_text(name: str, corpus: Corpus) -> Corpus:
    for part, documents in (("train", corpus.train), ("test", corpus.test)):
        if not any(map(_has_text, documents)):
            raise RecurateError(f"corpus: {name}: its part {part} has no text; give another corpus")
    return corpus
