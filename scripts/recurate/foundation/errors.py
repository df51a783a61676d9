"""The one exception that is meant for the person at the keyboard."""


class RecurateError(Exception):
    """A failure said in one sentence: what is wrong, where, and what to do about it."""
