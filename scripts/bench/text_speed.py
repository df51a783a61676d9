"""Preparing a text of the size of WikiText-103: rate, peak memory, and the library's own tokens of a part of it.

The text is the Brown corpus over and over, its sentences in another order every time and every tenth word a random
spelling, so that it has more distinct words than any tokenizer remembers by itself.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import alone
import numpy as np
from measuring import ROOT, Child, Row, run_alone

from recurate.data.brown import Brown
from recurate.data.parts.corpora import of_raw
from recurate.data.parts.tokenization import Tokenizer

sys.path.insert(0, str(ROOT / "tests/unit"))
from mixed_text import distinct_words, write_text

SIZE, PART = 541_000_000, 20_000_000  # bytes of the text, and of its beginning that the library encodes whole
SPELLINGS = 600_000  # different random spellings
RATE, MEGABYTES = 4.0, 3_000.0  # targets
PRETRAINED = 50_257  # tokens, as GPT-2 has them
LEARNT = 512  # tokens, as the study at demo scale has them


def rows() -> tuple[list[Row], str]:
    """Rate, processor time and memory of preparing the text with a pretrained and with a learnt tokenizer."""
    print("text", file=sys.stderr)
    sentences = [
        line for [text] in of_raw(Brown(kind="brown").load(np.random.default_rng(0))).train for line in text.split("\n")
    ]
    with tempfile.TemporaryDirectory() as folder:
        corpus, pretrained = Path(folder) / "corpus", Path(folder) / "pretrained"
        for made in (corpus, pretrained):
            made.mkdir()
        write_text(corpus, sentences, SIZE, SPELLINGS)
        words = distinct_words(corpus / "wiki.train.raw")
        alone.save_tokenizer(Tokenizer(kind="bpe", vocabulary=PRETRAINED).fit([["\n".join(sentences)]]), pretrained)
        settings = {
            f"a pretrained tokenizer of {PRETRAINED:,}": {
                "kind": "pretrained",
                "source": str(pretrained),
                "vocabulary": PRETRAINED,
            },
            f"a learnt tokenizer of {LEARNT:,}": {"kind": "bpe", "vocabulary": LEARNT},
        }
        found = [
            row
            for name, tokenizer in settings.items()
            for row in _prepared(name, run_alone(alone.prepared, corpus=str(corpus), tokenizer=tokenizer))
        ]
        child = run_alone(alone.encoded, corpus=str(corpus), tokenizer=settings[next(iter(settings))], size=PART)
        whole, ours = json.loads(child.output.splitlines()[-1])
    found.append(
        Row(f"first {PART / 1e6:.0f} MB of it: the library's time for the whole over ours", [whole / ours], "")
    )
    return found, f"Text: {SIZE / 1e6:.0f} MB, {words:,} distinct words; tokens of its beginning equal the library's."


def _prepared(tokenizer: str, child: Child) -> list[Row]:
    name = f"text of {SIZE / 1e6:.0f} MB prepared with {tokenizer}"
    seconds = json.loads(child.output.splitlines()[-1])
    return [
        Row(f"{name}: rate", [SIZE / 1e6 / seconds], "MB/s", RATE, at_least=True),
        Row(f"{name}: processor time", [child.processor], "s"),
        Row(f"{name}: peak memory", [child.peak], "MB", MEGABYTES),
    ]
