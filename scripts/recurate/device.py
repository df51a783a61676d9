"""Choice of the device and the thread count of a job."""

from __future__ import annotations

from recurate.errors import RecurateError
from recurate.lazy import torch


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
