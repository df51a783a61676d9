"""A small causal transformer whose seeds are computed together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from recurate.foundation.lazy import torch
from recurate.models import LanguageModel, Reading

if TYPE_CHECKING:
    from torch import Generator, Tensor

LAYERS = {"attend": (1, 3), "project": (1, 1), "expand": (1, 4), "contract": (4, 1)}  # inputs, outputs in widths
SPREAD = 0.02  # standard deviation of the initial parameters
ONTO_THE_STREAM = ("project", "contract")  # layers whose output is added to what all blocks share
Attention = Callable[[int, "Tensor", "Tensor", "Tensor"], "Tensor"]


class Transformer(LanguageModel):
    """Normalisation before attention and perceptron (Xiong et al. 2020), rotary positions (Su et al. 2021).

    A token attends to itself and the `context` - 1 tokens before it; as only distances enter, text longer than blocks
    in training needs no position that was never trained. Tokens come in and go out by the same matrix. Parameters
    begin as GPT-2's do (Radford et al. 2019).
    """

    slides = True
    width: int = Field(64, ge=2, description="numbers that stand for a token between blocks")
    heads: int = Field(4, ge=1, description="attention heads of a block, which share its width")
    blocks: int = Field(2, ge=1, description="number of blocks of attention and perceptron")

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> Transformer:
        if self.width % (2 * self.heads):
            raise ValueError(f"heads: {self.heads} heads need a width that is a multiple of {2 * self.heads}")
        return self

    def initial(self, shape: tuple[int, ...], generator: Generator) -> dict[str, Tensor]:
        parameters = {
            "embedding": SPREAD * torch.randn(self.vocabulary, self.width, generator=generator),
            "norm": torch.ones(1, self.width),
        }
        for block in range(self.blocks):
            for name, (inputs, outputs) in LAYERS.items():
                spread = SPREAD * (2 * self.blocks) ** -0.5 if name in ONTO_THE_STREAM else SPREAD
                size = (inputs * self.width, outputs * self.width)
                parameters[f"{name}_{block}.weight"] = spread * torch.randn(size, generator=generator)
                parameters[f"{name}_{block}.bias"] = torch.zeros(1, size[1])
        return parameters

    def logits(self, parameters: dict[str, Tensor], tokens: Tensor) -> Tensor:
        time = tokens.shape[2]
        window = self._window(time, tokens.device) if time > self.context else None

        def attend(block: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            return _attention(query, key, value, window, causal=window is None)

        return self._read_out(parameters, self._stream(parameters, tokens, 0, attend))

    def begin(self, parameters: dict[str, Tensor], tokens: Tensor) -> tuple[Tensor, KeysAndValues]:
        time = tokens.shape[2]
        read = KeysAndValues(self, parameters, time)
        window = self._window(time, tokens.device) if time > self.context else None
        kept = torch.arange(max(0, time - self.context), time, device=tokens.device)

        def attend(block: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            for buffers, new in ((read.keys, key), (read.values, value)):
                room = new.new_zeros(*new.shape[:3], self.context, new.shape[4])
                room[..., kept % self.context, :] = new[..., kept, :]
                buffers.append(room)
            return _attention(query, key, value, window, causal=window is None)

        stream = self._stream(parameters, tokens, 0, attend)
        return self._read_out(parameters, stream[:, :, -1:])[:, :, 0], read

    def _window(self, time: int, device: torch.device) -> Tensor:
        """Which tokens (time, time) a token looks at: those before it, and not farther back than the context."""
        ones = torch.ones(time, time, dtype=torch.bool, device=device)
        return ones.tril() & ones.triu(1 - self.context)

    def _stream(self, parameters: dict[str, Tensor], tokens: Tensor, first: int, attend: Attention) -> Tensor:
        """What stands for each token (seeds, batch, time, width) after all blocks; `first` is the first's position."""
        seeds, batch, time = tokens.shape

        def linear(name: str, h: Tensor) -> Tensor:
            return torch.baddbmm(parameters[f"{name}.bias"], h, parameters[f"{name}.weight"])

        turn = _rotations(first, time, self.width // self.heads, tokens.device)
        h = _embedded(parameters["embedding"], tokens)
        for block in range(self.blocks):
            mixed = linear(f"attend_{block}", _normalised(h)).reshape(seeds, batch, time, 3 * self.heads, -1)
            turned, value = mixed.split((2 * self.heads, self.heads), dim=3)
            query, key = _rotated(turned, turn).transpose(2, 3).chunk(2, dim=2)
            attended = attend(block, query, key, value.transpose(2, 3))
            h = h + linear(f"project_{block}", attended.transpose(2, 3).reshape(h.shape))
            wide = torch.nn.functional.silu(linear(f"expand_{block}", _normalised(h)))
            h = h + linear(f"contract_{block}", wide)
        return h.unflatten(1, (batch, time))

    def _read_out(self, parameters: dict[str, Tensor], stream: Tensor) -> Tensor:
        """Logits (seeds, batch, time, vocabulary)."""
        h = _normalised(stream.flatten(1, 2)) * parameters["norm"]
        return torch.bmm(h, parameters["embedding"].transpose(1, 2)).unflatten(1, stream.shape[1:3])


@dataclass
class KeysAndValues(Reading):
    """Keys and values (seeds, batch, heads, context, width) of every block, that of position p at p mod context."""

    model: Transformer
    parameters: dict[str, Tensor]
    length: int
    keys: list[Tensor] = field(default_factory=list)
    values: list[Tensor] = field(default_factory=list)

    def step(self, tokens: Tensor) -> Tensor:
        context = self.model.context
        place, length = self.length % context, min(self.length + 1, context)

        def attend(block: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            keys, values = self.keys[block], self.values[block]
            keys[..., place, :], values[..., place, :] = key[..., 0, :], value[..., 0, :]
            return _attention(query, keys[..., :length, :], values[..., :length, :])

        stream = self.model._stream(self.parameters, tokens[..., None], self.length, attend)
        self.length += 1
        return self.model._read_out(self.parameters, stream)[:, :, 0]

    def select(self, rows: Tensor) -> None:
        size = self.keys[0].shape[1]
        place = (rows + size * torch.arange(len(rows), device=rows.device)[:, None]).flatten()

        def chosen(buffer: Tensor) -> Tensor:
            return buffer.flatten(0, 1).index_select(0, place).unflatten(0, rows.shape)

        self.keys, self.values = ([chosen(buffer) for buffer in part] for part in (self.keys, self.values))


def _embedded(embedding: Tensor, tokens: Tensor) -> Tensor:
    """Rows (seeds, batch * time, width) of each seed's own matrix (seeds, vocabulary, width)."""
    seeds, vocabulary, width = embedding.shape
    offset = vocabulary * torch.arange(seeds, device=tokens.device)[:, None, None]
    return torch.nn.functional.embedding(tokens + offset, embedding.flatten(0, 1)).reshape(seeds, -1, width)


def _normalised(h: Tensor) -> Tensor:
    return torch.nn.functional.layer_norm(h, h.shape[-1:])


def _attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, causal: bool = False) -> Tensor:
    """Attended values like `query` (seeds, batch, heads, time, width of a head)."""
    attention = torch.nn.functional.scaled_dot_product_attention
    seeds = len(query)
    query, key, value = (part.flatten(0, 1) for part in (query, key, value))
    return attention(query, key, value, attn_mask=mask, is_causal=causal).unflatten(0, (seeds, -1))


def _rotations(first: int, time: int, width: int, device: torch.device) -> Tensor:
    """Complex numbers (time, 1, width / 2) of length 1 by which positions `first`, .. turn pairs of numbers."""
    frequencies = 10_000 ** -(torch.arange(0, width, 2, device=device) / width)
    angles = torch.arange(first, first + time, device=device)[:, None, None] * frequencies
    return torch.polar(torch.ones_like(angles), angles)


def _rotated(h: Tensor, turn: Tensor) -> Tensor:
    """`h` (.., time, heads, width of a head) with the numbers 2 i and 2 i + 1 turned as a pair."""
    pairs = torch.view_as_complex(h.unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * turn).flatten(-2)
