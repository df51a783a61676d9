"""Draw a published run's figures again from its tables; what needs samples is copied."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from recurate.figures import TABLES, Figure, Files
from recurate.files.writing import replacing, write_text
from recurate.foundation.errors import RecurateError
from recurate.stages.views import figure_reads
from recurate.study.reading import as_study
from recurate.study.yaml_files import read_mapping

RESULTS = Path("results")
PICTURES = (".png", ".gif", ".txt")
GONE = ("data_seed", "resamples", "held_out")  # keys that no study set
GONE_OF_KIND: Mapping[object, tuple[str, ...]] = {"inception": ("weights",), "perplexity_spread": ("features",)}
USAGE = """Usage: python scripts/manage.py redraw [PUBLISHED_FOLDER OUTPUT_FOLDER]
Without folders: every run in results/published, to results/figures/RUN/STUDY."""


def main(arguments: list[str]) -> int:
    """Redraw the run that is given, or all published ones; a run that cannot be redrawn does not stop the others."""
    if len(arguments) not in (0, 2):
        sys.exit(f"error: give the folder of a published run and an output folder, or none\n{USAGE}")
    runs = [(Path(arguments[0]), Path(arguments[1]))] if arguments else published_runs(RESULTS)
    errors = [] if runs else [f"error: no run is published in {RESULTS}/published"]
    for published, output in runs:
        try:
            print(*redraw(published, output), f"figures are in {output}", sep="\n")
        except RecurateError as error:
            errors.append(f"error: {error}")
    if errors:
        sys.exit("\n".join(errors))
    return 0


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
    settings = published / "config.yaml"
    study = as_study(of_today(read_mapping(settings)), str(settings))
    done: dict[str, list[str]] = {"drawn": [], "copied": [], "not published": []}
    for figure in study.figures:
        if figure.tables_suffice and (tables := tables_of(figure, published)):
            drawing = figure_reads(published.name, study, figure).draw(tables)
            drawing.save([str(output / f"{figure.name}{suffix}") for suffix in figure.formats])
            write_text(output / f"{figure.name}.txt", drawing.caption)
            done["drawn"].append(figure.name)
        else:
            copied = copy(published / "figures", figure.name, output)
            done["copied" if copied else "not published"].append(figure.name)
    return "; ".join(f"{word} {', '.join(figures)}" for word, figures in done.items() if figures)


def tables_of(figure: Figure, published: Path) -> Files | None:
    """The tables that a figure reads, or None where not all of them are published, as those of every replicate."""
    paths = {name: published / f"{name}.csv" for name in TABLES if name in figure.reads}
    if not all(path.is_file() for path in paths.values()):
        return None
    return Files(**{name: str(path) for name, path in paths.items()})


def of_today(settings: Mapping[str, object]) -> dict[str, object]:
    """Settings of a study as they were written down, in the words of today's study files.

    Options of the figures curves, rates and snapshots once were keys of a simulated study; other keys are gone, whose
    values were the same in all that was published.
    """
    current = without_gone_keys(settings)
    assert isinstance(current, dict)
    return with_options_at_figures(current)


def without_gone_keys(settings: object) -> object:
    """Settings, and all blocks within, without the keys that are gone."""
    if isinstance(settings, list):
        return [without_gone_keys(part) for part in settings]
    if not isinstance(settings, Mapping):
        return settings
    gone = {*GONE, *GONE_OF_KIND.get(settings.get("kind"), ())}
    return {key: without_gone_keys(value) for key, value in settings.items() if key not in gone}


def with_options_at_figures(settings: Mapping[str, object]) -> dict[str, object]:
    """Settings of a simulated study with the options of figures where they belong."""
    former = {key: settings[key] for key in ("drawn", "medians", "linear", "snapshots", "shown") if key in settings}
    if not former:
        return dict(settings)
    options = {
        "curves": {"rows": former["drawn"], "medians": former["medians"], "linear": former["linear"]},
        "rates": {"rows": former["drawn"]},
        "snapshots": {"generations": former["snapshots"]},
    }
    names = settings["figures"]
    assert isinstance(names, list)
    figures = [{"kind": name, **options.get(name, {})} for name in names]
    return {**{key: value for key, value in settings.items() if key not in former}, "figures": figures}


def copy(folder: Path, figure: str, output: Path) -> bool:
    """Copy a figure's pictures and caption; False if there are none."""
    files = [path for suffix in PICTURES if (path := folder / f"{figure}{suffix}").is_file()]
    output.mkdir(parents=True, exist_ok=True)
    for path in files:
        with replacing(output / path.name) as temporary:
            shutil.copyfile(path, temporary)
    return bool(files)


def published_runs(results: Path) -> list[tuple[Path, Path]]:
    """Folder of every published run, and the folder for its figures."""
    runs = sorted(path.parent for path in results.glob("published/*/run.json"))
    return [(run, results / "figures" / run.name) for run in runs]
