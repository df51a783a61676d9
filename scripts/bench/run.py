"""Measure the speed of what the project has targets for; print one table and write it to results/bench.md.

Run `make bench`, or `python scripts/bench/run.py --help` for its parts. Medians count; an idle machine gives numbers
that mean something.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import autoencoder_speed
import language_speed
import loops_speed
import metrics_speed
import network_speed
import scale_speed
import scheduler_speed
import theory_speed
import training_speed
import workflow_speed
from measuring import ROOT, Row, heading, table

from recurate import store

PARTS = ("training", "autoencoder", "network", "metrics", "theory", "workflow")


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="parts to measure")
    parser.add_argument("--runs", type=int, default=5, help="measured runs of each quantity")
    parser.add_argument("--steps", type=int, default=500, help="training steps, of 4,000 in the study")
    parser.add_argument("--study", action="store_true", help="also run the whole study, once (minutes)")
    parser.add_argument("--slurm", action="store_true", help="also send a study to a Slurm cluster, as root (minutes)")
    parser.add_argument("--loops", action="store_true", help="also run closed-form loops at paper scale (minutes)")
    parser.add_argument("--language", action="store_true", help="also train and run small transformers (minutes)")
    parser.add_argument("--scale", action="store_true", help="also plan studies of up to 1,000 arms (minutes)")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> None:
    """Measure, print, write."""
    options = parse(arguments)
    head, remarks, rows = heading(), [], list[Row]()
    if "training" in options.only:
        found, remark = training_speed.rows(options.runs, options.steps)
        rows += found
        remarks.append(remark)
    if "autoencoder" in options.only:
        rows += autoencoder_speed.rows(options.runs)
    if "network" in options.only:
        found, remark = network_speed.rows(options.runs)
        rows += found
        remarks.append(remark)
    if "metrics" in options.only:
        rows += metrics_speed.rows(options.runs)
    if "theory" in options.only:
        rows += theory_speed.rows(options.runs)
    if "workflow" in options.only:
        rows += workflow_speed.rows(options.runs, graph_runs=max(1, options.runs // 2))
    if options.study:
        rows += workflow_speed.study_rows()
    if options.loops:
        rows += loops_speed.rows()
    if options.language:
        found, remark = language_speed.rows(options.runs, options.steps)
        rows += found
        remarks.append(remark)
    if options.slurm:
        rows += scheduler_speed.rows()
    if options.scale:
        rows += scale_speed.rows()
    text = "\n\n".join([head, table(rows), *remarks]) + "\n"
    print(text, end="")
    store.write_text(ROOT / "results/bench.md", text)


if __name__ == "__main__":
    main(sys.argv[1:])
