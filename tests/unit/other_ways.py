"""Slower and foreign ways to the same numbers, which tests and benchmarks compare with."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import torch
from torch import Tensor

from recurate.foundation.torchvision_compat import import_torchvision
from recurate.models import LanguageModel


def import_cleanfid() -> ModuleType:
    """Import `cleanfid.fid`, which imports torchvision."""
    import_torchvision()
    from cleanfid import fid

    return fid


def without_cache(
    model: LanguageModel,
    parameters: dict[str, Tensor],
    prompts: Tensor,
    length: int,
    choose: Callable[[Tensor], Tensor],
) -> Tensor:
    """Continuations (seeds, prompts, length) by looking at the whole text again for every token.

    `choose` maps logits (seeds, prompts, vocabulary) to tokens (seeds, prompts).
    """
    past = prompts
    for _ in range(length):
        chosen = choose(model.logits(parameters, past)[:, :, -1])
        past = torch.cat([past, chosen[..., None]], dim=2)
    return past[..., prompts.shape[2] :]
