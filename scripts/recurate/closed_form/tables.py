"""Columns of the tables of closed-form loops."""

from __future__ import annotations

LAW_COLUMNS = ("study", "arm", "generation", "metric", "value", "deviation", "order", "source")
RATE_COLUMNS = (
    "study", "arm", "metric", "slope", "slope_error", "slope_log_corrected", "slope_log_corrected_error", "theory",
    "logarithm",
    "slope_of_law", "law", "real_fraction", "decay",
)  # fmt: skip
