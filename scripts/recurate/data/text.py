"""Blocks of tokens, cut from a corpus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Discriminator, Field, Tag

from recurate.data import DerivedData, Description, RealData
from recurate.data.parts.corpora import HELD_OUT, Corpus, Document, of_dataset, of_folder, of_raw, text_files
from recurate.data.parts.tokenization import FIRST, Codec, Tokenizer
from recurate.foundation.components import Settings
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    import numpy

    from recurate.foundation.types import Array

BROWN = "brown"
DROPPED = 0.05  # share of a part's tokens that may be dropped without a word


class Dataset(Settings):
    """A corpus of the datasets library."""

    dataset: str = Field(description="name in the datasets library, or a folder of its own formats")
    configuration: str | None = Field(None, description="which of the data set's forms, such as wikitext-2-raw-v1")
    column: str = Field("text", description="column with the texts")
    join: str | None = Field(
        None,
        description="what stands between rows that are one text for either part, such as `''` where rows are lines "
        'with their ends and `"\\n"` where they have none; each row is a document if none',
    )


class Text(DerivedData):
    """Blocks of consecutive tokens of one document each, what is left over at a document's end being dropped.

    Documents are divided into a training and a held-out part before they are cut, and a tokenizer that is learnt sees
    the training part alone. Labels are the numbers of the documents. Where the tokenizer's models expect a first token,
    every block begins with it, and has one token of text less.
    """

    former: ClassVar[Mapping[str, str]] = {"held_out": f"leave it out, a share of {HELD_OUT} is held out"}

    corpus: Annotated[
        Annotated[str, Tag("text")] | Annotated[Dataset, Tag("mapping")],
        Discriminator(lambda value: "mapping" if isinstance(value, dict | Dataset) else "text"),
    ] = Field(description="`brown`, a folder of text files, or a mapping `{dataset: NAME}` for the datasets library")
    tokenizer: Tokenizer = Field(description="how text is cut into tokens")
    block: int = Field(64, ge=2, description="tokens of a block, which is one sample")
    train: int | None = Field(None, ge=1, description="at most so many training blocks, drawn at random; all if none")
    test: int | None = Field(None, ge=1, description="at most so many held-out blocks, drawn at random; all if none")

    @property
    def made_from(self) -> str | None:
        return BROWN if self.corpus == BROWN else None

    @property
    def files(self) -> tuple[str, ...]:
        return (*map(str, self._corpus_files()), *self.tokenizer.files)

    def _corpus_files(self) -> list[Path]:
        if isinstance(self.corpus, Dataset):
            return [path for path in sorted(Path(self.corpus.dataset).rglob("*")) if path.is_file()]
        return [] if self.made_from else text_files(self.corpus)

    @property
    def source(self) -> str:
        if isinstance(self.corpus, Dataset):
            return f"data set {self.corpus.dataset} of the datasets library"
        return "the Brown corpus" if self.made_from else f"folder {self.corpus}"

    @property
    def description(self) -> Description:
        return Description(shape=(self.block,), classes=0, vocabulary=self.tokenizer.vocabulary)

    def derive(self, raw: RealData | None, generator: numpy.random.Generator) -> RealData:
        corpus = self._corpus(raw, generator)
        tokenizer = self.tokenizer.fit(corpus.train)
        codec = Codec(tokenizer)
        first = codec.first_token(self.tokenizer.first_token)
        train, test = (_cut(documents, codec, first, self.block) for documents in (corpus.train, corpus.test))
        train_x, train_y = self._at_most(self.train, train, generator)
        test_x, test_y = self._at_most(self.test, test, generator)
        notes = {"tokenizer": tokenizer, **({} if first is None else {FIRST: str(first)})}
        facts = {**train.facts("train"), **test.facts("test")}
        return RealData(train_x, train_y, test_x, test_y, notes, facts)

    def _corpus(self, raw: RealData | None, generator: numpy.random.Generator) -> Corpus:
        if raw is not None:
            return of_raw(raw)
        if isinstance(self.corpus, Dataset):
            of = self.corpus
            return of_dataset(of.dataset, of.configuration, of.column, of.join, generator)
        return of_folder(self.corpus, generator)

    def _at_most(self, most: int | None, part: Part, generator: numpy.random.Generator) -> tuple[Array, Array]:
        """At most so many blocks (n, block) of a part, drawn at random, and the numbers (n,) of their documents."""
        y = np.repeat(np.arange(len(part.blocks_of)), part.blocks_of)
        order = generator.permutation(len(part.x))
        if most is None or most >= len(part.x):
            return part.x, y
        chosen = np.sort(order[:most])
        return part.x[chosen], y[chosen]


@dataclass(frozen=True)
class Part:
    """Blocks `x` (n, block) int32, how many each document has (documents,), and how many tokens of text there were.

    `dropped` of these are in no block.
    """

    x: Array
    blocks_of: Array
    tokens: int
    dropped: int

    def facts(self, name: str) -> dict[str, int | str]:
        """Numbers for the card, and a warning, which is printed too, where many tokens are dropped."""
        known: dict[str, int | str] = {f"{name}_tokens": self.tokens, f"{name}_tokens_dropped": self.dropped}
        if self.dropped <= DROPPED * self.tokens:
            return known
        documents = len(self.blocks_of)
        warning = (
            f"{self.dropped / self.tokens:.1%} of the {self.tokens:,} tokens of the part {name} are dropped, left over "
            f"at the ends of {documents:,} documents of {self.tokens / documents:.1f} tokens on average; join rows to "
            f"one text (join), or take shorter blocks than {self.x.shape[1]}"
        )
        print(f"warning: {warning}")
        return {**known, f"{name}_warning": warning}


def _cut(documents: Iterable[Document], codec: Codec, first: int | None, block: int) -> Part:
    """Whole blocks of consecutive tokens of each document; with a `first` token each begins with it.

    Raises RecurateError if no document is long enough for one.
    """
    own = block - (first is not None)  # tokens of text in a block
    x, blocks_of, tokens = bytearray(), list[int](), 0  # grows in place, where a list of arrays would be copied
    for document in documents:
        blocks, rest = 0, np.empty(0, dtype=np.int32)
        for stretch in codec.encode(document):
            tokens += len(stretch)
            rest = np.concatenate([rest, stretch])
            whole, rest = np.split(rest, [len(rest) // own * own])
            cut = whole.reshape(-1, own)
            x += (cut if first is None else np.insert(cut, 0, first, axis=1)).tobytes()
            blocks += len(cut)
        blocks_of.append(blocks)
    if not x:
        raise RecurateError(f"corpus: no document has {block} tokens; shorten block or give longer texts")
    return Part(
        np.frombuffer(x, dtype=np.int32).reshape(-1, block),
        np.array(blocks_of),
        tokens,
        tokens - own * sum(blocks_of),
    )
