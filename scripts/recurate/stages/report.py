"""What writing the report reads."""

from __future__ import annotations

from recurate.report.settings import ReportSettings


class Reads(ReportSettings):
    """The report's settings."""
