"""Continuing texts token by token with a language model: by chance, from a nucleus, or by beam search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recurate.foundation.lazy import torch
from recurate.models import LanguageModel

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Bending:
    """How logits are changed before a token is chosen: by repetition penalty (Keskar et al. 2019) and temperature."""

    temperature: float = 1.0
    repetition_penalty: float = 1.0

    def __call__(self, logits: Tensor, past: Tensor) -> Tensor:
        """Changed logits (seeds, n, vocabulary), given all tokens so far, `past` (seeds, n, time).

        Logits of tokens that came before are divided by the penalty where positive and multiplied where negative.
        """
        if self.repetition_penalty != 1:
            former = logits.gather(2, past)
            lowered = torch.where(former > 0, former / self.repetition_penalty, former * self.repetition_penalty)
            logits = logits.scatter(2, past, lowered)
        return logits / self.temperature


def by_chance(
    model: LanguageModel,
    parameters: dict[str, Tensor],
    prompts: Tensor,
    uniform: Tensor,
    bend: Bending,
    top_p: float = 1.0,
) -> Tensor:
    """Continuations (seeds, prompts * each, length), those of a prompt side by side.

    `prompts` are (seeds, prompts, time), `uniform` numbers from 0 to 1, (seeds, prompts * each, length): each token is
    the inverse of its distribution function at one of them. With `top_p` < 1 only the fewest tokens whose probabilities
    add up to it are chosen from (nucleus sampling, Holtzman et al. 2020).
    """
    each = uniform.shape[1] // prompts.shape[1]
    rows = torch.arange(prompts.shape[1], device=prompts.device).repeat_interleave(each).expand(len(prompts), -1)
    logits, reading = model.begin(parameters, prompts)
    if each > 1:
        logits = _rows(logits, rows)
        reading.select(rows)
    past = _rows(prompts, rows)
    for step in range(uniform.shape[2]):
        if step:
            logits = reading.step(past[..., -1])
        chosen = drawn(bend(logits, past), uniform[..., step], top_p)
        past = torch.cat([past, chosen[..., None]], dim=2)
    return past[..., prompts.shape[2] :]


def drawn(logits: Tensor, uniform: Tensor, top_p: float) -> Tensor:
    """Tokens (seeds, n) from `logits` (seeds, n, vocabulary) at `uniform` (seeds, n)."""
    probabilities = logits.softmax(dim=2)
    if top_p == 1:
        return _inverse(probabilities, uniform)
    ordered, tokens = probabilities.sort(dim=2, descending=True, stable=True)
    before = ordered.cumsum(dim=2) - ordered
    place = _inverse(ordered * (before < top_p), uniform)
    return tokens.gather(2, place[..., None])[..., 0]


def _inverse(weights: Tensor, uniform: Tensor) -> Tensor:
    """Places (seeds, n) at which the sums of `weights` (seeds, n, places) pass `uniform` times their total."""
    sums = weights.cumsum(dim=2)
    place = torch.searchsorted(sums, uniform[..., None] * sums[..., -1:], right=True)[..., 0]
    last = (weights > 0).cumsum(dim=2).argmax(dim=2)  # rounding must not lead to a place without weight
    return torch.minimum(place, last)


def by_beams(
    model: LanguageModel,
    parameters: dict[str, Tensor],
    prompts: Tensor,
    length: int,
    beams: int,
    bend: Bending,
) -> tuple[Tensor, Tensor]:
    """Continuations (seeds, prompts, beams, length) and their summed log-probabilities, the likeliest first.

    After every token the `beams` likeliest beginnings of each prompt (seeds, prompts, time) are kept.
    """
    seeds, count, time = prompts.shape
    first = torch.arange(count, device=prompts.device).repeat_interleave(beams).expand(seeds, -1)
    logits, reading = model.begin(parameters, prompts)
    reading.select(first)
    logits, past = _rows(logits, first), _rows(prompts, first)
    # At first all beams of a prompt are the same, and only one may go on.
    scores = torch.full((seeds, count, beams), float("-inf"), device=prompts.device)
    scores[..., 0] = 0.0
    for step in range(length):
        if step:
            logits = reading.step(past[..., -1])
        gains = bend(logits, past).log_softmax(dim=2).unflatten(1, (count, beams))
        scores, place = (scores[..., None] + gains).flatten(2).topk(beams, dim=2)
        vocabulary = gains.shape[3]
        parent = (first[:, ::beams, None] * beams + place // vocabulary).flatten(1)
        past = torch.cat([_rows(past, parent), (place % vocabulary).flatten(1)[..., None]], dim=2)
        if step + 1 < length:
            reading.select(parent)
    return past[..., time:].unflatten(1, (count, beams)), scores


def _rows(x: Tensor, rows: Tensor) -> Tensor:
    """`x` (seeds, batch, ..) at rows (seeds, n)."""
    return x[torch.arange(len(rows), device=rows.device)[:, None], rows]
