"""What checking published claims reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, SerializeAsAny

from recurate.curation import Curation
from recurate.files.series import Series
from recurate.foundation.components import Settings, embedded
from recurate.mixing.trained import Mixing
from recurate.study.common import Published
from recurate.theory import agreement
from recurate.theory.checking import Observed
from recurate.theory.claims import ClosedLoop
from recurate.theory.verdicts import ArmRow, settled


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


class Trained(Settings):
    """The claims, and every arm."""

    loop: Literal["trained"] = "trained"
    claims: list[str]
    arms: dict[str, ArmOfClaims]

    def observed(self, study: str, sources: Mapping[str, Series]) -> list[Observed]:
        """What is known of every arm from every source, some of which an arm may lack."""
        return [
            Observed(settings.loop(study, arm), source, values[arm])
            for arm, settings in self.arms.items()
            for source, values in sources.items()
            if arm in values
        ]


class Simulated(Settings):
    """Published numbers, the last generation, and how many loops each seed has in an arm."""

    loop: Literal["simulated"] = "simulated"
    generations: int
    published: list[Published]
    replicates: dict[str, int]

    def compared(
        self, values: agreement.Values, laws: Sequence[Mapping[str, str]], rates: Sequence[Mapping[str, str]]
    ) -> list[ArmRow]:
        """A row for every law, published number and fitted rate, with its verdict."""
        seeds = max(len(sample) for sample in values.values())
        rows = agreement.with_laws(values, laws, self.replicates)
        rows += agreement.with_published(values, self.published, self.replicates)
        rows += agreement.with_rates(rates, self.generations, seeds, self.replicates)
        return settled(rows)


class Reads(Settings):
    """A study of either loop."""

    study: Annotated[Trained | Simulated, Field(discriminator="loop")]
