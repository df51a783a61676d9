"""Small transformers: all seeds of a job at once against one after another, and text with a cache against without."""

from __future__ import annotations

import contextlib
import io
import math
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from measuring import ROOT, Row, interleaved, largest_difference
from torch import Tensor, nn

from recurate.foundation.randomness import TRAINING_ROWS, numpy_generator
from recurate.models.parts.units import Encoding
from recurate.models.transformer import Transformer
from recurate.sampling.parts.text_generation import Bending, by_chance, drawn
from recurate.study.origin import Origin
from recurate.study.reading import read_trained
from recurate.training.trainer import CHUNK, Trainer
from recurate.training.training_set import TrainingSet

sys.path.insert(0, str(ROOT / "tests/unit"))
from other_ways import without_cache

if TYPE_CHECKING:
    from recurate.foundation.types import Array

TRAINING_TARGET = 1.5
GENERATION_TARGET = 10.0
AGREEMENT = 1e-3
PROMPTS, PROMPT, LENGTH = 16, 64, 256


class PlainBlock(nn.Module):
    """Attention and perceptron as one would write them for one seed."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width, elementwise_affine=False) for _ in range(2))
        self.attend, self.project = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.expand, self.contract = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, h: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        query, key, value = (self._heads(part) for part in self.attend(self.norms[0](h)).chunk(3, dim=2))
        query, key = (self._turned(part, cosine, sine) for part in (query, key))
        attended = nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        h = h + self.project(attended.transpose(1, 2).flatten(2))
        return h + self.contract(nn.functional.silu(self.expand(self.norms[1](h))))

    def _heads(self, h: Tensor) -> Tensor:
        return h.unflatten(2, (self.heads, -1)).transpose(1, 2)

    @staticmethod
    def _turned(h: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        left, right = h.chunk(2, dim=-1)
        return torch.cat([left * cosine - right * sine, left * sine + right * cosine], dim=-1)


class PlainTransformer(nn.Module):
    """The network of the study for one seed, of ordinary layers."""

    def __init__(self, model: Transformer, block: int) -> None:
        super().__init__()
        self.heads = model.heads
        self.embedding = nn.Embedding(model.vocabulary, model.width)
        self.blocks = nn.ModuleList(PlainBlock(model.width, model.heads) for _ in range(model.blocks))
        self.norm = nn.LayerNorm(model.width, bias=False)
        width = model.width // model.heads
        angles = torch.arange(block)[:, None] * 10_000 ** -(torch.arange(0, width, 2) / width)
        self.cosine, self.sine = angles.cos(), angles.sin()

    def forward(self, tokens: Tensor) -> Tensor:
        h, time_ = self.embedding(tokens), tokens.shape[1]
        for block in self.blocks:
            h = block(h, self.cosine[:time_], self.sine[:time_])
        return self.norm(h) @ self.embedding.weight.T

    def start_from(self, parameters: dict[str, Tensor], row: int) -> None:
        """Copy one seed's parameters, so that both ways start from the same numbers."""
        with torch.no_grad():
            self.embedding.weight.copy_(parameters["embedding"][row])
            self.norm.weight.copy_(parameters["norm"][row, 0])
            for number, block in enumerate(self.blocks):
                for name in ("attend", "project", "expand", "contract"):
                    layer, arranged = getattr(block, name), self._halves if name == "attend" else lambda rows: rows
                    layer.weight.copy_(arranged(parameters[f"{name}_{number}.weight"][row].T))
                    layer.bias.copy_(arranged(parameters[f"{name}_{number}.bias"][row, 0]))

    def _halves(self, rows: Tensor) -> Tensor:
        """Rows for queries, keys and values, those turned as a pair half a head apart instead of side by side."""
        turned, value = rows.split((2 * len(rows) // 3, len(rows) // 3))
        return torch.cat([turned.unflatten(0, (2 * self.heads, -1, 2)).transpose(1, 2).flatten(0, 2), value])


@dataclass
class Duel:
    """Both ways of training the origin of shumailov_language on made-up tokens, for the first `steps` steps."""

    seeds: int
    steps: int
    losses: dict[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.origin = demo_origin()
        assert isinstance(self.origin.model, Transformer) and self.origin.training is not None
        self.model = self.origin.model
        (self.block,) = self.origin.data.description.shape
        size = (2_000, self.block)
        self.data = np.random.default_rng(0).integers(self.model.vocabulary, size=size, dtype=np.int32)
        changes = {"steps": self.steps, "gradient_clip": None, "weight_decay": 0.0, "decoupled_weight_decay": False}
        self.settings = self.origin.training.model_copy(update=changes)
        self.training_set = TrainingSet(torch.from_numpy(self.data), None, 1.0)
        progress = Path(tempfile.mkdtemp()) / "progress.safetensors"
        encoding, seeds = Encoding.of(self.data), list(range(self.seeds))
        self.trainer = Trainer(
            self.model, self.origin.objective, self.settings, encoding, seeds, 0, progress, save_every=math.inf
        )

    def stacked(self) -> float:
        """Tokens a second and seed of all seeds at once."""
        state = self.trainer.start()
        begin = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            _, self.losses["stacked"] = self.trainer.train(state, self.training_set)
        return self._rate(time.perf_counter() - begin)

    def plain(self) -> float:
        """Tokens a second and seed, one seed after another."""
        start = self.trainer.initial()
        networks = [PlainTransformer(self.model, self.block) for _ in range(self.seeds)]
        for row, network in enumerate(networks):
            network.start_from(start, row)
        begin = time.perf_counter()
        self.losses["plain"] = np.stack([self._train(seed, network) for seed, network in enumerate(networks)])
        return self._rate(time.perf_counter() - begin)

    def _rate(self, seconds: float) -> float:
        """Tokens a second of one seed's share of the time."""
        return self.steps * self.settings.batch_size * self.block / (seconds / self.seeds)

    def _train(self, seed: int, network: PlainTransformer) -> Array:
        """An ordinary training loop on the rows that the trainer draws; mean loss of every chunk."""
        optimizer = torch.optim.Adam(network.parameters())
        history = []
        for chunk in range(self.steps // CHUNK):
            shape = (CHUNK, self.settings.batch_size)
            rows = self.training_set.rows(numpy_generator(seed, 0, TRAINING_ROWS, chunk), shape)
            for step in range(CHUNK):
                optimizer.param_groups[0]["lr"] = self.settings.rate(chunk * CHUNK + step)
                x = self.training_set.real[rows[step]].long()
                logits = network(x[:, :-1])
                loss = nn.functional.cross_entropy(logits.flatten(0, 1), x[:, 1:].flatten())
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                history.append(loss.item())
        return np.reshape(history, (-1, CHUNK)).mean(axis=1)


def demo_origin() -> Origin:
    """The origin of shumailov_language at demo scale."""
    return read_trained(ROOT / "config/studies/shumailov_language.yaml", "demo", {}).origins["brown"]


def generation_rows(runs: int) -> list[Row]:
    """Rows for continuing texts by the network of the study, with a context that holds them whole."""
    model = demo_origin().model.model_copy(update={"context": PROMPT + LENGTH})
    assert isinstance(model, Transformer)
    generator = torch.Generator().manual_seed(0)
    parameters = {name: value[None] for name, value in model.initial((PROMPT,), generator).items()}
    prompts = torch.randint(model.vocabulary, (1, PROMPTS, PROMPT), generator=generator)
    uniform = torch.rand(1, PROMPTS, LENGTH, generator=generator)
    texts: dict[str, Tensor] = {}

    def cached() -> float:
        begin = time.perf_counter()
        texts["cached"] = by_chance(model, parameters, prompts, uniform, Bending())
        return PROMPTS * LENGTH / (time.perf_counter() - begin)

    def cacheless() -> float:
        begin, place = time.perf_counter(), iter(range(LENGTH))
        texts["cacheless"] = without_cache(
            model, parameters, prompts, LENGTH, lambda logits: drawn(logits, uniform[..., next(place)], 1.0)
        )
        return PROMPTS * LENGTH / (time.perf_counter() - begin)

    with torch.no_grad():
        slow, fast = interleaved(cacheless, cached, runs)
    same = float((texts["cached"] == texts["cacheless"]).float().mean())
    assert same > 0.99, f"only {same:.1%} of the tokens are the same with a cache and without"
    name = f"text, {PROMPTS} prompts of {PROMPT} tokens continued by {LENGTH}"
    gain = [f / s for s, f in zip(slow, fast, strict=True)]
    return [
        Row(f"{name}: without a cache", slow, "tokens/s"),
        Row(f"{name}: with a cache", fast, "tokens/s"),
        Row(f"{name}: gain", gain, "", GENERATION_TARGET, at_least=True),
    ]


def rows(runs: int, steps: int) -> tuple[list[Row], str]:
    """Rows for training 3 and 5 seeds on one and two threads and for generation, and a remark on agreement.

    `steps` is rounded up to whole chunks.
    """
    steps = math.ceil(steps / CHUNK) * CHUNK
    found, largest, before = list[Row](), 0.0, torch.get_num_threads()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for seeds in (3, 5):
            print(f"language: {seeds} seeds, {threads} threads", file=sys.stderr)
            duel = Duel(seeds, steps)
            plain, stacked = interleaved(duel.plain, duel.stacked, runs)
            largest = max(largest, largest_difference(duel.losses, AGREEMENT))
            name = f"language training, {seeds} seeds, {threads} thread{'s' * (threads > 1)}"
            found += [
                Row(f"{name}: one by one", plain, "tokens/s"),
                Row(f"{name}: all at once", stacked, "tokens/s"),
                Row(f"{name}: gain", [s / p for p, s in zip(plain, stacked, strict=True)], "", TRAINING_TARGET, True),
            ]
    torch.set_num_threads(1)
    found += generation_rows(runs)
    torch.set_num_threads(before)
    return found, f"Language: {steps} steps of shumailov_language's origin; losses of both ways agree to {largest:.0e}."
