"""Own code that fails, said in a sentence."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from opcode import opmap
from typing import TypeVar

from recurate.foundation.errors import RecurateError

OWN = "recurate_user_"  # how the packages begin that folders of a user's own become
X = TypeVar("X")
Y = TypeVar("Y")


@contextmanager
def guarded(what: str, passing: type[BaseException] | tuple[type[BaseException], ...] = ()) -> Iterator[None]:
    """Turn what own code raises, `sys.exit` too, into a sentence about `what`; an interrupt from the keyboard stays."""
    with staying(what):
        try:
            yield
        except BaseException as error:
            if isinstance(error, (RecurateError, passing)) or is_interrupt(error):
                raise
            raise RecurateError(f"{what} {failure(error)}") from error


@contextmanager
def staying(what: str) -> Iterator[None]:
    """Refuse own code that leaves the working directory, from which paths of results start, and go back there."""
    here = os.getcwd()
    try:
        yield
    finally:
        if moved := os.getcwd() != here:
            os.chdir(here)
    if moved:
        raise RecurateError(f"{what} changes the working directory; let it open files by their whole paths")


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """The same, but for a ValueError, by which settings are refused: it stays one, with its text on one line."""
    try:
        with guarded(what, passing=ValueError):
            yield
    except ValueError as error:
        raise ValueError(" ".join(text_of(error).split())) from error


def is_interrupt(error: BaseException) -> bool:
    """Whether somebody interrupts, at the keyboard or by a signal; own code that raises KeyboardInterrupt does not."""
    if not isinstance(error, KeyboardInterrupt):
        return False
    last = error.__traceback__
    while last and last.tb_next:
        last = last.tb_next
    if last is None or not str(last.tb_frame.f_globals.get("__name__")).startswith(OWN):
        return True
    return last.tb_frame.f_code.co_code[last.tb_lasti] != opmap["RAISE_VARARGS"]


def failure(error: BaseException) -> str:
    """What went wrong in own code, and what to do about it."""
    text = " ".join(text_of(error).split())[:200]
    if isinstance(error, SystemExit):
        return f"ended the process with sys.exit({error.code!r}); raise an error instead"
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return f"ran out of memory ({text}); let it take less at a time"
    if isinstance(error, ValueError) and "read-only" in text:
        return f"writes into an array that it is given ({text}); let it work on a copy"
    if isinstance(error, ModuleNotFoundError):
        return (
            f"imports what is not there ({text}); write from .NAME import .. for a file beside it, or its path from "
            "the working directory"
        )
    return f"raised {type(error).__name__}{f' ({text})' if text else ''}; mend it"


def text_of(error: BaseException) -> str:
    """What an error says; errors of own classes may fail at saying it."""
    try:
        return str(error)
    except BaseException as failed:
        if is_interrupt(failed):
            raise
        return f"its text cannot be told: {type(failed).__name__}"


def place_in_own_code(error: BaseException) -> str:
    """File, line and function in own code that an error came from, the last of several; nothing if there is none."""
    frames = list(traceback.walk_tb(error.__traceback__))
    for frame, line in reversed(frames):
        if str(frame.f_globals.get("__name__")).startswith(OWN):
            file = os.path.relpath(frame.f_code.co_filename)
            return f"{file}, line {line}: {frame.f_code.co_name}"
    return ""


def held(what: str, function: Callable[[X], object], check: Callable[[object], Y]) -> Callable[[X], Y]:
    """A function that own code gave, with what it gives held to a check; sentences are about `what`."""

    def call(argument: X) -> Y:
        with guarded(what):
            value = function(argument)
        try:
            return check(value)
        except ValueError as error:
            raise RecurateError(f"{what} {error}; mend it") from error

    return call
