"""Mathematics between dollars in texts of a user's: where it is, and whether matplotlib can set it."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOLLAR = re.compile(r"(?<!\\)\$")  # as matplotlib counts them: an odd number is text


def outside(change: Callable[[str], str], text: str) -> str:
    """A text in which what is not mathematics is changed."""
    parts = DOLLAR.split(text)
    if len(parts) % 2 == 0:  # an odd number of dollars
        return change(text)
    return "$".join(part if place % 2 else change(part) for place, part in enumerate(parts))


@cache
def complaint(text: str) -> str:
    """Why matplotlib cannot set the mathematics in a text; nothing if it can, or if there is none."""
    dollars = len(DOLLAR.findall(text))
    if not dollars or dollars % 2:
        return ""
    from matplotlib.mathtext import MathTextParser

    try:
        for line in text.splitlines():
            if len(DOLLAR.findall(line)) % 2 == 0:
                MathTextParser("path").parse(line)
    except (ValueError, RecursionError) as error:
        return str(error).strip().rpartition("\n")[2] or type(error).__name__
    return ""


def text_where_it_does_not_parse(figure: Figure) -> None:
    """Show dollars as dollars in every text of a figure that is not mathematics to matplotlib."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        if complaint(written := text.get_text()):
            text.set_text(DOLLAR.sub(r"\\$", written))
