"""The configuration: which studies at which scale, and what holds for all of them."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, JsonValue

from recurate.foundation.components import Settings

RESULTS = "results"
SAVE_EVERY = 30.0  # seconds


class Config(Settings):
    """`config/config.yaml`, with what `--config` changes."""

    model_config = ConfigDict(allow_inf_nan=True)  # of the values in overrides, where lambda may be infinite
    studies: list[str] = Field(description="studies that the default target makes")
    scale: Literal["demo", "paper"] = Field("demo", description="demo: minutes on two cores; paper: the published size")
    results: str = Field(RESULTS, description="folder that everything is written to")
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
    save_every: float = Field(
        SAVE_EVERY, gt=0, allow_inf_nan=False, description="seconds of training between two private checkpoints"
    )
    overrides: dict[str, dict[str, JsonValue]] = Field(
        {}, description="settings by study that replace those of its file, for trying things out"
    )
