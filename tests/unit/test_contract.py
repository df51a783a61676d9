"""What own code gives is looked at where it is called; what is wrong is a sentence that names family and file."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from own_code import BASES, EXAMPLES, made, needed, text, written
from pydantic import ValidationError
from snakemake.iocontainers import InputFiles, Log, OutputFiles, Params, Wildcards

from recurate.closed_form.estimators import Estimator
from recurate.closed_form.loop import REWARD_MEASURES, Preference
from recurate.closed_form.recording import Runs, record
from recurate.closed_form.streams import Replicates
from recurate.curation import Choice, Curation
from recurate.curation.judges import FittedJudge
from recurate.data import Description, RealData
from recurate.figures import Files
from recurate.foundation import contract
from recurate.foundation.components import component_class, kinds, load
from recurate.foundation.errors import RecurateError
from recurate.measuring.metrics import Evidence
from recurate.mixing.simulated import SimulatedMixing
from recurate.models.parts.units import Encoding
from recurate.sampling import Request
from recurate.study.simulated_arm import SimulatedArm
from recurate.training.settings import Training
from recurate.training.trainer import Trainer
from recurate.workflow.job import run

SCRIPTS = Path(__file__).parents[2] / "scripts"
X = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)


def interrupting(*_: object) -> None:
    """A handler of signals that interrupts."""
    raise KeyboardInterrupt


def sentence(family: str, call: Callable[[], object]) -> str:
    """The one line that a call ends with, which names family and file."""
    with pytest.raises(RecurateError) as caught:
        call()
    line = str(caught.value)
    assert "\n" not in line and line.startswith(f"{family}: ") and "own.py" in line, line
    return line


# Loading


@pytest.mark.parametrize("family", BASES)
def test_an_example_loads_and_is_described(tmp_path: Path, family: str) -> None:
    path = str(EXAMPLES / f"{family}.py")
    component = load(BASES[family], {"kind": path, **needed(tmp_path, family)})
    assert component.is_own and type(component).__doc__
    assert all(field.description for field in type(component).model_fields.values())


@pytest.mark.parametrize("family", BASES)
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        ("exit()", "SystemExit"),
        ("raise SystemExit", "SystemExit"),
        ("raise BaseException('stop')", "BaseException: stop"),
        ("raise MemoryError", "MemoryError"),
        ("def f(): f()\nf()", "RecursionError"),
        ("from nowhere_at_all import x", "No module named 'nowhere_at_all'"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise KeyboardInterrupt('stop')", "KeyboardInterrupt: stop"),
        (
            "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise KeyboardInterrupt from error",
            "KeyboardInterrupt",
        ),
        ("class Stop(KeyboardInterrupt):\n    pass\nraise Stop", "Stop"),
    ],
)
def test_a_module_that_ends_the_process_when_imported_is_a_sentence(
    tmp_path: Path, family: str, code: str, said: str
) -> None:
    with pytest.raises(RecurateError, match=rf"own\.py cannot be imported \(.*{said}"):
        written(tmp_path, family, code)


INTERRUPTED = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nfor _ in range(10**6):\n    pass\n"


@pytest.mark.parametrize("handler", [signal.default_int_handler, interrupting])
def test_an_interrupt_from_the_keyboard_stays_one(tmp_path: Path, handler: Callable[..., None]) -> None:
    before = signal.signal(signal.SIGINT, handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            written(tmp_path, "reward", INTERRUPTED)
        inside = INTERRUPTED.strip().replace("\n", "\n        ")
        reward = made(tmp_path, "reward", (KEPT, f"{inside}\n        {KEPT}"))
        with pytest.raises(KeyboardInterrupt):
            reward(X, None)
    finally:
        signal.signal(signal.SIGINT, before)


def test_own_code_that_raises_what_an_interrupt_raises_is_a_sentence(tmp_path: Path) -> None:
    reward = made(tmp_path, "reward", (KEPT, "raise KeyboardInterrupt"))
    assert "raised KeyboardInterrupt; mend it" in sentence("reward", lambda: reward(X, None))
    upper = ("return 0.0", "raise KeyboardInterrupt('no')")
    assert "raised KeyboardInterrupt (no)" in sentence("reward", lambda: made(tmp_path, "reward", upper))


KEPT = "return np.minimum(0.0, x[:, 1] - self.height)"
SILENT = "class Odd(Exception):\n    def __str__(self):\n        {}\n\n\n"


@pytest.mark.parametrize(
    "text_of",
    ["raise SystemExit(0)", "return 3", "raise GeneratorExit", "return self.nothing", "raise KeyboardInterrupt"],
)
@pytest.mark.parametrize("base", ["Exception", "ValueError", "BaseException", "SystemExit", "MemoryError"])
def test_an_error_that_cannot_say_what_it_is_is_a_sentence(tmp_path: Path, base: str, text_of: str) -> None:
    odd = SILENT.format(text_of).replace("Exception)", f"{base})")
    reward = made(tmp_path, "reward", ("class ", odd + "class "), (KEPT, "raise Odd"))
    sentence("reward", lambda: reward(X, None))
    with pytest.raises(RecurateError, match=r"own\.py cannot be imported"):
        written(tmp_path, "reward", f"{odd}raise Odd")


def test_an_object_that_fails_when_it_is_looked_at_is_a_sentence(tmp_path: Path) -> None:
    odd = "class Odd:\n    def __array__(self, *a, **b):\n        raise SystemExit(0)\n\n\n"
    reward = made(tmp_path, "reward", ("class ", odd + "class "), (KEPT, "return Odd()"))
    assert "sys.exit(0)" in sentence("reward", lambda: reward(X, None))
    large = ("return 0.0", "return 10**400")
    assert "beyond those of 64 bits" in sentence("reward", lambda: made(tmp_path, "reward", large))


@pytest.mark.parametrize("fails", ["", "; raise KeyError(1)"])
def test_own_code_stays_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str) -> None:
    monkeypatch.chdir(tmp_path)
    away = f"import os; os.chdir('/'){fails}"
    reward = made(tmp_path, "reward", (KEPT, f"{away}\n        {KEPT}"))
    said = sentence("reward", lambda: reward(X, None))
    assert "KeyError" in said if fails else "changes the working directory" in said
    assert Path.cwd() == tmp_path
    with pytest.raises(RecurateError, match=r"own\.py (changes the working directory|cannot be imported)"):
        written(tmp_path, "reward", f"{away}\n{text('reward')}")
    assert Path.cwd() == tmp_path


@pytest.mark.parametrize("family", BASES)
def test_settings_that_cannot_be_read_again_are_refused(tmp_path: Path, family: str) -> None:
    """What is written down for a job must be what the study file says."""
    code = re.sub(
        r'(class \w+\(\w+\):\n    """.*?""")', r"\1\n\n    odd: object = Field(lambda: 1)", text(family), count=1
    )
    assert "its settings" in sentence(family, lambda: written(tmp_path, family, f"from pydantic import Field\n{code}"))


@pytest.mark.parametrize("error", ["KeyError('x')", "TypeError('x')", "ZeroDivisionError()", "SystemExit(0)"])
def test_a_validator_of_ones_own_that_fails_is_a_sentence(tmp_path: Path, error: str) -> None:
    code = text("reward", ("from pydantic import Field", "from pydantic import Field, field_validator"))
    code += f"\n    @field_validator('height')\n    @classmethod\n    def _fails(cls, value):\n        raise {error}\n"
    sentence("reward", lambda: written(tmp_path, "reward", code, height=1.0))
    code = code.replace(error, "ValueError('too high')")
    with pytest.raises(ValidationError, match="too high"):
        written(tmp_path, "reward", code, height=1.0)


@pytest.mark.parametrize(
    ("family", "old", "new", "said"),
    [
        (
            "reward",
            "    @property\n    def supremum",
            "    def supremum",
            r"supremum is a method, wanted as a property",
        ),
        ("data", "    @property\n    def description", "    def description", r"description is a method"),
        ("estimator", "    @property\n    def measures", "    def measures", r"measures is a method"),
        ("reward", "def __call__(self, x, scorer)", "def __call__(self, x)", r"takes \(self, x\), wanted is \(self, x"),
        ("metric", "def __call__(self, evidence)", "def __call__(self)", r"takes \(self\)"),
        ("curation", "def keep(self, rewards, generator, prompts=None)", "def keep(self)", r"takes \(self\)"),
        ("model", "def velocity(self, parameters, x, time)", "def velocity(parameters, x, time)", r"takes \(param"),
        ("objective", "def costs(self, model, parameters, x, noise)", "def costs(self, *, x)", r"takes \(self, x\)"),
        ("reward", "def __call__(self, x, scorer)", "@staticmethod\n    def __call__(x, scorer)", "is no method"),
        ("objective", "    trains = VelocityModel\n", "", "must also define trains"),
        ("objective", "trains = VelocityModel", "trains = 'flow'", r"trains is 'flow', of type str; wanted is type"),
        ("objective", "trains = VelocityModel", "trains = dict", r"trains is a type; wanted is type\[Model\]"),
        ("sampler", "    steps: int", "    draws_from = None\n    steps: int", "draws_from is None"),
        ("reward", "    height: float", "    components = 'ab'\n    height: float", r"components is 'ab'"),
        ("reward", "    height: float", "    components = (1, 2)\n    height: float", r"components is a tuple of 2"),
        ("reward", "    height: float", "    needs_judge = 'no'\n    height: float", "needs_judge is 'no'"),
        ("figure", 'reads = ("metrics",)', 'reads = "metrics"', "reads is 'metrics'"),
    ],
)
def test_what_a_class_lacks_or_says_in_another_way_is_told_when_it_is_loaded(
    tmp_path: Path, family: str, old: str, new: str, said: str
) -> None:
    assert re.search(said, sentence(family, lambda: made(tmp_path, family, (old, new))))


@pytest.mark.parametrize(
    "value",
    ["None", "'0'", "float('nan')", "float('inf')", "-np.inf", "np.zeros(1)", "1j", "True", "1 / 0", "[][0]", "max",
     "__import__('torch').zeros(())", "__import__('sys').exit(0)"],
)  # fmt: skip
def test_a_supremum_that_is_no_finite_number_is_refused(tmp_path: Path, value: str) -> None:
    assert "supremum" in sentence("reward", lambda: made(tmp_path, "reward", ("return 0.0", f"return {value}")))


@pytest.mark.parametrize("value", ["np.float32(0)", "np.int64(0)", "0", "np.float64(0)", "np.float16(0)"])
def test_a_supremum_of_numpy_s_types_is_a_number(tmp_path: Path, value: str) -> None:
    found = made(tmp_path, "reward", ("return 0.0", f"return {value}")).supremum
    assert found == 0 and type(found) is float


def test_a_supremum_may_be_a_constant_or_computed_once(tmp_path: Path) -> None:
    old = "    @property\n    def supremum(self):\n        return 0.0\n"
    constant = "    supremum: __import__('typing').ClassVar = 0.0\n"
    for new in (constant, old.replace("@property", "@__import__('functools').cached_property")):
        assert made(tmp_path, "reward", (old, new)).supremum == 0.0


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("None", "gave None"),
        ("self.table", r"wanted is a tuple of paths"),
        ("(3,)", "the path '3', of type int"),
        ("('',)", "the path ''"),
        ("('nowhere.csv',)", "'nowhere.csv': no such file"),
        ("('/',)", "'/': a folder, name every file in it"),
        ("('points{of}.csv',)", "takes braces for wildcards"),
        ("(1 / 0,)", "raised ZeroDivisionError"),
    ],
)
def test_files_that_a_component_names_are_there(tmp_path: Path, value: str, said: str) -> None:
    assert re.search(
        said, sentence("data", lambda: made(tmp_path, "data", ("return (self.table,)", f"return {value}")))
    )


def test_files_may_be_paths_in_a_list(tmp_path: Path) -> None:
    new = "return [__import__('pathlib').Path(self.table)]"
    assert made(tmp_path, "data", ("return (self.table,)", new)).files == (str(tmp_path / "points.csv"),)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("None", "gave None"),
        ("(2,)", "a tuple of 1; wanted is a Description"),
        ("Description(shape=2, classes=0)", "shape is 2"),
        ("Description(shape=(2.0,), classes=0)", "shape is"),
        ("Description(shape=(0,), classes=0)", "shape is"),
        ("Description(shape=(2,), classes=-1)", "classes is -1"),
        ("Description(shape=(2,), classes=2.5)", "classes is 2.5"),
        ("Description(shape=(2,), classes=2, class_names=('a',))", "class_names are"),
        ("Description(shape=(2,), classes=0, vocabulary=None)", "vocabulary is None"),
    ],
)
def test_a_description_says_shape_and_numbers(tmp_path: Path, value: str, said: str) -> None:
    old = "Description(shape=(2,), classes=0)"
    assert re.search(said, sentence("data", lambda: made(tmp_path, "data", (old, value))))


@pytest.mark.parametrize(
    ("body", "error", "said"),
    [
        ("raise ValueError('two\\nlines')", ValueError, "^two lines$"),
        ("raise KeyError('shape')", RecurateError, "check raised KeyError"),
        ("return 'no text'", RecurateError, "to refuse, it raises ValueError"),
        ("return False", RecurateError, "gave False"),
        ("__import__('sys').exit(0)", RecurateError, r"sys\.exit\(0\)"),
    ],
)
def test_a_check_refuses_by_raising_valueerror(tmp_path: Path, body: str, error: type[Exception], said: str) -> None:
    code = f"{text('reward')}\n    def check(self, data):\n        {body}\n"
    reward = written(tmp_path, "reward", code)
    with pytest.raises(error, match=said):
        reward.check(Description((2,), 0))


# Calls


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("x[:, 1] * 1j", "complex64 of shape"),
        ("np.ma.masked_array(x[:, 1], x[:, 1] > 0)", "masked float32"),
        ("np.append(x[:, 1], 0)", r"of shape \(7,\); wanted .* \(6,\)"),
        ("x[1:, 1]", r"of shape \(5,\)"),
        ("0.0", r"of shape \(\)"),
        ("x[:, :1]", r"of shape \(6, 1\)"),
        ("x", r"of shape \(6, 2\)"),
        ("x[None, :, 1]", r"of shape \(1, 6\)"),
        ("np.array(['a'] * len(x))", "<U1"),
        ("'abcdef'", "'abcdef', of type str"),
        ("[None] * len(x)", "object"),
        ("[[1], [1, 2]] * 3", "no array can be made"),
        ("{place: 0.0 for place in range(len(x))}", "a dict of 6"),
        ("(v for v in x[:, 1])", "object of shape"),
        ("x[:, 1].astype('datetime64[s]')", "datetime64"),
        ("None", "object|None"),
        ("np.where(x[:, 1] > 0, np.nan, 0.0)", "NaN or infinite values, . of 6"),
        ("np.full(len(x), -np.inf)", "NaN or infinite values, 6 of 6"),
        ("__import__('torch').from_numpy(x.copy())[:, 1]", "a tensor, torch.float32"),
        ("__import__('torch').zeros(len(x), requires_grad=True)", "a tensor"),
        ("__import__('nowhere')", r"imports what is not there .*from \.NAME import"),
        ("int('a')", "raised ValueError .*invalid literal"),
        ("x[:, 9]", "raised IndexError"),
        ("scorer.probabilities(x)", "raised AttributeError"),
        ("__import__('sys').exit(0)", r"ended the process with sys\.exit\(0\)"),
        ("exit()", r"ended the process with sys\.exit\(None\)"),
        ("np.empty(10**13)", "ran out of memory .*Unable to allocate"),
        ("x.sort(axis=0)", "writes into an array that it is given"),
        ("x.__imul__(0)[:, 1]", "writes into an array that it is given .*work on a copy"),
        ("np.minimum(x, 0, out=x)[:, 1]", "writes into an array that it is given"),
        ("next(iter(()))", "raised StopIteration"),
    ],
)
def test_a_reward_gives_a_finite_number_for_each_sample(tmp_path: Path, body: str, said: str) -> None:
    reward = made(tmp_path, "reward", ("np.minimum(0.0, x[:, 1] - self.height)", body))
    x = X.copy()
    line = sentence("reward", lambda: reward(x, None))
    assert re.search(said, line) and "__call__" in line
    assert (x == X).all()


@pytest.mark.parametrize(
    "body", ["(x[:, 1] > 0)", "list(x[:, 1])", "x[:, 1].astype(np.float16)", "x[:, 1].astype(int)"]
)
def test_a_reward_may_be_of_any_real_numbers(tmp_path: Path, body: str) -> None:
    reward = made(tmp_path, "reward", ("np.minimum(0.0, x[:, 1] - self.height)", body))
    found = reward(X, None)
    assert found.dtype == np.float64 and found.shape == (6,)


def test_memory_that_torch_hands_out_past_the_lock_is_a_copy(tmp_path: Path) -> None:
    body = "__import__('torch').from_numpy(x).zero_().numpy()[:, 1]"
    reward, x = made(tmp_path, "reward", ("np.minimum(0.0, x[:, 1] - self.height)", body)), X.copy()
    with pytest.warns(UserWarning, match="not writable"):
        assert (reward(x, None) == 0).all()
    assert (x == X).all()


def test_a_reward_of_two_parts_gives_both(tmp_path: Path) -> None:
    code = text("reward", ("    height:", "    components = ('up', 'right')\n    height:"))
    reward = written(tmp_path, "reward", code)
    assert re.search(r"\(6,\); wanted .* \(6, 2\)", sentence("reward", lambda: reward(X, None)))


def test_a_reward_that_reads_gets_a_list_of_its_own(tmp_path: Path) -> None:
    code = text(
        "reward",
        ("import Reward", "import TextReward"),
        ("(Reward)", "(TextReward)"),
        ("def __call__(self, x, scorer)", "def score(self, texts)"),
        ("np.minimum(0.0, x[:, 1] - self.height)", "[-float(len(each)) for each in texts][:2]"),
    )
    reward = written(tmp_path, "reward", code)
    texts = np.array(["a", "bc", "d"], dtype=object)
    assert re.search(r"score gave .*\(2,\); wanted", sentence("reward", lambda: reward(texts, None)))


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("None", "gave None; wanted is a Choice"),
        ("np.arange(3)", "wanted is a Choice"),
        ("Choice(None)", "object|None"),
        ("Choice(np.array([0.5, 1.0]))", "float64"),
        ("Choice(np.array([True]))", "bool"),
        ("Choice(np.zeros((2, 2), int))", r"\(2, 2\); wanted"),
        ("Choice(np.array([6]))", "the sample 6; there are 0 to 5"),
        ("Choice(np.array([-1]))", "the sample -1"),
        ("Choice(np.array([], int))", "gave none of 6 samples"),
        ("Choice([0, 1], [[0], [7]])", "the sample 7"),
        ("Choice([0, 1], np.zeros((3, 2), int))", r"\(3, 2\); wanted"),
        ("Choice(rewards.argsort()[:2], rewards.sort())", "writes into an array"),
        ("Choice([0])", "gave 1 of 6 samples; by its settings it keeps 2"),
        ("Choice([0, 1, 1])", "gave 3 of 6 samples; by its settings it keeps 2"),
        ("Choice([1, 1], np.zeros((2, 4), int))", "is not among those it was chosen from"),
        ("Choice([0, 1], [[0, 1], [0, 2]])", "is not among those it was chosen from"),
        ("Choice([0, 1], np.zeros((2, 0), int))", "is not among those it was chosen from"),
        ("[][1]", "raised IndexError"),
    ],
)
def test_a_curation_keeps_some_of_the_samples(tmp_path: Path, choice: str, said: str) -> None:
    head = text("curation").partition("        shown =")[0]
    curation: Curation = written(tmp_path, "curation", f"{head}        return {choice}\n", kept=2)
    assert re.search(said, sentence("curation", lambda: curation.keep(X[:, 1], np.random.default_rng(0))))


def test_a_curation_may_keep_a_list(tmp_path: Path) -> None:
    head = text("curation").partition("        shown =")[0]
    curation = written(tmp_path, "curation", f"{head}        return Choice([1, 1, 5])\n", kept=3)
    choice = curation.keep(X[:, 1], np.random.default_rng(0))
    assert isinstance(choice, Choice) and choice.kept.dtype == np.int64 and choice.kept.tolist() == [1, 1, 5]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("return Best(rewards)", "return 3", "wanted is an object with a method ratio"),
        ("return Best(rewards)", "return rewards", "wanted is an object with a method ratio"),
        ("gain[self.position]", "gain", "wanted is an array of real numbers"),
        ("gain[self.position]", "np.full(6, np.nan)", "NaN"),
        ("gain[self.position]", "np.zeros(6)", "0 for every sample"),
        ("gain[self.position]", "-np.ones(6)", "below 0"),
        ("gain[self.position]", "weights[99]", "raised IndexError"),
    ],
)
def test_an_operator_gives_a_ratio_for_each_sample(tmp_path: Path, old: str, new: str, said: str) -> None:
    curation = made(tmp_path, "curation", (old, new))
    rewards = np.array([0.0, 0, 1, 1, 2, 2])
    assert re.search(said, sentence("curation", lambda: curation.operator(rewards).ratio(np.full(6, 1 / 6))))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("None", "wanted is a dict"),
        ("0.5", "wanted is a dict"),
        ("{}", "gave no number"),
        ("{'height': None}", "None; wanted is a number, as height"),
        ("{'height': 'high'}", "'high'"),
        ("{'height': np.zeros(1)}", r"float64 of shape \(1,\)"),
        ("{'height': float('nan')}", "finite number, as height"),
        ("{'height': np.inf}", "finite number"),
        ("{'height': True}", "True"),
        ("{1: 0.5}", "the name '1'"),
        ("{'': 0.5}", "the name ''"),
        ("{'a,b': 0.5}", "the name 'a,b'"),
        ("{'a\\nb': 0.5}", "the name 'a"),
        ("{'height': evidence.x.__imul__(0).sum()}", "writes into an array"),
        ("{'height': evidence.real.sort() or 0}", "writes into an array"),
        ("{'height': evidence.space('judge').x.mean()}", "there are no features 'judge'"),
    ],
)
def test_a_metric_gives_finite_numbers_by_name(tmp_path: Path, values: str, said: str) -> None:
    code = text("metric", ('{"height": float(evidence.x[:, 1].mean())}', values))
    metric = written(tmp_path, "metric", f"from recurate.foundation.lazy import np\n{code}")
    evidence = Evidence(X.copy(), X.copy(), np.random.default_rng(0))
    if "there are no features" in said:  # a sentence of the library's
        with pytest.raises(RecurateError, match=said):
            metric(evidence)
    else:
        assert re.search(said, sentence("metric", lambda: metric(evidence)))
    assert (evidence.x == X).all() and (evidence.real == X).all()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("None", "None|object"),
        ("radius[:, 0]", r"float32 of shape \(6,\); wanted .* \(6, any\)"),
        ("radius[1:]", r"\(5, 1\)"),
        ("radius[:, :0]", "gave no features"),
        ("radius / 0", "NaN or infinite"),
        ("radius.astype(complex)", "complex"),
        ("__import__('torch').from_numpy(radius)", "a tensor"),
        ("x.__imul__(2)", "writes into an array"),
    ],
)
def test_features_are_a_row_of_numbers_for_each_sample(tmp_path: Path, body: str, said: str) -> None:
    features = made(tmp_path, "features", ("np.concatenate([radius, x / np.maximum(radius, 1e-12)], axis=1)", body))
    with np.errstate(all="ignore"):
        assert re.search(said, sentence("features", lambda: features.extract(X, None, "cpu")))


def test_the_map_that_features_of_images_give_is_looked_at(tmp_path: Path) -> None:
    code = """
