"""What trained and simulated studies have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from pydantic import Field, field_validator

from recurate.files.paths import NAME_RULE, is_name
from recurate.foundation.components import Settings
from recurate.foundation.errors import RecurateError
from recurate.foundation.quoting import nearest, quoted

MOST_SEEDS, LAST_SEED = 1_000_000, 2**31 - 1


class Request(Settings):
    """What the jobs of one rule ask a scheduler for."""

    mem_mb: int | None = Field(None, ge=1, description="memory in MB; measured or guessed if none")
    runtime: int | None = Field(None, ge=1, description="time in minutes; measured or guessed if none")


class Published(Settings):
    """A number that a paper or its code printed."""

    arm: str = Field(description="arm that it is about")
    measure: str = Field(description="what was measured")
    generation: int = Field(ge=0, description="when")
    value: float = Field(description="the number")
    replicates: int = Field(1, ge=1, description="runs that it is the mean of")
    note: str = Field("", description="where it stands, and what may differ there")


class StudySettings(Settings):
    """Heading, replicates, requests."""

    title: str = Field(description="heading in the report")
    answers: str = Field(description="which published figure or statement the study answers")
    seeds: list[int] = Field(description="independent replicates: a number of them (0, 1, ..), or a list")
    resources: dict[str, Request] = Field(
        {}, description="memory and time on a cluster by rule (such as train_arm), for the first attempt"
    )

    @field_validator("seeds", mode="before")
    @classmethod
    def _count_or_list(cls, value: object) -> object:
        if isinstance(value, int) and not isinstance(value, bool):
            if value < 1:
                raise ValueError(f"{quoted(value)} is not allowed; give a number of seeds >= 1 or a list of seeds")
            if value > MOST_SEEDS:
                raise ValueError(f"{quoted(value)} is not allowed; give at most {MOST_SEEDS:,} seeds")
            return list(range(value))
        if not isinstance(value, list):
            raise ValueError(f"{quoted(value)} is not allowed; give a number of seeds >= 1 or a list of seeds")
        return value

    @field_validator("seeds")
    @classmethod
    def _sorted_and_unique(cls, value: list[int]) -> list[int]:
        repeated = [seed for seed, count in Counter(value).items() if count > 1]
        if repeated or not value or min(value) < 0:
            raise ValueError(f"duplicate or negative seeds in {quoted(value)}; list each number (>= 0) once")
        if max(value) > LAST_SEED:
            raise ValueError(f"{max(value)} is not allowed; seeds go from 0 to {LAST_SEED}")
        return sorted(value)

    @field_validator("origins", "arms", mode="before", check_fields=False)
    @classmethod
    def _safe_names(cls, value: object) -> object:
        for name in value if isinstance(value, dict) else ():
            if not is_name(str(name)):
                raise ValueError(f"{quoted(name)} is not a name; {NAME_RULE}")
        return value


def check(key: str, part: Callable[[], object]) -> None:
    """Run a check that may raise ValueError, or whose own code fails, and put the setting's key before its sentence."""
    try:
        part()
    except (ValueError, RecurateError) as error:
        raise ValueError(f"{key}: {' '.join(str(error).split())}") from error


def known(values: list[str], allowed: tuple[str, ...]) -> list[str]:
    """`values` if all are `allowed` and none stands twice; raises ValueError otherwise."""
    for place, name in enumerate(values):
        if name in values[:place]:
            raise ValueError(f"{quoted(name)} is listed twice; leave one out")
        if name not in allowed:
            raise ValueError(f"{quoted(name)} is not known; allowed are {', '.join(allowed)}{nearest(allowed, name)}")
    return values
