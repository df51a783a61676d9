"""Small transformers: all seeds of a job at once against one after another, and text with a cache against without."""

from __future__ import annotations

import sys
import time

import numpy as np
import torch
from duel import Duel, Stakes, duels, whole_chunks
from measuring import ROOT, Row, Way, compared, threads
from torch import Tensor, nn

from recurate.models.transformer import Transformer
from recurate.sampling.parts.text_generation import Bending, by_chance, drawn
from recurate.study.origin import Origin
from recurate.study.reading import read_trained

sys.path.insert(0, str(ROOT / "tests/unit"))
from other_ways import without_cache

STAKES = Stakes("language training", "tokens/s", target=1.5, agreement=1e-3)
GENERATION_TARGET = 10.0
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


class LanguageDuel(Duel):
    """Both ways of training the origin of shumailov_language, in tokens a second of one seed's share of the time."""

    def network(self, seed: int) -> PlainTransformer:
        assert isinstance(self.origin.model, Transformer)
        network = PlainTransformer(self.origin.model, self.real.shape[1])
        network.start_from(self.start, seed)
        return network

    def loss(self, network: nn.Module, x: Tensor, noise: dict[str, Tensor]) -> Tensor:
        return nn.functional.cross_entropy(network(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten())

    def told(self, seconds: float) -> float:
        return self.settings.steps * self.settings.batch_size * self.real.shape[1] / seconds


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

    name = f"text, {PROMPTS} prompts of {PROMPT} tokens continued by {LENGTH}"
    ways = Way("without a cache", cacheless), Way("with a cache", cached)
    with torch.no_grad():
        found = compared(name, "tokens/s", *ways, GENERATION_TARGET, runs)
    same = float((texts["cached"] == texts["cacheless"]).float().mean())
    assert same > 0.99, f"only {same:.1%} of the tokens are the same with a cache and without"
    return found


def rows(runs: int, steps: int) -> tuple[list[Row], str]:
    """Rows for training 3 and 5 seeds with 1 and 2 threads and for generation, and a remark on agreement.

    Training is on made-up tokens; `steps` is rounded up to whole chunks.
    """
    origin = demo_origin()
    assert isinstance(origin.model, Transformer) and origin.training is not None
    size = (2_000, *origin.data.description.shape)
    real = np.random.default_rng(0).integers(origin.model.vocabulary, size=size, dtype=np.int32)
    changes = {"gradient_clip": None, "weight_decay": 0.0, "decoupled_weight_decay": False}
    settings = origin.training.model_copy(update={"steps": whole_chunks(steps), **changes})
    found, largest = duels(STAKES, lambda seeds: LanguageDuel(origin, settings, real, seeds), (3, 5), runs)
    with threads(1):
        found += generation_rows(runs)
    remark = (
        f"Language: {settings.steps} steps of shumailov_language's origin; losses of both ways agree to {largest:.0e}."
    )
    return found, remark
