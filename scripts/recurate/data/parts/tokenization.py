"""Between text and tokens: a tokenizer is learnt from a corpus or taken from a language model, and kept as its JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import filterfalse, islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from recurate.data.parts.corpora import Document
from recurate.files.arrays import read_metadata
from recurate.foundation.components import Settings
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Fast

    from recurate.foundation.types import Array

# What the transformers library reads of a tokenizer in a folder.
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "special_tokens_map.json")
BYTES = 256  # the alphabet of byte-pair encoding
FIRST = "first_token"  # the note in a file of real data that says which token every block begins with
STRETCH = 2**16  # characters that are encoded at a time, at least
MANY = 16  # of such stretches in one are so many characters that it is said
SIDE_BY_SIDE = 64  # stretches that the library encodes in parallel
TRIED = 32  # line ends that are tried, from the last backwards, before a stretch is made longer
WINDOW = 512  # characters to either side of a cut on which it is tried
REMEMBERED = 2**24  # characters of words whose tokens are kept
LINE_END = re.compile(r"(?<=\S)[^\S\n]{0,9}\n\s{0,99}(?=\S)")  # with all white space around it
WORD_END = re.compile(r"(?<=\S)(?=[ \n])")
Cuts = Callable[[str, int], bool]  # whether a text may be cut before its character of that number


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
    first_token: str = Field(
        "auto",
        description="token that every block begins with: auto, the one that the tokenizer itself puts before a text "
        "(OPT: `</s>`; GPT-2 and learnt ones: none); none; or one of the tokenizer's by name",
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

    def fit(self, documents: Iterable[Document]) -> str:
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
        self._fast.no_padding()
        self._fast.no_truncation()
        self._by_words = _words_are_apart(self._fast)
        self._known: dict[str, bytes] = {}  # tokens of words
        self._remembered = 0  # characters of these words

    @property
    def vocabulary(self) -> int:
        """Number of different tokens."""
        return self._fast.get_vocab_size()

    def first_token(self, wanted: str) -> int | None:
        """The token that a block begins with: what the tokenizer itself puts before a text (`auto`), or a named one.

        None if there is none. Raises RecurateError if it has no such token, or puts several before a text.
        """
        if wanted == "none":
            return None
        if wanted == "auto":
            text = self._fast.encode("a")
            before = text.ids[: text.special_tokens_mask.index(0)]
            if len(before) > 1:
                raise RecurateError(
                    f"tokenizer: it puts {len(before)} tokens before a text; say with first_token which one is meant"
                )
            return before[0] if before else None
        token = self._fast.token_to_id(wanted)
        if token is None:
            raise RecurateError(
                f"tokenizer: first_token: it has no token {wanted!r}; name one of its own, auto or none"
            )
        return token

    def encode(self, document: Document) -> Iterator[Array]:
        """Tokens (n,) int32 of a document, stretch by stretch, without any that a tokenizer adds at its ends.

        Together they are those of the whole text. It is cut at line ends alone, and only where that changes no token.
        Where it is known of a tokenizer that tokens on one side of the end of a word do not depend on the other side
        (`_words_are_apart`), each word is encoded once. Of other tokenizers every cut is tried on the characters around
        it; a text that has no cut is encoded as a whole, which is said.
        """
        if self._by_words:
            return map(self._of_words, _stretches(document, _at_the_end_of_a_word))
        stretches = _stretches(document, self._leaves_tokens_alone)
        groups = iter(lambda: list(islice(stretches, SIDE_BY_SIDE)), [])
        return (np.array(ids, dtype=np.int32) for group in groups for ids in self._ids(group))

    def _of_words(self, text: str) -> Array:
        words = WORD_END.split(text)
        new = list(dict.fromkeys(filterfalse(self._known.__contains__, words)))
        self._known.update(
            (word, np.array(ids, dtype=np.int32).tobytes()) for word, ids in zip(new, self._ids(new), strict=True)
        )
        tokens = np.frombuffer(b"".join(map(self._known.__getitem__, words)), dtype=np.int32)
        self._remembered += sum(map(len, new))
        if self._remembered > REMEMBERED:
            self._known, self._remembered = {}, 0
        return tokens

    def _leaves_tokens_alone(self, text: str, place: int) -> bool:
        """Whether a cut changes no token of the characters around it."""
        before, after = text[max(0, place - WINDOW) : place], text[place : place + WINDOW]
        left, right, whole = self._ids([before, after, before + after])
        return left + right == whole

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        return [each.ids for each in self._fast.encode_batch_fast(texts, add_special_tokens=False)]

    def decode(self, tokens: Array) -> list[str]:
        """Texts of blocks of tokens (n, block)."""
        return self._fast.decode_batch(tokens.tolist(), skip_special_tokens=False)


def first_tokens(real: str) -> int:
    """How many tokens, 0 or 1, every block in a file of real data begins with that nobody wrote."""
    return int(FIRST in read_metadata(real))


def _words_are_apart(fast: Fast) -> bool:
    """Whether a text may be cut before white space that follows a word, whatever stands there.

    It may where text is split as for GPT-2 before tokens are looked for: no piece goes on from a character into white
    space, and where one piece ends, the next depends on what follows alone.
    """
    from tokenizers.pre_tokenizers import ByteLevel

    split = fast.pre_tokenizer
    return (
        fast.normalizer is None
        and isinstance(split, ByteLevel)
        and split.use_regex
        and not split.add_prefix_space
        and not any(
            added.rstrip or added.single_word or re.search(r"\s", added.content)
            for added in fast.get_added_tokens_decoder().values()
        )
    )


def _at_the_end_of_a_word(text: str, place: int) -> bool:
    return WORD_END.match(text, place) is not None


def _stretches(document: Document, cuts: Cuts) -> Iterator[str]:
    """A document in stretches of about `STRETCH` characters that end at line ends, where one may cut.

    A stretch without a cut becomes twice as long, and so on up to the whole document; where it gets too long for a
    small memory, that is printed once.
    """
    parts, length, enough, told = list[str](), 0, STRETCH, False
    for part in document:
        parts.append(part)
        length += len(part)
        if length >= enough:
            text = "".join(parts)
            cut = _last_cut(text, cuts)
            if cut:
                yield text[:cut]
            elif length >= MANY * STRETCH and not told:
                told = True
                print(
                    f"warning: no line end was found in {length:,} characters at which a cut would change no token; "
                    "they are encoded at once, with what follows, which takes memory"
                )
            enough = STRETCH if cut else 2 * length
            parts, length = [text[cut:]], length - cut
    yield "".join(parts)


def _last_cut(text: str, cuts: Cuts) -> int:
    """Last place at one of the last line ends where the text may be cut; 0 if there is none.

    What follows it within the window on which cuts are tried is known.
    """
    ends = list(LINE_END.finditer(text, 3 * len(text) // 4, len(text) - WINDOW))[-TRIED:]
    for end in reversed(ends):
        # Behind the line end, before the last white space, before the first: tokenizers differ in what they tear apart.
        for place in (text.rindex("\n", *end.span()) + 1, end.end() - 1, end.start()):
            if cuts(text, place):
                return place
    return 0


def _learnt(documents: Iterable[Document], vocabulary: int) -> str:
    """Byte-pair encoding (Sennrich, Haddow, Birch 2016) on bytes, as GPT-2 has it."""
    from tokenizers import Tokenizer as Fast
    from tokenizers import decoders, models, pre_tokenizers, trainers

    fast = Fast(models.BPE())
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, initial_alphabet=alphabet, show_progress=False)
    stretches = (stretch for document in documents for stretch in _stretches(document, _at_the_end_of_a_word))
    fast.train_from_iterator(stretches, trainer)
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
