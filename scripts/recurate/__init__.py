"""Recurate: generative models retrained on their own curated samples, as a reproducible study.

As a library: `curate`, `forecast`, `limit`, `claims` and `tables`, imported when they are first asked for
(docs/library.md).
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recurate.foundation.errors import RecurateError
    from recurate.library.claims import claims
    from recurate.library.loop import curate, forecast, limit
    from recurate.library.tables import tables

__version__ = "0.2.0"
__all__ = ["RecurateError", "__version__", "claims", "curate", "forecast", "limit", "tables"]
HOMES = {
    "RecurateError": "recurate.foundation.errors",
    "claims": "recurate.library.claims",
    "curate": "recurate.library.loop",
    "forecast": "recurate.library.loop",
    "limit": "recurate.library.loop",
    "tables": "recurate.library.tables",
}


def __getattr__(name: str) -> object:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it gives {', '.join(__all__)}")
    return getattr(importlib.import_module(HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
