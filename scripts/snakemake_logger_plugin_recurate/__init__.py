"""Snakemake's events in the words of a study: `snakemake --logger recurate`, which `make study` asks for.

Snakemake finds a plugin by the name of its package, on the path of Python: PYTHONPATH=scripts.
"""

import logging
import sys
from dataclasses import dataclass, field

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase

from recurate.workflow.watching import Watcher


@dataclass
class LogHandlerSettings(LogHandlerSettingsBase):
    """Options `--logger-recurate-..`."""

    brief: bool = field(default=False, metadata={"help": "tell of no single job that went well", "required": False})
    sum: bool = field(
        default=False, metadata={"help": "of a dry run tell what it comes to, and no job by itself", "required": False}
    )


class LogHandler(LogHandlerBase):
    """Hands every event to a Watcher, which writes lines where Snakemake would have."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True  # what is told is chosen by the watcher
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        common, own = self.common_settings, self.settings
        assert own is None or isinstance(own, LogHandlerSettings), "Snakemake builds what is declared above"
        self.watcher = Watcher(
            sys.stdout if common.stdout else sys.stderr,
            quiet=bool(common.quiet) or (own is not None and own.brief),
            dry=common.dryrun,
            in_sum=own is not None and own.sum,
        )

    def emit(self, record: logging.LogRecord) -> None:
        """Tell of one event; what goes wrong in doing so is told as logging does, and stops nothing."""
        try:
            self.watcher.heed(record)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Tell what was made. Snakemake calls this more than once."""
        self.watcher.close()
        super().close()
