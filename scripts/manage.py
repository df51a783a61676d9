"""What a person calls: python scripts/manage.py COMMAND [ARGUMENT ..]

run        the study in this folder, also after a crash
plan       how many jobs that would be, and what they are expected to cost
verify     every result beside its record; --rebuild makes damaged ones again
why        what is other than when a result was made, so that it runs again
trace      the chain of files that leads to a result
publish    tables and figures of a finished run, to results/published/
redraw     figures of published runs, from their tables
judge      claims of published runs anew, from their tables
calibrate  simulated studies with other seeds: false alarms, power, replicates
compare    tables of a commit and of the present tree
reference  the texts that are generated from the classes
"""

import importlib
import io
import sys

from recurate.foundation.errors import RecurateError

COMMANDS = ("run", "plan", "verify", "why", "trace", "publish", "redraw", "judge", "calibrate", "compare", "reference")


def main(arguments: list[str]) -> int:
    """Run a command; returns its exit status. Each is imported where it is asked for: some need slow libraries."""
    command, *rest = arguments or ["--help"]
    if command not in COMMANDS:
        print(__doc__, end="")
        return 0 if command in ("-h", "--help") else 2
    return int(importlib.import_module(f"recurate.commands.{command}").main(rest))


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        assert isinstance(stream, io.TextIOWrapper)
        stream.reconfigure(errors="backslashreplace")  # where the locale lacks a letter
    try:
        sys.exit(main(sys.argv[1:]))
    except RecurateError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        if error.filename is None:
            raise
        sys.exit(f"error: {error.filename}: {error.strerror}")
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)  # as of a command that SIGINT ended
