"""NumPy and PyTorch, imported on first use.

The Snakefile reads the configuration classes of every component each time it is parsed, also inside each Slurm job.
Importing torch there would cost seconds per parse, so component modules take both libraries from here.
"""

from __future__ import annotations

import gc
import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING


class LazyModule(ModuleType):
    """Stands for a module until an attribute is asked for."""

    def __getattr__(self, name: str) -> object:
        value = getattr(imported(self.__name__), name)
        setattr(self, name, value)  # found without this function from now on
        return value


def imported(name: str) -> ModuleType:
    """Import a module, whose objects stay: no garbage is looked for among them, neither meanwhile nor later.

    Among PyTorch's quarter of a million that takes half as long as importing them, most of it when a process ends.
    """
    if name in sys.modules:
        return sys.modules[name]
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


if TYPE_CHECKING:
    import numpy as np
    import torch
else:
    np = LazyModule("numpy")
    torch = LazyModule("torch")

__all__ = ["np", "torch"]