from recurate.measuring.features import ImageFeatures
class Flat(ImageFeatures):
    def network(self, device):
        return NETWORK
"""
    images = np.zeros((2, 4, 4, 1), np.uint8)
    for network, said in (("3", "a function"), ("len", "of type int"), ("lambda images: images", r"\(2, 3, 4, 4\)")):
        features = written(tmp_path, "features", code.replace("NETWORK", network))
        assert re.search(said, sentence("features", lambda features=features: features.extract(images, None, "cpu")))


REAL = RealData(X, np.array([0, 1, 0, 1, 0, 1]), X, np.array([0, 1, 0, 1, 0, 1]))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('return {"means": np', 'return {"other": np', "the parameters other; its shapes are of means"),
        ("range(classes)", "range(classes - 1)", r"\(1, 2\); wanted .*\(2, 2\)"),
        ('return {"means": np', 'return {"means": 1j * np', "complex"),
        ("x = real.train_x", "real.train_x[:] = 0; x = real.train_x", "writes into an array"),
        ("x = real.train_x", "real.train_y.sort(); x = real.train_x", "writes into an array"),
    ],
)
def test_a_judge_gives_the_parameters_that_it_lists(tmp_path: Path, old: str, new: str, said: str) -> None:
    judge = made(tmp_path, "judge", (old, new))
    assert re.search(said, sentence("judge", lambda: judge.fit(REAL, 2, torch.Generator())))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (".sum(dim=2), x", ".sum(dim=2)", "two things, logits and features"),
        (".sum(dim=2), x", ".sum(dim=2)[:2], x", r"\(2, 2\); wanted is a tensor of shape \(6, any\)"),
        (".sum(dim=2), x", ".sum(dim=2), None", "None"),
        (".sum(dim=2), x", ".sum(dim=2), x.numpy()", "wanted is a tensor"),
        (".sum(dim=2), x", ".sum(dim=2) / 0, x", "NaN or infinite"),
        ("        x = x.flatten(1)", "        x.zero_()\n        x = x.flatten(1)", "changes a tensor"),
    ],
)
def test_a_judge_gives_logits_and_features(tmp_path: Path, old: str, new: str, said: str) -> None:
    judge = made(tmp_path, "judge", (old, new))
    fitted = FittedJudge(judge, {"means": np.zeros((2, 2), np.float32)})
    assert re.search(said, sentence("judge", lambda: fitted.probabilities(X.copy())))


def tensors(*shape: int) -> torch.Tensor:
    return torch.zeros(*shape).normal_(generator=torch.Generator().manual_seed(0))


PARAMETERS = {"matrix": tensors(3, 2, 2, 2), "shift": tensors(3, 2, 2)}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("None", "wanted is a dict"),
        ("{}", "gave no parameters"),
        ("{'w': 1.0}", "wanted is a tensor"),
        ("{'w': torch.zeros(2, dtype=torch.int64)}", "int64"),
        ("{'w': torch.full((2,), float('nan'))}", "NaN"),
        ("{1: torch.zeros(2)}", "the name '1'"),
    ],
)
def test_a_network_begins_with_tensors_by_name(tmp_path: Path, value: str, said: str) -> None:
    code = re.sub(r"(def initial.*?return )[^\n]*", rf"\g<1>{value}", text("model"), flags=re.DOTALL)
    model = written(tmp_path, "model", code)
    assert re.search(said, sentence("model", lambda: model.initial((2,), torch.Generator())))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("None", "wanted is a tensor of shape"),
        ("late[:, :1]", r"\(3, 1, 2\); wanted is a tensor of shape \(3, 4, 2\)"),
        ("late.sum(-1)", r"\(3, 4\)"),
        ("late > 0", "floating-point"),
        ("late.detach().numpy()", "wanted is a tensor"),
        ("late + x.mul_(0)", "changes a tensor that it is given, in place"),
        ("late + time.add_(1)[..., None]", "changes a tensor"),
        ("late + parameters['shift'].mul_(2)[:, :1]", "changes a tensor"),
        ("late @ late", "raised RuntimeError"),
        ("parameters['bias']", "raised KeyError"),
    ],
)
def test_a_velocity_is_like_its_points(tmp_path: Path, value: str, said: str) -> None:
    model = made(tmp_path, "model", ("torch.where((time > 0.5)[..., None], late, early)", value))
    parameters = {name: part.clone() for name, part in PARAMETERS.items()}
    assert re.search(said, sentence("model", lambda: model.velocity(parameters, tensors(3, 4, 2), tensors(3, 4))))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (".mean(dim=2)", ".mean(dim=2).mean(dim=1)", r"\(3,\); wanted is a tensor of shape \(3, 4\)"),
        (".mean(dim=2)", ".mean()", r"of shape \(\)"),
        (".mean(dim=2)", ".mean(dim=2).detach()", "do not depend on the parameters"),
        (".mean(dim=2)", ".mean(dim=2).item()", "raised RuntimeError"),
        ("start, time =", "x.zero_(); start, time =", "changes a tensor"),
        ('noise["start"], noise["time"]', 'noise["begin"], noise["time"]', "raised KeyError"),
    ],
)
def test_costs_are_one_for_each_sample_and_depend_on_parameters(tmp_path: Path, old: str, new: str, said: str) -> None:
    objective = made(tmp_path, "objective", (old, new))
    model = made(tmp_path, "model")
    parameters = {name: part.clone().requires_grad_() for name, part in PARAMETERS.items()}
    noise = {"start": tensors(3, 4, 2), "time": tensors(3, 4)}
    line = sentence("objective", lambda: objective.costs(model, parameters, tensors(3, 4, 2), noise))
    assert re.search(said, line)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("None", "wanted is a dict"),
        ("{'a': generator.random(5)}", r"float64 of shape \(5,\)"),
        ("{'a': generator.random((batch_size, steps))}", r"\(4, 5\); wanted .* \(5, 4\)"),
        ("{'a': 1.0}", r"of shape \(\)"),
        ("{'a': [None]}", "object"),
    ],
)
def test_noise_is_drawn_for_all_steps(tmp_path: Path, value: str, said: str) -> None:
    code = re.sub(r"(def noise.*?return ){.*?}", rf"\g<1>{value}", text("objective"), flags=re.DOTALL)
    objective = written(tmp_path, "objective", code)
    call = lambda: objective.noise(None, np.random.default_rng(0), 5, 4, (2,))  # noqa: E731
    assert re.search(said, sentence("objective", call))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("None", "wanted is a tensor of shape"),
        ("x[:, :2]", r"\(1, 2, 2\); wanted"),
        ("x[0]", r"\(8, 2\)"),
        ("x.bool()", "floating-point"),
        ("latents.mul_(2)", "changes a tensor"),
        ("x.numpy()", "wanted is a tensor"),
    ],
)
def test_a_sampler_gives_as_many_samples_as_are_asked_for(tmp_path: Path, value: str, said: str) -> None:
    model = made(tmp_path, "model")
    sampler = made(tmp_path, "sampler", ("        return x", f"        return {value}"))
    parameters = {name: part[:1] for name, part in PARAMETERS.items()}
    request = Request([0], 0, 8, (2,))
    assert re.search(said, sentence("sampler", lambda: sampler.sample(model, parameters, request)))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("x", "wanted is a SampleSet"),
        ("SampleSet(x, 'many')", "'many'"),
        ("SampleSet(x, float('nan'))", "finite"),
        ("SampleSet(x[:, :3], 1)", r"\(1, 3, 2\); wanted"),
        ("SampleSet(x, 1, None)", "wanted is a dict"),
        ("SampleSet(x, 1, {'x': x.numpy()})", "the name 'x'"),
        ("SampleSet(x, 1, {'prompt': [1, 2]})", r"of shape \(2,\)"),
        ("request.real.fill(0) or x", "writes into an array"),
    ],
)
def test_a_sample_set_is_whole(tmp_path: Path, value: str, said: str) -> None:
    code = f"""
