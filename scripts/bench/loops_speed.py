"""Closed-form loops as a user runs them, at demo and at paper scale; and that late generations cost no more."""

from __future__ import annotations

import re
import sys
import tempfile
import time
from pathlib import Path

from measuring import ROOT, Row, run_child

from recurate.closed_form.simulate import simulate
from recurate.closed_form.streams import Replicates
from recurate.study.reading import read_study
from recurate.study.simulated import SimulatedStudy
from recurate.study.simulated_arm import measured

PAPER_SECONDS = {"wang_contamination": 600.0, "shumailov_gaussian": 30.0, "kazdan_gaussian": 300.0}
DEMO_SECONDS = 180.0
LATE = 2.0  # times the cost of early generations that late ones may have
SIMULATED = re.compile(r"^loop: simulated", re.MULTILINE)
LONG_ARMS = ("ecdf_0_5", "kde_0_5")


def rows() -> list[Row]:
    """Wall time of Snakemake targets with two cores, and the growth of a generation's cost."""
    names = [path.stem for path in _files() if SIMULATED.search(path.read_text(encoding="utf-8"))]
    found = [_run("all closed-form studies at demo scale", "demo", names, DEMO_SECONDS)]
    found += [_run(f"{name} at paper scale", "paper", [name], bound) for name, bound in PAPER_SECONDS.items()]
    return found + [_growth(arm) for arm in LONG_ARMS]


def _files() -> list[Path]:
    return sorted((ROOT / "config/studies").glob("*.yaml"))


def _run(what: str, scale: str, studies: list[str], bound: float) -> Row:
    print(what, file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="recurate-bench-") as results:
        snakemake = str(Path(sys.executable).with_name("snakemake"))
        config = ["--config", f"scale={scale}", f"results={results}", "--"]
        run = run_child([snakemake, "--cores", "2", "--nolock", "--quiet", "all", *config, *studies], ROOT)
    return Row(what, [run.seconds], "s", bound)


def _growth(arm: str) -> Row:
    """Time of the last tenth of a loop's generations over that of the second tenth (the first warms up)."""
    study = read_study(ROOT / "config/studies/wang_contamination.yaml", "paper", {})
    assert isinstance(study, SimulatedStudy), study.title
    settings = study.arms[arm]
    estimator, names = settings.estimator, measured(settings, study.measures)
    times = [time.perf_counter()]
    for model, _ in simulate(estimator, settings.loop(study.generations), Replicates(study.seeds[:20])):
        seen = estimator.seen(model)
        for name in names:
            estimator.measures[name](seen)
        times.append(time.perf_counter())
    tenth = study.generations // 10
    early, late = times[2 * tenth] - times[tenth], times[-1] - times[-1 - tenth]
    return Row(f"wang_contamination, {arm}: late generations over early ones", [late / early], "", LATE)
