"""Libraries of pretrained networks: imported by jobs that run one, and whatever goes wrong in them is one sentence."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from types import ModuleType
from typing import TypeVar

from recurate.foundation.errors import RecurateError
from recurate.foundation.torchvision_compat import import_torchvision

Found = TypeVar("Found")


def imported(name: str, environment: str) -> ModuleType:
    """transformers or diffusers; raises RecurateError, naming the environment that has it, where there is none."""
    try:
        if importlib.util.find_spec("torchvision"):
            import_torchvision()  # both look for it, and stop where its operators are not built
        library = importlib.import_module(name)
    except ImportError as error:
        raise RecurateError(f"{name} is not installed; install what envs/{environment}.yaml lists") from error
    library.logging.set_verbosity_error()
    return library


def read(what: str, load: Callable[[], Found]) -> Found:
    """What `load` gives; raises RecurateError, with what was to be loaded, whatever goes wrong in it."""
    try:
        return load()
    except Exception as error:  # a library that reaches for networks and files of others fails in many ways
        reason = " ".join(str(error).split())[:300]
        raise RecurateError(f"{what}: cannot be loaded ({reason}); name another, or save it anew") from error
