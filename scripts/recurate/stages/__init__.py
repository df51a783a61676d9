"""What every script reads of a study's settings, and no more: one module a script, whose class `Reads` a job validates.

A change in what a script reads makes Snakemake run it again.
"""
