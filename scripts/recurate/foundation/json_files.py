"""Settings that other libraries keep in JSON files."""

from __future__ import annotations

import json
from pathlib import Path


def settings_in(key: str, path: Path) -> dict[str, object]:
    """What a file of settings holds, which a setting `key` leads to. Raises ValueError if it is missing or none."""
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{key}: {path} cannot be read ({error}); name the folder of a saved model") from error
    if not isinstance(settings, dict):
        raise ValueError(f"{key}: {path} is no mapping of settings; name the folder of a saved model")
    return settings
