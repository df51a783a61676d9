"""The configuration: which studies at which scale, and what holds for all of them."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal, get_args

from pydantic import ConfigDict, Field, JsonValue, field_validator

from recurate.foundation.components import Settings
from recurate.foundation.quoting import quoted

Scale = Literal["demo", "paper"]
SCALES: tuple[Scale, ...] = get_args(Scale)
RESULTS = "results"
SAVE_EVERY = 30.0  # seconds
LONGEST_PART, LONGEST_PATH = 255, 3000  # bytes; file systems hold 255 and 4096, and results lie deep below


class Config(Settings):
    """`config/config.yaml`, with what `--config` changes."""

    model_config = ConfigDict(allow_inf_nan=True)  # of the values in overrides, where lambda may be infinite
    studies: list[str] = Field(description="studies that the default target makes")
    scale: Scale = Field("demo", description="demo: minutes on two cores; paper: the published size")
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
    most_jobs: int = Field(
        1_000_000,
        ge=1,
        description="jobs of a study, more than which are taken for a mistake; raise it for one that is none",
    )
    most_memory_gb: float = Field(
        100.0, gt=0, description="the same for the largest array in GB, of which a job holds some ten copies"
    )
    overrides: dict[str, dict[str, JsonValue]] = Field(
        {}, description="settings by study that replace those of its file, for trying things out"
    )

    @field_validator("studies")
    @classmethod
    def _each_once(cls, value: list[str]) -> list[str]:
        if repeated := [name for place, name in enumerate(value) if name in value[:place]]:
            raise ValueError(f"{quoted(repeated[0])} is listed twice; leave one out")
        return value

    @field_validator("results", "data", mode="before")
    @classmethod
    def _can_be_a_folder(cls, value: object) -> str:
        """The folder as Snakemake writes paths: without a slash at the end, `./` or doubled slashes."""
        if value is None:
            raise ValueError("names no folder; write one, or leave the key out")
        if not isinstance(value, str):
            raise ValueError(f"{quoted(value)} is no text; a folder of such a name is written with ./ before it")
        if complaint := _complaint(value):
            raise ValueError(f"{quoted(value)} {complaint}; name another folder")
        return str(PurePosixPath(f"/{value.lstrip('/')}" if value.startswith("/") else value))


def _complaint(folder: str) -> str:
    """Why no folder can be called so; nothing if one can."""
    if not folder.strip():
        return "names no folder"
    if set(folder) & set("{}\0"):
        return "has braces or a null character, which paths cannot have here"
    if folder.startswith(("-", "~")):
        return "begins with - or ~, which programs do not take for a folder here"
    encoded = folder.encode(errors="surrogateescape")
    if max(map(len, encoded.split(b"/"))) > LONGEST_PART or len(encoded) > LONGEST_PATH:
        return "is too long"
    return "" if folder.encode(errors="ignore") == encoded else "is not text in UTF-8"
