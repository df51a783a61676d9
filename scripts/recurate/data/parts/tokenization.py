"""Between text and tokens: a tokenizer is learnt from a corpus or taken from a language model, and kept as its JSON."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from recurate.foundation.components import Settings
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from recurate.foundation.types import Array

# What the transformers library reads of a tokenizer in a folder.
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "special_tokens_map.json")
BYTES = 256  # the alphabet of byte-pair encoding


class Tokenizer(Settings):
    """How text is cut into tokens."""

    kind: Literal["bpe", "pretrained"] = Field(
        description="bpe: byte-pair encoding learnt from the training part, with a vocabulary of 256 a token for each "
        "byte; pretrained: that of a language model"
    )
    vocabulary: int = Field(ge=BYTES, description="number of different tokens")
    source: str | None = Field(
        None, description="of a pretrained tokenizer: its name in the transformers library, or a folder"
    )

    @model_validator(mode="after")
    def _source_is_told_where_needed(self) -> Tokenizer:
        if (self.kind == "pretrained") != (self.source is not None):
            raise ValueError("source: a pretrained tokenizer needs it, a learnt one has none")
        return self

    @property
    def files(self) -> tuple[str, ...]:
        """Files of a pretrained tokenizer in a folder."""
        folder = Path(self.source or "")
        return tuple(str(folder / name) for name in TOKENIZER if self.source and (folder / name).is_file())

    def fit(self, documents: Iterable[str]) -> str:
        """The tokenizer as JSON; learnt from `documents`, or the pretrained one.

        Raises RecurateError if the documents are too few for so large a vocabulary, or the pretrained one is not found
        or is of another size.
        """
        text = _pretrained(str(self.source)) if self.kind == "pretrained" else _learnt(documents, self.vocabulary)
        size = Codec(text).vocabulary
        if size != self.vocabulary:
            raise RecurateError(f"tokenizer: it has {size} tokens, not {self.vocabulary}; set vocabulary: {size}")
        return text


class Codec:
    """A tokenizer in use."""

    def __init__(self, text: str) -> None:
        from tokenizers import Tokenizer as Fast

        self._fast = Fast.from_str(text)

    @property
    def vocabulary(self) -> int:
        """Number of different tokens."""
        return self._fast.get_vocab_size()

    def encode(self, text: str) -> Array:
        """Tokens (n,) int32 of a text, without any that a tokenizer adds at its beginning or end."""
        return np.array(self._fast.encode(text, add_special_tokens=False).ids, dtype=np.int32)

    def decode(self, tokens: Array) -> list[str]:
        """Texts of blocks of tokens (n, block)."""
        return self._fast.decode_batch(tokens.tolist(), skip_special_tokens=False)


def _learnt(documents: Iterable[str], vocabulary: int) -> str:
    """Byte-pair encoding (Sennrich, Haddow, Birch 2016) on bytes, as GPT-2 has it."""
    from tokenizers import Tokenizer as Fast
    from tokenizers import decoders, models, pre_tokenizers, trainers

    fast = Fast(models.BPE())
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, initial_alphabet=alphabet, show_progress=False)
    fast.train_from_iterator(documents, trainer)
    return fast.to_str()


def _pretrained(source: str) -> str:
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise RecurateError(
            "tokenizer: transformers is not installed; install what envs/language.yaml lists"
        ) from error
    try:
        fast = getattr(AutoTokenizer.from_pretrained(source), "backend_tokenizer", None)
    except Exception as error:  # a library that reaches for networks and files of others fails in many ways
        where = "the folder" if Path(source).is_dir() else "no such folder, and as a name"
        reason = str(error).partition("\n")[0][:200]
        raise RecurateError(f"tokenizer: {source}: {where} gives no tokenizer ({reason}); name another") from error
    if fast is None:
        raise RecurateError(f"tokenizer: {source}: has no form in the tokenizers library; name another")
    fast.no_truncation()
    return fast.to_str()
