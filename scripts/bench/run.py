"""Measure the speed of what the project has targets for; print one table and write it to results/bench.md.

Run `make bench`, or `python scripts/bench/run.py --help` for its parts. Medians count; an idle machine gives numbers
that mean something.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import autoencoder_speed
import language_speed
import loops_speed
import metrics_speed
import network_speed
import scale_speed
import scheduler_speed
import text_speed
import theory_speed
import training_speed
import workflow_speed
from measuring import ROOT, Row, heading, table

from recurate.files.writing import write_text

Part = Callable[[argparse.Namespace], tuple[list[Row], str]]  # rows of the table, and a remark below it
SHORT: dict[str, Part] = {
    "training": lambda options: training_speed.rows(options.runs, options.steps),
    "autoencoder": lambda options: autoencoder_speed.rows(options.runs),
    "network": lambda options: network_speed.rows(options.runs),
    "metrics": lambda options: (metrics_speed.rows(options.runs), ""),
    "theory": lambda options: (theory_speed.rows(options.runs), ""),
    "workflow": lambda options: (workflow_speed.rows(options.runs, graph_runs=max(1, options.runs // 2)), ""),
}
LONG: dict[str, Part] = {
    "study": lambda _: (workflow_speed.study_rows(), ""),
    "loops": lambda _: (loops_speed.rows(), ""),
    "language": lambda options: language_speed.rows(options.runs, options.steps),
    "slurm": lambda _: (scheduler_speed.rows(), ""),
    "scale": lambda _: (scale_speed.rows(), ""),
    "text": lambda _: text_speed.rows(),
}
PARTS = {**SHORT, **LONG}


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n")[0],
        epilog="Of minutes each: study, the whole study, also at an earlier commit; loops, closed-form loops at paper "
        "scale; language, small transformers; slurm, a study sent to a Slurm cluster, as root; scale, plans of up to "
        "1,000 arms; text, tokens of 541 MB.",
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=SHORT, help="parts to measure")
    parser.add_argument("--runs", type=int, default=5, help="measured runs of each quantity")
    parser.add_argument("--steps", type=int, default=500, help="training steps, of 4,000 in the study")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> None:
    """Measure, print, write."""
    options = parse(arguments)
    head, remarks, rows = heading(), list[str](), list[Row]()
    for part in options.only:
        found, remark = PARTS[part](options)
        rows += found
        remarks += [remark] if remark else []
    text = "\n\n".join([head, table(rows), *remarks]) + "\n"
    print(text, end="")
    write_text(ROOT / "results/bench.md", text)


if __name__ == "__main__":
    main(sys.argv[1:])
