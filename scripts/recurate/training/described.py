"""What a model file says of its training."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from recurate.files.arrays import read_metadata
from recurate.files.fingerprints import file_digest

if TYPE_CHECKING:
    from recurate.training.settings import CarryOver, Training


def described(
    training: Training | None, carry_over: Sequence[CarryOver], start: str | None, is_foreign: bool
) -> dict[str, str]:
    """Metadata: settings of the training, if there was any, and the file that it started from.

    `is_foreign` says whether that is a checkpoint from elsewhere.
    """
    settings = {} if training is None else {**training.model_dump(mode="json"), "carry_over": carry_over}
    return {"training": json.dumps({**settings, "start": _began_at(start, is_foreign)}, sort_keys=True)}


def _began_at(start: str | None, is_foreign: bool) -> str:
    """What training started from, in words."""
    if start is None:
        return "scratch"
    if is_foreign:
        return f"checkpoint with SHA-256 {file_digest(start)}"
    return f"generation {read_metadata(start)['generation']}"
