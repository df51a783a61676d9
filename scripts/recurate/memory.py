"""Running out of memory, said as a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from recurate.errors import RecurateError
from recurate.lazy import torch

# How PyTorch says it in errors that are of no class of their own: for the processor's memory, and by CUDA itself.
TEXTS = ("can't allocate memory", "out of memory")


@contextmanager
def out_of_memory(where: str, remedy: str) -> Iterator[None]:
    """Turn an allocation that fails inside the block, on the GPU or the processor, into a RecurateError."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        known = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not known and not any(text in str(error) for text in TEXTS):
            raise
        raise RecurateError(f"{where} ran out of memory ({str(error).partition(chr(10))[0]}); {remedy}") from error
