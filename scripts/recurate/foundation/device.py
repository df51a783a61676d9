"""The device and the threads of a job, and running out of memory said as a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import torch


def prepare(device: str, threads: int) -> str:
    """Set the number of threads and ask for reproducible convolutions.

    Returns "cpu" or "cuda" for the configured `device`, which may be "auto".
    Raises RecurateError if a GPU is asked for and none is visible.
    """
    torch.set_num_threads(threads)
    if device == "cpu" or (device == "auto" and not torch.cuda.is_available()):
        return "cpu"
    if not torch.cuda.is_available():
        raise RecurateError("device: cuda is asked for, but PyTorch sees no GPU; use --config device=auto")
    torch.backends.cudnn.deterministic = True  # else some backward passes add up in an order of their own
    return "cuda"


def describe(device: str) -> str:
    """Name of the device for a file's metadata."""
    return torch.cuda.get_device_name() if device == "cuda" else "cpu"


# How PyTorch says it in errors that are of no class of their own: for the processor's memory, and by CUDA itself.
TEXTS = ("can't allocate memory", "out of memory")


@contextmanager
def out_of_memory(where: str, remedy: str) -> Iterator[None]:
    """Turn an allocation that fails inside the block, on the GPU or the processor, into a RecurateError."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        of_memory = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not of_memory and not any(text in str(error) for text in TEXTS):
            raise
        raise RecurateError(f"{where} ran out of memory ({str(error).partition(chr(10))[0]}); {remedy}") from error
