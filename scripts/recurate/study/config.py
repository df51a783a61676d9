"""The configuration: which studies at which scale, and what holds for all of them."""

from __future__ import annotations

from typing import Any, Literal

import yaml
from pydantic import Field, field_validator

from recurate.foundation.components import Settings

SAVE_EVERY = 30.0  # seconds


class Config(Settings):
    """`config/config.yaml`, with what `--config` changes."""

    studies: list[str] = Field(description="studies that the default target makes")
    scale: Literal["demo", "paper"] = Field("demo", description="demo: minutes on two cores; paper: the published size")
    results: str = Field("results", description="folder that everything is written to")
    data: str = Field("data", description="folder that published data sets and feature networks are fetched into, once")
    data_folders: dict[str, str] = Field(
        {}, description="folders by data set that hold its published files, for machines that cannot download them"
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="where networks run; auto takes a GPU if there is one"
    )
    light_jobs: Literal["submit_host", "cluster"] = Field(
        "submit_host", description="where figures, tables and forecasts are made when a cluster does the rest"
    )
    save_every: float = Field(SAVE_EVERY, gt=0, description="seconds of training between two private checkpoints")
    overrides: dict[str, dict[str, Any]] = Field(
        {}, description="settings by study that replace those of its file, for trying things out"
    )

    @field_validator("overrides", mode="before")
    @classmethod
    def _typed(cls, value: object) -> object:
        """Snakemake's `--config` leaves the values inside mappings as text; read them as YAML does."""
        if isinstance(value, dict):
            return {key: cls._typed(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [cls._typed(inner) for inner in value]
        if not isinstance(value, str):
            return value
        try:
            scalar = yaml.safe_load(value)
        except yaml.YAMLError:
            return value
        return value if isinstance(scalar, dict) else scalar