import torch
from recurate.models import VelocityModel
from recurate.sampling import Sampler, SampleSet
class Still(Sampler):
    draws_from = VelocityModel
    def sample(self, model, parameters, request):
        x = torch.zeros(len(request.seeds), request.samples, *request.shape)
        return {value}
"""
    sampler = written(tmp_path, "sampler", code)
    request = Request([0], 0, 8, (2,), real=X.copy())
    assert re.search(said, sentence("sampler", lambda: sampler.sample(None, {}, request)))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("None", "wanted is a RealData"),
        ("(x, y, x, y)", "a tuple of 4; wanted is a RealData"),
        ("[x, y, x, y]", "a list of 4"),
        ("1 / 0", "raised ZeroDivisionError"),
    ],
)
def test_data_load_real_data(tmp_path: Path, value: str, said: str) -> None:
    code = re.sub(r"return RealData\(.*\)", f"return {value}", text("data"))
    data = written(tmp_path, "data", code)
    assert re.search(said, sentence("data", lambda: data.load(np.random.default_rng(0))))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("np.full(len(x), 3)", "the class 3; there are 0 to 2"),
        ("np.full(len(x), -1)", "the class -1"),
        ("np.zeros(len(x))", "float64"),
        ("np.zeros((len(x), 1), int)", r"\(6, 1\)"),
        ("np.zeros(1, int)", r"\(1,\); wanted"),
        ("'a'", "'a', of type str"),
    ],
)
def test_classes_told_by_geometry_are_of_those_described(tmp_path: Path, value: str, said: str) -> None:
    code = text("data", ("classes=0", "classes=3")) + f"\n    def classify(self, x):\n        return {value}\n"
    data = written(tmp_path, "data", code)
    assert re.search(said, sentence("data", lambda: data.classify(X)))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("None", "wanted is a picture with a caption"),
        ("picture", "a function; wanted"),
        ("type('P', (), {'caption': 3, 'save': len})()", "wanted is a picture with a caption"),
        ("1 / 0", "raised ZeroDivisionError"),
    ],
)
def test_a_figure_gives_a_picture_with_a_caption(tmp_path: Path, value: str, said: str) -> None:
    code = re.sub(r"measured = read_metrics[^@]*", f"return {value}\n\n\n", text("figure"))
    figure = written(tmp_path, "figure", code)
    assert re.search(said, sentence("figure", lambda: figure.draw(None, Files())))


@pytest.mark.parametrize(("save", "said"), [("lambda paths: None", "does not write"), ("print.x", "raised Attribute")])
def test_a_picture_is_written_to_all_of_its_files(tmp_path: Path, save: str, said: str) -> None:
    code = (
        text("figure") + f"\nclass Empty:\n    caption = 'none'\n    def save(self, paths):\n        ({save})(paths)\n"
    )
    code = re.sub(r"measured = read_metrics[^@]*", "return Empty()\n\n\n", code, count=1)
    drawing = written(tmp_path, "figure", code).draw(None, Files())
    assert re.search(said, sentence("figure", lambda: drawing.save([str(tmp_path / "a.pdf")])))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "return Samples(self.samples(model, n, randoms))",
            "return self.samples(model, n, randoms)",
            "wanted are data",
        ),
        ("return Samples(self.samples(model, n, randoms))", "return None", "gave None; wanted are data"),
        ("self.samples(model, n, randoms))", "self.samples(model, n + 1, randoms))", "a size of 6"),
        ("model[:, None, None] *", "model[:, None] *", "raised ValueError|of shape"),
        ("generator.random((loops, n, 1))", "generator.random((loops, n))", r"of shape|raised"),
    ],
)
def test_an_estimator_draws_pools_of_the_size_asked_for(tmp_path: Path, old: str, new: str, said: str) -> None:
    estimator: Estimator = made(tmp_path, "estimator", (old, new))
    randoms = Replicates([0, 1], 2)
    call = lambda: estimator.sample_pool(np.ones(4), 5, randoms)  # noqa: E731
    assert re.search(said, sentence("estimator", call))


@pytest.mark.parametrize(
    ("measures", "said"),
    [
        ("None", "wanted is a dict"),
        ("{'reward_mean': lambda model: model}", "the name 'reward_mean', which measures of rewards have"),
        ("{'width': 3}", "wanted is a function"),
        ("{'width': lambda model: model[:, None]}", r"of shape \(4, 1\)"),
        ("{'width': lambda model: model * np.nan}", "NaN"),
        ("{'width': lambda model: model.nothing}", "raised AttributeError"),
        ("{'width': lambda model: 'wide'}", "'wide'"),
    ],
)
def test_measures_are_functions_that_give_a_number_for_each_loop(tmp_path: Path, measures: str, said: str) -> None:
    def call() -> None:
        estimator = made(tmp_path, "estimator", ('{"width": lambda model: model}', measures))
        estimator.measures["width"](np.ones(4))

    assert re.search(said, sentence("estimator", call))


def test_what_is_kept_in_a_loop_is_measured_by_all_its_names(tmp_path: Path) -> None:
    code = text("estimator") + "\n    def kept(self, model, n, preference, randoms, bias=1.0):\n        return RESULT\n"
    for result, said in (
        ("None", "two things"),
        ("(np.zeros((4, 5, 1)), {})", "measures nothing; wanted are reward_mean"),
        (f"(np.zeros((4, 5, 2)), dict.fromkeys({REWARD_MEASURES!r}, np.zeros(4)))", r"\(4, 5, 2\); wanted"),
        (f"(np.zeros((4, 5, 1)), dict.fromkeys({REWARD_MEASURES!r}, np.zeros(3)))", r"\(3,\); wanted"),
    ):
        estimator = written(tmp_path, "estimator", code.replace("RESULT", result))
        call = lambda estimator=estimator: estimator.kept(None, 5, None, Replicates([0, 1], 2))  # noqa: E731
        assert re.search(said, sentence("estimator", call))


# What the library's own pay


@pytest.mark.parametrize("family", BASES)
def test_shipped_kinds_are_not_wrapped(family: str) -> None:
    for kind in kinds(BASES[family]):
        for name, member in dict(vars(component_class(BASES[family], kind))).items():
            assert not hasattr(contract._function(member), contract.HELD), (kind, name)


@pytest.mark.parametrize("family", BASES)
def test_every_method_of_an_interface_is_held_to_a_check_or_to_its_annotation(family: str) -> None:
    """But for what a kind is free in, and what this library alone defines."""
    free = {"afresh", "truth", "fit", "seen", "pool_of", "subset", "laws", "has_operator", "is_own", "read_weights"}
    free |= {"kept_unseen"}
    base = BASES[family]
    for cls in contract._library_classes(base):
        for name, member in dict(vars(cls)).items():
            function = contract._function(member)
            if (
                not callable(function)
                or name.startswith("_")
                or name in free
                or not hasattr(function, "__annotations__")
            ):
                continue
            told = function.__annotations__.get("return")
            assert hasattr(function, contract.CHECK) or contract.adapter_of(str(told), function.__module__), name


def test_what_a_language_model_begins_is_looked_at_too(tmp_path: Path) -> None:
    code = """
