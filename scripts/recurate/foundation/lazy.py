"""NumPy and PyTorch, imported on first use.

The Snakefile reads the configuration classes of every component each time it is parsed, also inside each Slurm job.
Importing torch there would cost seconds per parse, so component modules take both libraries from here.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING


class LazyModule(ModuleType):
    """Stands for a module until an attribute is asked for."""

    def __getattr__(self, name: str) -> object:
        value = getattr(importlib.import_module(self.__name__), name)
        setattr(self, name, value)  # found without this function from now on
        return value


if TYPE_CHECKING:
    import numpy as np
    import torch
else:
    np = LazyModule("numpy")
    torch = LazyModule("torch")

__all__ = ["np", "torch"]
