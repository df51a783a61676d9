"""What checking published claims reads."""

from __future__ import annotations

from typing import Annotated

from pydantic import SerializeAsAny

from recurate.curation import Curation
from recurate.foundation.components import Settings, embedded
from recurate.mixing.trained import Mixing
from recurate.theory.claims import ClosedLoop


class ArmOfClaims(Settings):
    """An arm as the claims see it."""

    curation: Annotated[SerializeAsAny[Curation], embedded(Curation)]
    mixing: Mixing
    is_biased: bool

    def loop(self, study: str, arm: str) -> ClosedLoop:
        """The loop that the arm closes."""
        return ClosedLoop(
            study,
            arm,
            choices=self.curation.bradley_terry_choices,
            real_fraction=self.mixing.real_fraction,
            regime=self.mixing.name,
            is_biased=self.is_biased,
            by_prompt=self.curation.by_prompt,
            has_operator=self.curation.has_operator,
        )


class Reads(Settings):
    """The claims, and every arm."""

    claims: list[str]
    arms: dict[str, ArmOfClaims]
