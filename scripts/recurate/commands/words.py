"""The words of a command line for Snakemake in an order that it reads as they were meant."""

from __future__ import annotations

from argparse import Action
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from recurate.foundation.errors import RecurateError

CONFIG = ("--config", "-C")
QUIET = ("--quiet", "-q")
QUIETER = ("all", "progress", "rules")  # after `--quiet`: these ask for no line about single jobs
OTHERWISE_QUIET = ("host", "reason")  # and these for no line that the logger of this project writes anyhow
BRIEF = "--logger-recurate-brief"


def of_studies(arguments: Sequence[str]) -> tuple[Sequence[str], list[str]]:
    """The words of a command line after `--study "STUDY .."`, if that stands first, and the studies that it names."""
    if arguments[:1] != ["--study"]:
        return arguments, []
    names = arguments[1].replace(",", " ").split() if len(arguments) > 1 else []
    if not names:
        raise RecurateError('--study: name studies of config/studies, such as --study "mixture moons"')
    return arguments[2:], names


def in_order(words: Sequence[str], studies: Sequence[str] = ()) -> list[str]:
    """Options, then one `--config`, then `--` and targets, however the words were mixed.

    `--config` and `--quiet` take whatever follows for theirs, and of two `--config` Snakemake keeps the last; here each
    option gets what it can take and the rest are targets. `--quiet` becomes the logger's own, for with Snakemake's it
    would not learn what was made. `studies` are those to be made instead of the default ones.
    """
    told = _Sorted(_actions() if any(map(_is_bare, words)) else {})
    for place, word in enumerate(words):
        if word == "--":
            told.targets += words[place + 1 :]
            break
        told.take(word)
    if studies:
        told.settings.append(f"studies=[{','.join(studies)}]")
    options = [*told.options, *([BRIEF] if told.is_quiet else [])]
    return [
        *options,
        *(["--config", *told.settings] if told.settings else []),
        *(["--", *told.targets] if told.targets else []),
    ]


@dataclass
class _Sorted:
    """Options with their values, settings of `--config` and targets, as words are taken one after the other."""

    actions: Mapping[str, Action]
    options: list[str] = field(default_factory=list)
    settings: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    is_quiet: bool = False
    option: str = ""  # that the next word follows, and how many words it already has
    taken: int = 0

    def take(self, word: str) -> None:
        """One more word, which is not `--`."""
        name, equals, value = word.partition("=")
        if word.startswith("-"):
            attached = equals or (word[1:2] != "-" and len(word) > 2)  # as in --cores=2 and -j2
            self.option, self.taken = "" if attached else word, 0
            if name in CONFIG:
                self.settings += [value] if equals else []
            elif name in QUIET:
                self.is_quiet |= value not in OTHERWISE_QUIET
            else:
                self.options.append(word)
        elif self.option in CONFIG and equals:
            self.settings.append(word)
        elif self.option in QUIET and word in (*QUIETER, *OTHERWISE_QUIET):
            self.is_quiet = word in QUIETER or (self.taken > 0 and self.is_quiet)
            self.taken += 1
        elif self.option and self.option not in (*CONFIG, *QUIET) and self._takes(word):
            self.options.append(word)
            self.taken += 1
        else:
            self.targets.append(word)

    def _takes(self, word: str) -> bool:
        """Whether the option that stands before a word takes it; one that was not looked up takes a single one."""
        action = self.actions.get(self.option)
        several = action is not None and action.nargs in ("*", "+")
        if (self.taken and not several) or (action is not None and action.nargs == 0):
            return False
        if action is not None and several and action.choices is not None:
            return word in action.choices
        return not (action is not None and several and "=" in str(action.metavar)) or "=" in word


def _is_bare(word: str) -> bool:
    """Whether a word may be a target: no option, no setting, no number."""
    return not (word.startswith("-") or "=" in word or word.isdigit())


def _actions() -> dict[str, Action]:
    """Snakemake's options by name. Importing its parser takes a second."""
    from snakemake.cli import get_argument_parser

    return dict(get_argument_parser()._option_string_actions)
