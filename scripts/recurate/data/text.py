"""Blocks of tokens, cut from a corpus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from recurate.data import DerivedData, Description, RealData
from recurate.data.parts.corpora import HELD_OUT, Corpus, of_dataset, of_folder, of_raw, text_files
from recurate.data.parts.tokenization import Codec, Tokenizer
from recurate.foundation.components import Settings
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    import numpy

    from recurate.foundation.types import Array

BROWN = "brown"


class Dataset(Settings):
    """A corpus of the datasets library."""

    dataset: str = Field(description="name in the datasets library, or a folder of its own formats")
    configuration: str | None = Field(None, description="which of the data set's forms, such as wikitext-2-raw-v1")
    column: str = Field("text", description="column with the texts")


class Text(DerivedData):
    """Blocks of consecutive tokens of one document each, what is left over at a document's end being dropped.

    Documents are divided into a training and a held-out part before they are cut, and a tokenizer that is learnt sees
    the training part alone. Labels are the numbers of the documents.
    """

    former: ClassVar[Mapping[str, str]] = {"held_out": f"leave it out, a share of {HELD_OUT} is held out"}

    corpus: str | Dataset = Field(
        description="`brown`, a folder of text files, or a mapping `{dataset: NAME}` for the datasets library"
    )
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
        train_x, train_y = self._blocks(corpus.train, codec, self.train, generator)
        test_x, test_y = self._blocks(corpus.test, codec, self.test, generator)
        return RealData(train_x, train_y, test_x, test_y, {"tokenizer": tokenizer})

    def _corpus(self, raw: RealData | None, generator: numpy.random.Generator) -> Corpus:
        if raw is not None:
            return of_raw(raw)
        if isinstance(self.corpus, Dataset):
            of = self.corpus
            return of_dataset(of.dataset, of.configuration, of.column, generator)
        return of_folder(self.corpus, generator)

    def _blocks(
        self, documents: Sequence[str], codec: Codec, most: int | None, generator: numpy.random.Generator
    ) -> tuple[Array, Array]:
        """Blocks (n, block) int32 and the numbers (n,) of their documents, at most `most` of them."""
        cut = [_cut(codec.encode(document), self.block) for document in documents]
        x = np.concatenate(cut)
        if not len(x):
            raise RecurateError(f"corpus: no document has {self.block} tokens; shorten block or give longer texts")
        y = np.repeat(np.arange(len(cut)), [len(blocks) for blocks in cut])
        chosen = np.sort(generator.permutation(len(x))[:most])
        return x[chosen], y[chosen]


def _cut(tokens: Array, block: int) -> Array:
    """Whole blocks (n, block) of consecutive tokens (m,)."""
    return tokens[: len(tokens) // block * block].reshape(-1, block)
