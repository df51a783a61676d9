"""Draw a published run's figures again from its tables; what needs samples is copied.

Usage: python scripts/redraw.py [PUBLISHED_FOLDER OUTPUT_FOLDER]
Without folders: every run in results/published, to results/figures/RUN/STUDY.
"""

import inspect
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import draw_choices
import draw_comparison
import draw_language
import draw_quality
import draw_rates
import draw_shares
import draw_trajectory
from recurate.foundation.errors import RecurateError
from recurate.study.reading import as_study, read_yaml
from recurate.study.trained import Study
from recurate.workflow.stage_settings import Stages

RESULTS = Path("results")
TABLES_SUFFICE: dict[str, Callable[..., None]] = {
    "trajectory": draw_trajectory.main,
    "shares": draw_shares.main,
    "choices": draw_choices.main,
    "quality": draw_quality.main,
    "comparison": draw_comparison.main,
    "language": draw_language.main,
    "rates": draw_rates.main,
}
PICTURES = (".png", ".gif", ".txt")


def redraw(published: Path, output: Path) -> list[str]:
    """Draw or copy the figures of every study below `published` to `output`/STUDY; one line for each study.

    Raises RecurateError if no study is there, or for a study whose settings or tables cannot be read.
    """
    folders = sorted(path.parent for path in published.glob("*/config.yaml"))
    if not folders:
        raise RecurateError(f"{published}: no study is published there; name a folder of results/published")
    return [f"{folder.name}: {redraw_study(folder, output / folder.name)}" for folder in folders]


def redraw_study(published: Path, output: Path) -> str:
    """Draw or copy the figures that the study's settings name; says which is which."""
    study = as_study(read_yaml(published / "config.yaml"), str(published / "config.yaml"))
    stage = "figure" if isinstance(study, Study) else "curves"
    spec = Stages({published.name: study}).settings(stage, SimpleNamespace(study=published.name))
    done: dict[str, list[str]] = {"drawn": [], "copied": [], "not published": []}
    for figure in study.figures:
        if main := TABLES_SUFFICE.get(figure):
            files = {name: str(published / f"{name}.csv") for name in ("metrics", "forecast", "rates")}
            files |= {kind: str(output / f"{figure}.{kind}") for kind in ("pdf", "png")}
            known = {**files, "caption": str(output / f"{figure}.txt"), "spec": spec}
            main(**{name: known[name] for name in inspect.signature(main).parameters})
            done["drawn"].append(figure)
        else:
            done["copied" if copy(published / "figures", figure, output) else "not published"].append(figure)
    return "; ".join(f"{word} {', '.join(figures)}" for word, figures in done.items() if figures)


def copy(folder: Path, figure: str, output: Path) -> bool:
    """Copy a figure's pictures and caption; False if there are none."""
    found = [path for suffix in PICTURES if (path := folder / f"{figure}{suffix}").is_file()]
    output.mkdir(parents=True, exist_ok=True)
    for path in found:
        shutil.copyfile(path, output / path.name)
    return bool(found)


def published_runs(results: Path) -> list[tuple[Path, Path]]:
    """Folder of every published run, and the folder for its figures."""
    runs = sorted(path.parent for path in results.glob("published/*/run.json"))
    return [(run, results / "figures" / run.name) for run in runs]


def main(arguments: list[str]) -> None:
    """Redraw the run that is given, or all published ones; a run that cannot be redrawn does not stop the others."""
    if len(arguments) not in (0, 2):
        sys.exit(f"error: give the folder of a published run and an output folder, or none\n{__doc__}")
    runs = [(Path(arguments[0]), Path(arguments[1]))] if arguments else published_runs(RESULTS)
    errors = [] if runs else [f"error: no run is published in {RESULTS}/published"]
    for published, output in runs:
        try:
            print(*redraw(published, output), f"figures are in {output}", sep="\n")
        except RecurateError as error:
            errors.append(f"error: {error}")
    if errors:
        sys.exit("\n".join(errors))


if __name__ == "__main__":
    main(sys.argv[1:])
