"""The report: one HTML file about the default studies."""
