"""Values and texts as messages quote them: in one line, cut where they are long."""

from __future__ import annotations

from collections.abc import Iterable

QUOTED = 200  # characters


def quoted(value: object) -> str:
    """A value as Python writes it, in one line, cut where it is long."""
    try:
        return shortened(repr(value))
    except ValueError:  # Python writes no integers of thousands of digits
        return "a number of thousands of digits"


def shortened(text: str, most: int = QUOTED) -> str:
    """Text in one line, cut where it is long."""
    line = " ".join(text.splitlines())
    return line if len(line) <= most else f"{line[:most]} .."


def nearest(names: Iterable[str], wrong: object) -> str:
    """What to add to a list of names where one of them was most likely meant by a `wrong` one."""
    from difflib import get_close_matches  # where something is wrong already

    found = get_close_matches(str(wrong)[:QUOTED], list(names), 1)
    return f"; nearest is {found[0]}" if found else ""
