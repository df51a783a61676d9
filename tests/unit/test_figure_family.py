"""Figures as a family: what a study file may list, when it is refused, what a figure's job reads, one of one's own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from figure_setup import arm_view, simulated_view, study_view
from long_cases import rows_long
from study_setup import ROOT, STUDY, changed, complaint, read

import draw
from recurate.figures import Figure, SimulatedFigure, TrainedFigure
from recurate.files.tables import METRIC_COLUMNS, write_rows
from recurate.foundation.components import components_in, kinds, load
from recurate.foundation.errors import RecurateError
from recurate.stages.draw import Reads
from recurate.stages.views import trained_view
from recurate.study.reading import read_trained
from recurate.workflow import code_digest
from recurate.workflow.job_params import params
from recurate.workflow.project import Project
from recurate.workflow.studies import Wildcards

METRIC = {"kind": "sliced_wasserstein"}
VAE = {"model": "conv_vae", "role": "an autoencoder", "is_autoencoder": True, "shape": (28, 28, 1)}
OWN = '''
from pydantic import Field
from recurate.figures import TrainedFigure
from recurate.figures.parts import style
from recurate.figures.parts.series import read_metrics


class Heights(TrainedFigure):
    """Bars as high as the last rewards."""

    reads = ("metrics",)

    width: float = Field(3.0, gt=0, description="inches")

    def check(self, study):
        if len(study.arms) > 1:
            raise ValueError("shows one arm, the study has several")

    def draw(self, study, files):
        (metrics,) = read_metrics(files.metrics).values()
        figure = style.new_figure(self.width, 2)
        figure.subplots().bar([0], [metrics["reward_mean"][:, -1].mean()])
        return style.Printed(figure, f"Bars of {study.answers}.")
'''


def component(kind: str, **options: Any) -> Figure:
    needed = {"generations": [0]} if kind == "snapshots" else {}
    return load(Figure, {"kind": kind, **needed, **options})


def project(folder: Path, study: dict[str, Any], targets: Sequence[str] = ()) -> Project:
    (folder / "studies").mkdir(exist_ok=True)
    (folder / "studies/tiny.yaml").write_text(yaml.safe_dump(study))
    return Project({"studies": ["tiny"], "results": str(folder / "results")}, str(folder / "studies"), targets)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "heights.py"
    path.write_text(OWN)
    return path


# What a study file may list


def test_a_name_is_short_for_a_block_of_that_kind(tmp_path: Path) -> None:
    short, long = (read(changed(("figures", [figure])), tmp_path) for figure in ("trajectory", {"kind": "trajectory"}))
    assert short.figures == long.figures == read(STUDY, tmp_path).figures


@pytest.mark.parametrize("kind", kinds(Figure))
def test_a_kind_is_for_trained_or_for_simulated_loops_and_reads_what_those_have(kind: str) -> None:
    figure = component(kind)
    assert isinstance(figure, TrainedFigure) != isinstance(figure, SimulatedFigure)
    assert figure.reads and set(figure.reads) <= set(figure.readable)
    assert figure.name == kind


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        (["curves"], "figures.0: curves is a figure of simulated loops, this study is of trained loops"),
        ([{"kind": "trajectory", "rows": []}], "figures.0: unknown key 'rows'; known are kind"),
        ([3], "figures.0: must be a mapping with the key 'kind'"),
        (["my/heights.py"], "figures.0: unknown kind 'my/heights.py'"),
        (["trajectory", "trajectory"], "figures: trajectory: two figures have this name"),
        (["quality"], "figures: quality: no distance, precision or recall is measured"),
        (["comparison"], "figures: comparison: no distance, precision or recall is measured"),
        (["language"], "figures: language: nothing is measured of texts"),
        (["choices"], "figures: choices: no arm without real data"),
        (["contact_sheet"], "figures: contact_sheet: cannot show the data of arms.curated, whose shape is (2,)"),
        (["perplexities"], "figures: perplexities: shows the features block_perplexity; list them under features"),
        (["latents"], "figures: latents: needs an autoencoder as generation 0, mlp is a vector field"),
        (["traversals"], "figures: traversals: needs an autoencoder as generation 0, mlp is a vector field"),
    ],
    ids=str,
)
def test_a_figure_that_does_not_fit_its_study_is_a_sentence(figures: list[Any], said: str, tmp_path: Path) -> None:
    lines = complaint(changed(("figures", figures), ("metrics", [METRIC])), tmp_path)
    assert any(line.startswith(f"{tmp_path / 'tiny.yaml'}: {said}") for line in lines), lines


def test_every_figure_that_does_not_fit_has_its_line(tmp_path: Path) -> None:
    assert len(complaint(changed(("figures", ["quality", "trajectory", "choices", "language"])), tmp_path)) == 3


def test_samples_whose_classes_nobody_tells_have_no_shares() -> None:
    digits = read_trained(ROOT / "config/studies/digits.yaml", "demo", {})
    checked("shares", trained_view("digits", digits))
    unjudged = {name: origin.model_copy(update={"judge": None}) for name, origin in digits.origins.items()}
    with pytest.raises(ValueError, match="the samples have no classes"):
        checked("shares", trained_view("digits", digits.model_copy(update={"origins": unjudged})))


def test_what_does_not_fit_stops_the_reading_of_the_rules(tmp_path: Path) -> None:
    with pytest.raises(RecurateError, match=r"tiny\.yaml: figures: quality: no distance"):
        project(tmp_path, changed(("figures", ["quality"])))


@pytest.mark.parametrize("kind", ["densities", "animation"])
@pytest.mark.parametrize("shape", [(3,), (8, 8, 1)])
def test_densities_are_of_points_of_the_plane(kind: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="it is for points of the plane"):
        checked(kind, study_view({"a": arm_view(shape=shape)}))
    checked(kind, study_view({"a": arm_view(shape=(2,))}))


def checked(kind: str, study: Any) -> None:
    Reads(figure=component(kind), study=study).check()


@pytest.mark.parametrize(
    ("metric", "fits"),
    [(("spread", "encoder"), True), (("spread", "judge"), False), (("my.py", None), True), (("frechet", "x"), False)],
)
def test_latents_need_their_spread_measured(metric: tuple[str, str | None], fits: bool) -> None:
    kind, space = metric
    study = study_view({"a": arm_view(**VAE)}, features=["encoder"], metrics=[{"kind": kind, "space": space}])
    if fits:
        checked("latents", study)
    else:
        with pytest.raises(ValueError, match="spread_encoder is not measured"):
            checked("latents", study)


@pytest.mark.parametrize(
    ("kind", "metric"),
    [
        ("quality", "frechet"), ("quality", "kernel_distance"), ("quality", "precision_recall"),
        ("quality", "memorisation"), ("comparison", "precision_recall"), ("language", "distinct_ngrams"),
        ("language", "my_metric.py"),
    ],
)  # fmt: skip
def test_one_metric_to_show_is_enough(kind: str, metric: str) -> None:
    checked(kind, study_view({"a": arm_view()}, metrics=[{"kind": metric, "space": "data"}]))


def test_a_judge_s_confidence_is_enough_for_quality_where_every_arm_has_one() -> None:
    checked("quality", study_view({"a": arm_view(has_judge=True)}))
    with pytest.raises(ValueError, match="no distance"):
        checked("quality", study_view({"a": arm_view(has_judge=True), "b": arm_view()}))


@pytest.mark.parametrize("generations", [[0, 101], [-1], [0, -1], [10**9]], ids=str)
def test_a_snapshot_of_a_generation_that_is_not_there_is_refused(generations: list[int]) -> None:
    mixture = {"a": {"estimator": "gaussian_mixture", "dimensions": 2}}
    snapshots = component("snapshots", generations=generations)
    with pytest.raises(ValueError, match=rf"of {re.escape(str(generations))} some do not exist, the last is 100"):
        Reads(figure=snapshots, study=simulated_view(mixture)).check()


# What a figure's job reads


def test_a_job_gets_the_files_that_its_figure_reads_and_no_others(tmp_path: Path) -> None:
    figures = project(tmp_path, changed(("figures", ["trajectory", "densities"]))).figures
    given = figures.inputs(Wildcards(study="tiny", figure="trajectory"))
    assert {name for name, paths in given.items() if paths} == {"metrics", "forecast"}
    given = figures.inputs(Wildcards(study="tiny", figure="densities"))
    assert {name for name, paths in given.items() if paths} == {"samples", "curated", "real"}


def test_rewards_count_only_in_figures_that_show_them(tmp_path: Path) -> None:
    figures = project(tmp_path, changed(("figures", ["trajectory", "densities", "animation"]))).figures
    of_figure = {
        name: {part.kind for part in components_in(figures.reads(Wildcards(study="tiny", figure=name)))}
        for name in ("trajectory", "densities", "animation")
    }
    assert of_figure == {
        "trajectory": {"trajectory"},
        "densities": {"densities", "clipped_distance", "bradley_terry"},
        "animation": {"animation", "clipped_distance", "bradley_terry"},
    }


def test_settings_survive_the_way_to_the_job(tmp_path: Path) -> None:
    loops = Project({"studies": []}, str(ROOT / "config/studies"))
    for study, settings in loops.studies.all.items():
        for figure in settings.figures:
            reads = loops.figures.reads(Wildcards(study=study, figure=figure.name))
            as_text = json.dumps(reads.model_dump(mode="json"))
            assert Reads.model_validate(json.loads(as_text)) == reads


def test_the_wildcard_has_the_figures_of_all_studies_for_an_alphabet(tmp_path: Path) -> None:
    figures = project(tmp_path, changed(("figures", ["trajectory", "animation", "densities"]))).figures
    assert (figures.printed, figures.animated) == ("trajectory|densities", "animation")


def test_a_target_that_is_no_figure_of_its_study_is_refused(tmp_path: Path) -> None:
    tiny = project(tmp_path, STUDY)
    tiny.check_targets([f"{tmp_path}/results/tiny/figures/trajectory.pdf"])
    with pytest.raises(RecurateError, match="study tiny has no figure 'quality'; its figures are trajectory"):
        tiny.check_targets([f"{tmp_path}/results/tiny/figures/quality.pdf"])


def test_reading_all_figures_imports_nothing_that_draws_or_computes() -> None:
    command = (
        "import sys; sys.path.insert(0, 'scripts')\n"
        "from recurate.figures import Figure\n"
        "from recurate.foundation.components import component_class, kinds\n"
        "from recurate.workflow.project import Project\n"
        "[component_class(Figure, kind) for kind in kinds(Figure)]\n"
        "Project({'studies': []}, 'config/studies')\n"
        "heavy = {'matplotlib', 'seaborn', 'PIL', 'pandas', 'numpy', 'scipy', 'torch'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", command], cwd=ROOT, check=True)


# Digests


@pytest.fixture
def redrawn_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], set[str]]:
    """Names of the figures whose code digest changes when a module below `scripts/recurate` is edited."""
    scripts = tmp_path / "scripts"
    shutil.copytree(ROOT / "scripts", scripts, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code_digest, "SCRIPTS", scripts)

    def digests() -> dict[str, str]:
        folder = scripts / "recurate/figures"
        return {k: code_digest.code_digest(scripts / "draw.py", [folder / f"{k}.py"]) for k in kinds(Figure)}

    def redrawn(module: str) -> set[str]:
        before, path = digests(), scripts / "recurate" / module
        path.write_text(path.read_text() + "\nADDED = 1\n")
        os.utime(path, (2e9, 2e9))
        return {kind for kind, digest in digests().items() if digest != before[kind]}

    return redrawn


@pytest.mark.parametrize(
    ("module", "figures"),
    [
        *rows_long(3, [(f"figures/{kind}.py", {kind}) for kind in kinds(Figure)]),
        ("figures/parts/images.py", {"contact_sheet", "traversals"}),
        ("figures/parts/density.py", {"densities", "animation"}),
        ("theory/limit.py", {"densities"}),
        ("theory/bounds.py", {"trajectory"}),
        ("closed_form/rates.py", {"rates"}),
        ("curation/rewards/clipped_distance.py", set()),
        ("measuring/metrics/frechet.py", set()),
        ("study/trained.py", set()),
        ("stages/views.py", set()),
        ("figures/parts/style.py", set(kinds(Figure))),
        ("figures/__init__.py", set(kinds(Figure))),
    ],
)
def test_an_edit_redraws_the_figures_that_it_touches_and_no_other(
    redrawn_by: Callable[[str], set[str]], module: str, figures: set[str]
) -> None:
    assert redrawn_by(module) == figures


# A figure of one's own


def test_a_figure_of_ones_own_is_one_file(own: Path, tmp_path: Path) -> None:
    tiny = project(tmp_path, changed(("figures", ["trajectory", {"kind": str(own), "width": 2.5}])))
    wildcards = Wildcards(study="tiny", figure="heights")
    rows = [
        {"study": "tiny", "arm": "curated", "generation": g, "seed": 0, "metric": "reward_mean", "value": repr(-0.5)}
        for g in range(3)
    ]
    files = tiny.figures.inputs(wildcards)
    write_rows(str(files["metrics"]), METRIC_COLUMNS, rows)
    given: dict[str, Any] = {name: paths or (None if isinstance(paths, str) else []) for name, paths in files.items()}
    pictures = [str(tmp_path / f"heights.{kind}") for kind in ("pdf", "png")]
    reads = Reads.model_validate_json(tiny.figures.reads(wildcards).model_dump_json())
    draw.main(pictures, str(tmp_path / "heights.txt"), reads, **given)
    assert (tmp_path / "heights.txt").read_text() == "Bars of nothing."
    from PIL import Image

    with Image.open(pictures[1]) as picture:
        assert picture.size == (500, 400)
    assert tiny.targets.figure_files("tiny", tiny.studies.all["tiny"].figures[1]) == [
        f"{tmp_path}/results/tiny/figures/heights.{kind}" for kind in ("pdf", "png")
    ]


def test_a_figure_of_ones_own_is_refused_when_its_check_says_so(own: Path, tmp_path: Path) -> None:
    arms = {name: STUDY["arms"]["curated"] for name in ("one", "two")}
    with pytest.raises(RecurateError, match=r"tiny\.yaml: figures: heights: shows one arm, the study has several"):
        project(tmp_path, changed(("figures", [str(own)]), ("arms", arms)))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('("metrics",)', '("tables",)', "reads: 'tables' cannot be read; a figure of trained loops reads some of"),
        ('("metrics",)', "()", "reads: it must read something"),
        ("Heights(TrainedFigure)", "Heights(Figure)", "Heights must be a TrainedFigure or a SimulatedFigure"),
        ("def draw(", "def paint(", "Heights must also define draw"),
    ],
)
def test_what_is_wrong_with_a_figure_of_ones_own_is_a_sentence(
    own: Path, tmp_path: Path, old: str, new: str, said: str
) -> None:
    other = own.with_name("other.py")
    text = OWN.replace(old, new).replace("import TrainedFigure", "import Figure, TrainedFigure")
    other.write_text(text)
    assert any(said in line for line in complaint(changed(("figures", [str(other)])), tmp_path))


def test_a_figure_s_name_must_do_as_a_name_of_files(tmp_path: Path) -> None:
    path = tmp_path / "My-Heights.py"
    path.write_text(OWN)
    assert any(
        "the figure is called after its file" in line for line in complaint(changed(("figures", [str(path)])), tmp_path)
    )


def test_an_edit_of_a_figure_of_ones_own_redraws_it_alone(own: Path, tmp_path: Path) -> None:
    tiny = project(tmp_path, changed(("figures", ["trajectory", str(own)])))

    def digests() -> dict[str, str]:
        code = params("draw.py", tiny.figures.reads)["code"]
        return {name: code(Wildcards(study="tiny", figure=name)) for name in ("trajectory", "heights")}  # type: ignore[arg-type]

    before = digests()
    own.write_text(OWN.replace("[0], [metrics", "[1], [metrics"))
    os.utime(own, (2e9, 2e9))
    after = digests()
    assert {name for name in after if after[name] != before[name]} == {"heights"}


READING = """
from recurate.figures import TrainedFigure
class Own(TrainedFigure):
    reads = {reads}
    animated = {animated}
    def draw(self, study, files): raise NotImplementedError
"""


@pytest.mark.parametrize(
    ("reads", "said"),
    [
        (("traversed",), "needs an autoencoder as generation 0, mlp is a vector field"),
        (("features",), "it reads features, of which the study lists none"),
    ],
)
def test_a_figure_that_reads_what_its_study_does_not_make_is_refused(
    reads: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    (tmp_path / "own.py").write_text(READING.format(reads=reads, animated=False))
    (line,) = complaint(changed(("figures", [{"kind": str(tmp_path / "own.py")}])), tmp_path)
    assert line.endswith(f"figures: own: {said}")


def test_a_name_that_moves_in_one_study_and_not_in_another_is_refused(tmp_path: Path) -> None:
    (tmp_path / "trajectory.py").write_text(READING.format(reads=("metrics",), animated=True))
    other = changed(("figures", [{"kind": str(tmp_path / "trajectory.py")}]))
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies/other.yaml").write_text(yaml.safe_dump(other))
    moves = "trajectory moves in one of the studies .* and .* and not in the other"
    with pytest.raises(RecurateError, match=moves):
        project(tmp_path, STUDY, ["tiny", "other"])
    (notice,) = project(tmp_path, STUDY).notices
    assert re.search(moves, notice)