import torch
from recurate.models import LanguageModel, Reading
class Same(LanguageModel):
    def initial(self, shape, generator):
        return {"w": torch.zeros(self.vocabulary)}
    def logits(self, parameters, tokens):
        return parameters["w"].expand(*tokens.shape, self.vocabulary)
    def begin(self, parameters, tokens):
        return self.logits(parameters, tokens)[:, :, -1], On()
class On(Reading):
    def step(self, tokens):
        return STEP
    def select(self, rows):
        1 / 0
"""
    tokens = torch.zeros(1, 3, 4, dtype=torch.int64)
    for step, said in (
        ("tokens", r"step gave .*\(1, 3\); wanted is .*\(1, 3, 7\)"),
        ("tokens.x", "raised Attrib"),
    ):
        model = written(tmp_path, "model", code.replace("STEP", step), vocabulary=7, context=4)
        logits, reading = model.begin({"w": torch.zeros(1, 1, 7)}, tokens)
        assert logits.shape == (1, 3, 7)
        assert re.search(said, sentence("model", lambda reading=reading: reading.step(tokens[..., 0])))
        assert "select raised ZeroDivisionError" in sentence("model", lambda reading=reading: reading.select(tokens))


# Own code that no interface speaks of


def job_in(folder: Path) -> Any:
    """A job with a log in a folder, and without files."""
    groups = {"wildcards": Wildcards(), "input": InputFiles(), "output": OutputFiles(), "params": Params()}
    circumstances = {"threads": 1, "config": {"device": "cpu", "results": str(folder)}, "scriptdir": str(SCRIPTS)}
    return SimpleNamespace(rule="any", log=Log([str(folder / "log")]), **groups, **circumstances)


@pytest.mark.parametrize("error", ["1 / 0", "[][3]", "__import__('sys').exit(0)", "int('x')"])
def test_what_an_object_of_ones_own_raises_is_a_sentence_of_the_job_with_its_traceback_below(
    tmp_path: Path, error: str
) -> None:
    """Such as a pool, of which the loop asks for a sum."""
    code = text("estimator", ("return Samples(self.samples(model, n, randoms))", "return Odd()"))
    code += f"\n\nclass Odd:\n    size = 5\n\n    def __add__(self, other):\n        return {error}\n"
    estimator = written(tmp_path, "estimator", code)

    def main() -> None:
        pool = estimator.sample_pool(np.ones(2), 5, Replicates([0, 1]))
        print(pool + pool)

    with pytest.raises(SystemExit) as caught:
        run(main, job_in(tmp_path))
    told = str(caught.value.code)
    assert re.fullmatch(r"error: .*own\.py, line \d+: __add__ (raised|ended) .*", told)
    log = (tmp_path / "log").read_text(encoding="utf-8")
    assert log.startswith(f"{told}\nTraceback") and log.count(told) == 1


def test_the_traceback_of_own_code_stands_below_the_sentence(tmp_path: Path) -> None:
    reward = made(tmp_path, "reward", ("np.minimum(0.0, x[:, 1] - self.height)", "x['up']"))
    with pytest.raises(SystemExit) as caught:
        run(lambda: reward(X, None), job_in(tmp_path))
    told, _, below = (tmp_path / "log").read_text(encoding="utf-8").partition("\n")
    assert told == caught.value.code and told.startswith("error: reward: ")
    assert "Traceback" in below and 'own.py", line' in below and "x['up']" in below


# What callers look at, since one call alone does not show it


def test_a_simulated_loop_refuses_a_reward_above_its_supremum_and_choices_of_unequal_number(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(4, 12, 2))
    people = made(tmp_path, "curation")
    high = made(tmp_path, "reward", ("np.minimum(0.0, x[:, 1] - self.height)", "np.full(len(x), 0.5)"))
    with pytest.raises(RecurateError, match=r"own\.py gave 0\.5, above its supremum 0; mend it"):
        Preference(high, people).keep(x, Replicates([0, 1], 2))
    head = text("curation").partition("        shown =")[0]
    uneven = written(tmp_path, "curation", f"{head}        return Choice(np.arange(1 + rewards.argmax()))\n")
    with pytest.raises(RecurateError, match=r"curation: .*own\.py: keep gave \d+ of 12 samples; by its settings"):
        Preference(made(tmp_path, "reward"), uneven).keep(x, Replicates([0, 1], 2))


def test_a_loop_refuses_a_measure_that_has_not_a_number_for_each_replicate(tmp_path: Path) -> None:
    estimator = made(tmp_path, "estimator", ("lambda model: model", "lambda model: model[:1]"))
    arm = SimulatedArm(estimator=estimator, mixing=SimulatedMixing(regime="replace", initial=10))
    with pytest.raises(RecurateError, match=r"own\.py: its measure width gave float64 of shape \(1,\); wanted is one"):
        record(estimator, arm.loop(2), Runs([0, 1], 2, None), ["width"])


def test_seeds_of_one_job_begin_with_parameters_of_the_same_names_and_shapes(tmp_path: Path) -> None:
    own = "size = 1 + int(generator.initial_seed() % 3)\n        return {'w': torch.zeros(size)}\n        return {"
    model = made(tmp_path, "model", ("return {", own))
    objective = made(tmp_path, "objective")
    trainer = Trainer(
        model, objective, Training(steps=1), Encoding((2,), "float32", 0.0, 1.0), list(range(9)), 0, tmp_path / "none"
    )
    with pytest.raises(RecurateError, match=r"model: .*own\.py: initial gives the seed \d parameters of other names"):
        trainer.start()
