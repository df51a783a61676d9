"""Text of any size that a tokenizer cannot know by heart: sentences over and over, with random spellings among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

EVERY = 10  # of so many words in a row one is a random spelling


def random_spellings(count: int, generator: np.random.Generator) -> list[str]:
    """So many different words of four to ten letters."""
    words = set[str]()
    while len(words) < count:
        lengths = generator.integers(4, 11, count)
        letters = generator.integers(ord("a"), ord("z") + 1, lengths.sum(), dtype=np.uint8).tobytes().decode()
        words.update(letters[end - length : end] for end, length in zip(lengths.cumsum(), lengths, strict=True))
    return list(generator.permutation(sorted(words))[:count])


def mixed_text(
    sentences: Sequence[str], spellings: Sequence[str], size: int, generator: np.random.Generator
) -> Iterator[str]:
    """Lines of at least `size` characters together: the sentences, among whose words random spellings stand."""
    while size > 0:
        for place in generator.permutation(len(sentences)):
            words = sentences[place].split(" ")
            several = max(1, len(words) // EVERY)
            for chosen, before in zip(
                generator.integers(len(spellings), size=several),
                generator.integers(len(words) + 1, size=several),
                strict=True,
            ):
                words.insert(before, spellings[chosen])
            line = " ".join(words) + "\n"
            yield line
            size -= len(line)
            if size <= 0:
                return


def write_text(folder: Path, sentences: Sequence[str], size: int, spellings: int) -> None:
    """Write a training and a held-out part, the latter a thousandth of the former's size."""
    generator = np.random.default_rng(0)
    words = random_spellings(spellings, generator)
    for part, characters in (("train", size), ("test", size // 1_000)):
        with (folder / f"wiki.{part}.raw").open("w", encoding="utf-8") as file:
            file.writelines(mixed_text(sentences, words, characters, generator))


def distinct_words(path: Path) -> int:
    """How many different words a text has."""
    words = set[str]()
    with path.open(encoding="utf-8") as file:
        for line in file:
            words.update(line.split())
    return len(words)
