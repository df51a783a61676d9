"""What decoding a path through the latents reads."""

from __future__ import annotations

from typing import Annotated

from pydantic import SerializeAsAny

from recurate.foundation.components import Settings, embedded
from recurate.models import Autoencoder, Model


class Reads(Settings):
    """The network of every arm, by name and in their order."""

    models: dict[str, Annotated[SerializeAsAny[Autoencoder], embedded(Model)]]
