"""Study files of simulated loops: what is read, and the sentence for every mistake."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from study_setup import ROOT

from recurate.closed_form.recording import record
from recurate.closed_form.simulate import simulate
from recurate.closed_form.streams import Replicates
from recurate.foundation.components import components_in
from recurate.foundation.errors import RecurateError
from recurate.mixing.regimes import REGIMES
from recurate.mixing.simulated import SimulatedMixing
from recurate.stages.simulate import Reads
from recurate.study.each import expanded
from recurate.study.reading import read_study, read_trained
from recurate.study.simulated import SimulatedStudy
from recurate.workflow.figures import check_figures
from recurate.workflow.stage_settings import StageSettings
from recurate.workflow.studies import Studies, Wildcards

SIMULATED = [
    path for path in sorted((ROOT / "config/studies").glob("*.yaml")) if "\nloop: simulated\n" in path.read_text()
]
STUDY: dict[str, Any] = {
    "loop": "simulated",
    "title": "Tiny",
    "answers": "nothing",
    "generations": 20,
    "seeds": 3,
    "measures": ["variance"],
    "arms": {"one": {"estimator": {"kind": "gaussian"}, "mixing": {"regime": "replace", "initial": 10}}},
}
FITTED = {"rates": {"measures": ["std_error"], "exponent": 0.5}}
CURATED = {
    "reward": {"kind": "clipped_distance", "target": [2.0]},
    "curation": {"kind": "bradley_terry", "choices": 4, "kept": 5},
}


def read(tmp_path: Path, study: dict[str, Any]) -> SimulatedStudy:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(study))
    study = read_study(path, "demo", {})
    assert isinstance(study, SimulatedStudy)
    check_figures(study, str(path))
    return study


def simulated(study: SimulatedStudy) -> Reads:
    """What simulating the arm `one` reads."""
    return StageSettings(Studies({"s": study})).simulate(Wildcards(study="s", arm="one"))


def changed(arm: dict[str, Any] | None = None, **keys: Any) -> dict[str, Any]:
    study = {**copy.deepcopy(STUDY), **keys}
    study["arms"]["one"].update(arm or {})
    return study


@pytest.mark.parametrize("scale", ["demo", "paper"])
@pytest.mark.parametrize("path", SIMULATED, ids=lambda path: path.stem)
def test_every_shipped_study_is_read_at_both_scales(path: Path, scale: str) -> None:
    study = read_study(path, scale, {})
    assert isinstance(study, SimulatedStudy)
    assert study.recorded()[0] == 0 and study.recorded()[-1] == study.generations


@pytest.mark.parametrize("shared", [True, False])
def test_arms_share_random_numbers_if_the_study_says_so(tmp_path: Path, shared: bool) -> None:
    """Scaled by their size, errors of fits to 10 and to 1,000 samples are the same numbers, or others."""
    study = read(tmp_path, changed({"estimator": {"kind": "gaussian", "ddof": 1}}, common_random_numbers=shared))
    mixings = [SimulatedMixing(regime="replace", initial=size) for size in (10, 1000)]
    arms = [study.arms["one"].model_copy(update={"mixing": mixing}) for mixing in mixings]
    reads = [simulated(study.model_copy(update={"arms": {"one": arm}})) for arm in arms]
    means = [
        record(spec.arm.estimator, spec.arm.loop(0), spec.runs, ["mean_shift"]).means["mean_shift"] for spec in reads
    ]
    shifts = [shift * np.sqrt(size) for shift, size in zip(means, (10, 1000), strict=True)]
    assert np.allclose(*shifts) == shared


def test_the_studies_of_the_papers_are_all_there() -> None:
    names = (
        "alemohammad_gaussian curated_gaussian gerstgrasser_regression kazdan_gaussian kazdan_kde shumailov_discrete"
    )
    names += " shumailov_gaussian shumailov_mixture wang_biased wang_contamination"
    assert [path.stem for path in SIMULATED] == names.split()


def test_curation_is_studied_in_every_regime() -> None:
    study = read_study(ROOT / "config/studies/curated_gaussian.yaml", "demo", {})
    assert isinstance(study, SimulatedStudy)
    assert {arm.mixing.regime for arm in study.arms.values()} == set(REGIMES)


def test_paper_scale_takes_the_sizes_of_the_papers() -> None:
    wang = read_study(ROOT / "config/studies/wang_contamination.yaml", "paper", {})
    assert isinstance(wang, SimulatedStudy)
    assert (wang.generations + 1, len(wang.seeds), len(wang.arms)) == (2_000, 100, 20)
    sizes = {round(arm.mixing.real_fraction or 0, 1): arm.mixing.sizes.synthetic for arm in wang.arms.values()}
    assert sizes == {0.1: 450, 0.2: 200, 0.3: 117, 0.4: 75, 0.5: 50, 0.6: 33, 0.7: 21, 0.8: 12, 0.9: 6, 1.0: 0}
    gaussian = read_study(ROOT / "config/studies/shumailov_gaussian.yaml", "paper", {})
    assert isinstance(gaussian, SimulatedStudy)
    assert {arm.mixing.initial for arm in gaussian.arms.values()} == {100, 500, 1_000, 10_000}
    assert (gaussian.generations, len(gaussian.seeds)) == (1_000, 50)  # of 25 loops each, where the paper has 100


@pytest.mark.parametrize(
    ("arm", "sentence"),
    [
        (
            {"mixing": {"regime": "contamination", "real": 5, "real_fraction": 1.5}},
            "real_fraction: Input should be less than",
        ),
        ({"mixing": {"regime": "contamination", "real": 5, "alpha": -1}}, "mixing: alpha: write real_fraction"),
        (
            {"mixing": {"regime": "contamination", "real": 0, "real_fraction": 0.5}},
            "real: 0 samples cannot be a share of 0",
        ),
        (
            {"mixing": {"regime": "contamination", "real": 5, "real_fraction": 0.5, "synthetic": 3}},
            "either it or real_fraction",
        ),
        ({"mixing": {"regime": "replace"}}, "initial: the regime replace needs the number of real samples"),
        ({"mixing": {"regime": "fresh", "synthetic": 5}}, "real: the regime fresh needs the number of real samples"),
        ({"mixing": {"regime": "augmentation", "real": 5}}, "synthetic: the regime augmentation needs either it or"),
        ({"mixing": {"regime": "replace", "initial": 5, "real": 5}}, "real: the regime replace adds no real data"),
        ({"mixing": {"regime": "replace", "initial": 5, "synthetic": 0}}, "needs synthetic samples, at least 1"),
        ({"mixing": {"regime": "augmentation", "real": 5, "synthetic": 5, "initial": 4}}, "keeps the real data of gen"),
        ({"mixing": {"regime": "fresh", "real": 0, "synthetic": 5}}, "initial: without real samples in a round"),
        ({"mixing": {"regime": "mirror", "initial": 5}}, "regime: Input should be 'replace', 'accumulate'"),
        ({"estimator": {"kind": "gaussian", "ddof": 2}}, "ddof: Input should be 0 or 1"),
        (
            {"estimator": {"kind": "gaussian", "dimensions": 0}},
            "dimensions: Input should be greater than or equal to 1",
        ),
        ({"mixing": {"regime": "replace", "initial": 1}}, "a covariance with ddof 1 needs 2 samples"),
        ({"estimator": {"kind": "lattice_kde", "bandwidth": 0}}, "bandwidth: Input should be greater than 0"),
        (
            {"estimator": {"kind": "kde", "bandwidth": -1, "data": {"kind": "blobs"}}},
            "bandwidth: Input should be greater than 0",
        ),
        (
            {"estimator": {"kind": "kde", "bandwidth": 1, "data": {"kind": "mnist"}}},
            "mnist is no source of endless sam",
        ),
        ({"estimator": {"kind": "discrete", "probabilities": [0.5, 0.6]}}, "these add up to 1.1"),
        ({"estimator": {"kind": "regression", "dimensions": 20}}, "20 coefficients need as many rows at least, not 10"),
        (
            {"estimator": {"kind": "regression", "dimensions": 5}, **CURATED},
            "regression draws no samples that one could",
        ),
        ({"estimator": {"kind": "ecdf"}, "sampling_bias": 0.5}, "ecdf has no covariance that could be scaled"),
        ({"collection": {"share": 0.2}}, "collection: gaussian knows no wrong distribution"),
        ({"reward": CURATED["reward"]}, "curation: needs a reward, and a reward needs curation"),
        ({**CURATED, "reward": {"kind": "confidence"}}, "reward: confidence needs a judge"),
        ({**CURATED, "reward": {"kind": "clipped_distance", "target": [0.0, 1.0]}}, "target has 2 coordinates"),
        ({**CURATED, "curation": {"kind": "bradley_terry", "choices": 40, "kept": 5}}, "more than the 10"),
    ],
)
def test_a_mistake_in_an_arm_is_one_sentence(tmp_path: Path, arm: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RecurateError) as caught:
        read(tmp_path, changed(arm))
    (line,) = str(caught.value).splitlines()
    assert "tiny.yaml: arms.one" in line
    assert sentence in line


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"measures": ["w1"]}, "measures: 'w1' is not known; allowed are log_variance, mean_error"),
        (
            {"figures": [{"kind": "curves", "linear": ["w2_squared"]}]},
            "figures: curves: linear: 'w2_squared' is not measured; measures are variance",
        ),
        ({"figures": [{"kind": "curves", "rows": ["w1"]}]}, "figures: curves: rows: 'w1' is not measured"),
        ({"figures": [{"kind": "curves", "columns": 3}]}, "figures.0: unknown key 'columns'; known are kind, rows"),
        ({"figures": ["rates"]}, "figures: rates: needs the key rates"),
        (
            {"figures": [{"kind": "rates", "rows": ["variance"]}], "measures": ["variance", "std_error"], **FITTED},
            "figures: rates: rows: none of variance is fitted",
        ),
        (
            {"figures": [{"kind": "snapshots", "generations": [3]}]},
            "snapshots: is about gaussian_mixture in 2 dimensions, arms.one",
        ),
        ({"figures": ["snapshots"]}, "figures.0.generations: Field required"),
        ({"figures": ["equivalent_data"]}, "equivalent_data: measures: 'squared_error' is not measured"),
        (
            {"figures": ["equivalent_data"], "measures": ["squared_error", "w2_squared"]},
            "equivalent_data: no arm has the regime fresh",
        ),
        ({"figures": ["trajectory"]}, "trajectory is a figure of trained loops, this study is of simulated loops"),
        ({"figures": ["curves", "curves"]}, "figures: curves: two figures have this name"),
        ({"drawn": ["variance"]}, "drawn: give it as rows of the figure: figures: [{kind: curves, rows: [..]}]"),
        ({"medians": []}, "medians: give it to the figure: figures: [{kind: curves, medians: [..]}]"),
        ({"linear": []}, "linear: give it to the figure: figures: [{kind: curves, linear: [..]}]"),
        (
            {"snapshots": [3]},
            "snapshots: give it as generations of the figure: figures: [{kind: snapshots, generations: [..]}]",
        ),
        ({"shown": 12}, "shown: leave it out, tables hold 12 generations in each power of ten"),
        (
            {"published": [{"arm": "one", "measure": "variance", "generation": 30, "value": 1}]},
            "published.0: there is no generation 30, the last is 20",
        ),
        ({"rates": {"measures": ["variance"], "exponent": 0.5, "drop": 19}}, "leaves nothing to fit"),
        ({"published": [{"arm": "two", "measure": "variance", "generation": 1, "value": 1}]}, "'two' is not known"),
        ({"generations": 0}, "generations: Input should be greater than or equal to 1"),
        ({"origins": {}}, "unknown key 'origins'"),
    ],
)
def test_a_mistake_in_a_study_is_one_sentence(tmp_path: Path, keys: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RecurateError) as caught:
        read(tmp_path, changed(**keys))
    assert sentence in str(caught.value)


def test_a_trained_study_is_asked_for_by_those_who_need_networks() -> None:
    with pytest.raises(RecurateError, match="is a simulated study, which has no networks"):
        read_trained(SIMULATED[0], "demo", {})


def test_each_combination_of_values_becomes_an_arm() -> None:
    arm = {
        "each": {"mixing.initial": [10, 100], "estimator.kind": ["gaussian"], "sampling_bias": [0.5, 1.0]},
        "title": "n = {initial}, bias {sampling_bias}",
        "mixing": {"regime": "replace"},
    }
    found = {name: arm for name, _, arm in expanded("loop", arm, "file")}
    assert list(found) == [
        "loop_10_gaussian_0_5",
        "loop_10_gaussian_1_0",
        "loop_100_gaussian_0_5",
        "loop_100_gaussian_1_0",
    ]
    assert found["loop_100_gaussian_0_5"] == {
        "title": "n = 100, bias 0.5",
        "mixing": {"regime": "replace", "initial": 100},
        "estimator": {"kind": "gaussian"},
        "sampling_bias": 0.5,
        "parameters": {"initial": 100, "kind": "gaussian", "sampling_bias": 0.5},
    }


@pytest.mark.parametrize("each", [{}, [1], {"mixing.initial": 3}, {"mixing.initial": []}])
def test_a_list_of_values_that_is_none_is_one_sentence(each: Any) -> None:
    with pytest.raises(RecurateError, match=r"arms\.loop\.each: must map dotted keys to lists of values"):
        list(expanded("loop", {"each": each}, "file"))


@pytest.mark.parametrize("title", ["M = {size}", "{", "M = {}", "{initial.size}", "{initial:g}"])
def test_braces_in_a_title_without_a_value_are_one_sentence(title: str) -> None:
    arm: dict[str, Any] = {"each": {"mixing.initial": [[10]]}, "title": title}
    with pytest.raises(RecurateError, match=r"^file: arms\.loop\.title: .*; only initial may stand in braces, .*"):
        list(expanded("loop", arm, "file"))


def test_an_arm_made_twice_is_refused_and_not_dropped(tmp_path: Path) -> None:
    study = changed({"each": {"mixing.initial": [10, 20]}})
    study["arms"]["one_20"] = {"estimator": {"kind": "gaussian"}, "mixing": {"regime": "replace", "initial": 5}}
    with pytest.raises(
        RecurateError, match=r"arms\.one_20: two arms are called so, .*each at initial = 20 and arms\.one_20"
    ):
        read(tmp_path, study)


def test_the_synthetic_samples_of_a_round_follow_from_the_share_of_real_ones() -> None:
    sizes = SimulatedMixing.model_validate({"regime": "contamination", "real": 50, "real_fraction": 0.3}).sizes
    assert (sizes.initial, sizes.real, sizes.synthetic) == (50, 50, 117)
    by_ratio = SimulatedMixing.model_validate({"regime": "augmentation", "real": 50, "lambda": 0.5}).sizes
    assert by_ratio.synthetic == 25


def test_titles_and_panels_do_not_make_a_loop_run_again(tmp_path: Path) -> None:
    before, after = (simulated(read(tmp_path, changed({"title": title}))) for title in ("a", "b"))
    assert before == after


def test_all_kinds_of_an_arm_count_in_its_digest(tmp_path: Path) -> None:
    kde = {"kind": "kde", "bandwidth": 0.5, "data": {"kind": "blobs"}}
    curated = {**CURATED, "reward": {"kind": "clipped_distance", "target": [0.0, 0.0]}}
    study = read(tmp_path, changed({"estimator": kde, **curated}, measures=["reward_mean"]))
    kinds = {component.kind for component in components_in(simulated(study))}
    assert kinds == {"kde", "blobs", "clipped_distance", "bradley_terry"}


def test_recorded_generations_are_dense_at_first_and_then_in_every_power_of_ten(tmp_path: Path) -> None:
    number = {"arm": "one", "measure": "variance", "generation": 777, "value": 1}
    recorded = read(tmp_path, changed(generations=1000, published=[number])).recorded()
    assert recorded[:9] == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    spaced = [g for g in recorded if 10 <= g not in (777, 1000)]
    assert [sum(10**power <= g < 10 ** (power + 1) for g in spaced) for power in (1, 2)] == [12, 12]
    assert recorded[-1] == 1000 and 777 in recorded


def test_the_models_that_a_figure_shows_are_kept_and_their_generations_recorded(tmp_path: Path) -> None:
    mixture = {"kind": "gaussian_mixture", "components": 2, "dimensions": 2}
    shown = [{"kind": "snapshots", "generations": [14, 0]}, "curves"]
    study = read(tmp_path, changed({"estimator": mixture}, measures=["l2_squared"], figures=shown))
    assert simulated(study).snapshots == [0, 14]
    assert 14 in study.recorded()
    assert 14 not in read(tmp_path, changed()).recorded()
    bare = read(tmp_path, changed({"estimator": mixture}, measures=["l2_squared"], figures=["curves"]))
    assert simulated(bare).snapshots == []


OWN = '''
import numpy as np
from pydantic import Field
from recurate.closed_form.samples import Samples
from recurate.closed_form.estimators import Estimator


class Uniform(Estimator):
    """Uniform on [0, w], w fitted by the largest sample."""

    width: float = Field(1.0, gt=0, description="w of the real data")

    def truth(self, initial, randoms):
        return np.full(len(randoms), self.width)

    def fit(self, pool, randoms):
        return pool.x.max(axis=(1, 2))

    def sample_pool(self, model, n, randoms, bias=1.0, explicit=False):
        return Samples(randoms.sample_rows(lambda generator, w: w * generator.random((n, 1)), model))

    @property
    def measures(self):
        return {"width": lambda model: model}
'''


def test_an_estimator_of_ones_own_is_one_file(tmp_path: Path) -> None:
    """The width of a uniform law shrinks by n/(n + 1) a generation."""
    file = tmp_path / "uniform.py"
    file.write_text(OWN)
    study = read(tmp_path, changed({"estimator": {"kind": str(file), "width": 2.0}}, measures=["width"]))
    arm = study.arms["one"]
    steps = [
        arm.estimator.measures["width"](model)
        for model, _ in simulate(arm.estimator, arm.loop(5), Replicates(range(2000)))
    ]
    expected = 2.0 * (10 / 11) ** np.arange(1, 7)
    np.testing.assert_allclose([step.mean() for step in steps], expected, rtol=0.02)
