"""Names of what is measured, each with its equation and its unit, from which the glossary is made."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

HOLES = {"number": r"\d+"}  # what may stand in the place of {number}; of any other word in braces whatever text


@dataclass(frozen=True)
class Term:
    """A name of a measured value, with words in braces for what varies, its equation and its unit."""

    name: str
    equation: str
    unit: str = "1"

    def matches(self, name: str) -> bool:
        """Whether a measured value of this name is meant."""
        parts = re.split(r"{(\w+)}", self.name)
        pattern = "".join(HOLES.get(part, ".+") if place % 2 else re.escape(part) for place, part in enumerate(parts))
        return re.fullmatch(pattern, name) is not None


def names(terms: Iterable[Term], name: str) -> bool:
    """Whether one of the terms is the measured value of this name."""
    return any(term.matches(name) for term in terms)
