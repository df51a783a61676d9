"""Pictures and the report: tables and arrays in, matplotlib figures, captions and HTML out."""
