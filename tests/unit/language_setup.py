"""A tiny language model, its parameters, and text to look at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from recurate.models.parts.fitted import FittedModel
from recurate.models.parts.units import Encoding
from recurate.models.transformer import Transformer

torch.set_num_threads(1)

VOCABULARY = 11
BLOCK = 6
MODEL = Transformer(kind="transformer", vocabulary=VOCABULARY, context=8, width=8, heads=2, blocks=2)
SENTENCES = ("The cat sat on the mat .", "A dog ran , and the cat ran too .", "Nobody sat on the dog .")


def parameters(seeds: int = 3, model: Transformer = MODEL, sharp: float = 10.0) -> dict[str, Tensor]:
    """Random parameters of some seeds, far enough from zero that tokens differ in probability."""
    alone = [model.initial((BLOCK,), torch.Generator().manual_seed(seed)) for seed in range(seeds)]
    return {name: sharp * torch.stack([one[name] for one in alone]) for name in alone[0]}


def tokens(*shape: int, seed: int = 0, vocabulary: int = VOCABULARY) -> Tensor:
    return torch.randint(vocabulary, shape, generator=torch.Generator().manual_seed(seed))


def fitted(model: Transformer = MODEL, seed: int = 0) -> FittedModel:
    """The model of one seed."""
    own = {name: value[seed : seed + 1] for name, value in parameters(seed + 1, model).items()}
    return FittedModel(model, own, Encoding((BLOCK,), "int32", 0.0, 1.0))


def write_corpus(folder: Path, documents: int = 20, sentences: int = 30) -> Path:
    """A folder of text files."""
    generator = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(documents):
        text = "\n".join(generator.choice(SENTENCES, sentences))
        (folder / f"{number:02d}.txt").write_text(text)
    return folder
