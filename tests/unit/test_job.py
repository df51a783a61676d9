"""The bridge between rules and scripts: arguments by name, logs, and failures in a sentence."""

from __future__ import annotations

import ast
import errno
import fcntl
import importlib
import inspect
import io
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from script import call
from snakemake.iocontainers import InputFiles, Log, OutputFiles, Params, Wildcards

import curate
import measure
import prepare_real
from recurate.files.arrays import read_arrays, write_arrays
from recurate.files.tables import METRIC_COLUMNS, read_rows
from recurate.foundation.errors import RecurateError
from recurate.training.settings import Training
from recurate.workflow.job import Tee, arguments, run

SCRIPTS = Path(__file__).parents[2] / "scripts"
REWARD = {"kind": "clipped_distance", "target": [0.0, 0.0], "radius": 0.0}
CURATION = {"kind": "bradley_terry", "choices": 2, "kept": 7}
DATA = {"kind": "eight_gaussians"}


def snakemake(log: Path | str = "log", **groups: dict[str, Any]) -> Any:
    """A job as Snakemake hands it to a script."""
    return SimpleNamespace(
        rule="curate",
        wildcards=Wildcards(fromdict=groups.get("wildcards", {})),
        input=InputFiles(fromdict=groups.get("input", {})),
        output=OutputFiles(fromdict=groups.get("output", {})),
        params=Params(fromdict=groups.get("params", {})),
        log=Log([str(log)]),
        config={"device": "cpu", "results": str(Path(log).parent)},
        scriptdir=str(SCRIPTS),
        threads=3,
    )


def test_arguments_come_from_wildcards_inputs_outputs_params_and_the_job() -> None:
    def main(real: str, model: str, spec: dict[str, Any], code: str, study: str, device: str, threads: int) -> None:
        pass

    found = arguments(
        main,
        snakemake(
            wildcards={"study": "mixture", "arm": "unused"},
            input={"real": "r.safetensors"},
            output={"model": "m.safetensors"},
            params={"spec": json.dumps({"steps": 3}), "code": "abc"},
        ),
    )
    assert found == {
        "real": "r.safetensors", "model": "m.safetensors", "spec": {"steps": 3}, "code": "abc", "study": "mixture",
        "device": "cpu", "threads": 3,
    }  # fmt: skip


def test_an_input_that_has_the_name_of_a_wildcard_is_refused_for_one_would_stand_for_the_other() -> None:
    def main(origin: str) -> None:
        pass

    job = snakemake(input={"origin": "model.safetensors"}, wildcards={"origin": "digits"})
    with pytest.raises(RecurateError, match="rule curate gives 'origin', which is the name of a wildcard"):
        arguments(main, job)


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ({"input": {"real": "a"}, "output": {"real": "b"}}, "gives 'real' twice, as input, output or param"),
        ({"input": {"real": "a"}, "params": {"real": 1}}, "gives 'real' twice"),
        ({"output": {"touches": "a"}, "input": {"real": "a"}}, "gives 'touches', which its script does not take"),
        ({"input": {"code": "a", "real": "a"}}, "gives 'code', which its script does not take"),
    ],
)
def test_what_is_given_twice_or_in_another_place_is_refused(groups: dict[str, Any], said: str) -> None:
    def main(real: str) -> None:
        pass

    with pytest.raises(RecurateError, match=said):
        arguments(main, snakemake(**groups))


def test_an_input_without_a_name_is_refused() -> None:
    def main(real: str) -> None:
        pass

    job = snakemake()
    job.input = InputFiles(["nameless"])
    with pytest.raises(RecurateError, match="gives an input without a name"):
        arguments(main, job)


def test_seeds_and_generation_become_numbers() -> None:
    def main(seeds: list[int], generation: int) -> None:
        pass

    found = arguments(main, snakemake(wildcards={"seeds": "8-11", "generation": "007"}))
    assert found == {"seeds": [8, 9, 10, 11], "generation": 7}


def test_an_input_that_a_job_does_without_is_none_or_no_path() -> None:
    def main(judge: str | None, start: str | None, tables: list[str]) -> None:
        pass

    given = arguments(main, snakemake(input={"judge": [], "start": "s", "tables": []}))
    assert given == {"judge": None, "start": "s", "tables": []}


@pytest.mark.parametrize("group", ["input", "output", "params"])
def test_what_a_rule_gives_and_its_script_does_not_take_is_an_error(group: str) -> None:
    def main(real: str) -> None:
        pass

    given: dict[str, Any] = {"input": {"real": "r"}}
    given[group] = {**given.get(group, {}), "jugde": "j"}
    with pytest.raises(RecurateError, match="rule curate gives 'jugde', which its script does not take"):
        arguments(main, snakemake(**given))


def test_what_a_script_takes_and_its_rule_does_not_give_is_an_error() -> None:
    def main(real: str, judge: str | None = None) -> None:
        pass

    with pytest.raises(RecurateError, match="rule curate does not give 'judge', which its script takes"):
        arguments(main, snakemake(input={"real": "r"}))


def test_inputs_that_are_only_touched_and_the_digest_of_code_need_not_be_taken() -> None:
    def main(real: str) -> None:
        pass

    given = snakemake(input={"real": "r", "touches": ["weights.pt"]}, params={"code": "abc"})
    assert arguments(main, given) == {"real": "r"}


def test_settings_become_an_object_of_the_class_that_main_names() -> None:
    def main(spec: Training) -> None:
        pass

    text = json.dumps(Training(steps=3).model_dump(mode="json"))
    assert arguments(main, snakemake(params={"spec": text})) == {"spec": Training(steps=3)}


def test_several_files_under_one_name_are_a_list_of_paths() -> None:
    def main(tables: list[str]) -> None:
        pass

    assert arguments(main, snakemake(input={"tables": ["a.csv", "b.csv"]})) == {"tables": ["a.csv", "b.csv"]}


def test_infinite_settings_survive_the_way_through_snakemake() -> None:
    def main(spec: dict[str, Any]) -> None:
        pass

    found = arguments(main, snakemake(params={"spec": json.dumps({"choices": math.inf})}))
    assert found["spec"]["choices"] == math.inf


@pytest.mark.parametrize("script", sorted(path.stem for path in SCRIPTS.glob("*.py") if "job.run" in path.read_text()))
def test_every_script_can_be_imported_and_has_annotated_arguments(script: str) -> None:
    main = importlib.import_module(script).main
    for name, parameter in inspect.signature(main).parameters.items():
        assert parameter.annotation is not inspect.Parameter.empty, name
    tree = ast.parse((SCRIPTS / f"{script}.py").read_text())
    assert ast.unparse(tree.body[-1]).startswith("if __name__ == '__main__':")


# Logs and failures


def test_output_goes_to_the_log_in_a_folder_made_for_it(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "deep" / "x.log"
    run(lambda: print("step 50"), snakemake(log))
    assert log.read_text() == "step 50\n"


@contextmanager
def another_copy(folder: Path, log: str) -> Iterator[subprocess.Popen[str]]:
    """A process in `folder` that works on the job with a log, until it is killed."""
    command = (
        f"from recurate.workflow.job import alone\nwith alone({log!r}, '.'):\n    print('at work', flush=True); input()"
    )
    settings = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", command], cwd=folder, env=settings, text=True, **pipes) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "at work\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_copy_of_a_job_waits_until_the_first_has_ended_or_died(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stderr", shown := io.StringIO())
    with another_copy(tmp_path, "log") as first, ThreadPoolExecutor(1) as pool:
        second = pool.submit(run, lambda: print("second"), snakemake("log"))
        until = time.monotonic() + 60
        while not shown.getvalue().endswith("\n") and time.monotonic() < until:
            time.sleep(0.01)
        early = Path("log").exists()
        first.kill()  # before anything is asserted: the second would wait for ever
        assert shown.getvalue() == "waiting: another copy of the job that writes log is at work\n"
        assert not early
        second.result(60)
    assert Path("log").read_text() == "second\n"


def test_copies_of_other_jobs_are_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with another_copy(tmp_path, "other.log"):
        run(lambda: print("at once"), snakemake("log"))
    assert capfd.readouterr().err == ""


def test_a_file_system_without_locks_is_named_and_the_job_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fcntl, "lockf", no_locks)
    run(lambda: print("step 50"), snakemake(tmp_path / "log"))
    assert (tmp_path / "log").read_text() == "step 50\n"
    assert "not supported, so another copy of this job would not be seen" in capsys.readouterr().err


def test_a_known_failure_is_one_sentence_in_the_log_and_on_the_terminal(tmp_path: Path) -> None:
    def main() -> None:
        print("before")
        raise RecurateError("x.csv: it is empty; fill it")

    with pytest.raises(SystemExit) as caught:
        run(main, snakemake(tmp_path / "log"))
    assert caught.value.code == "error: x.csv: it is empty; fill it"  # which Python prints, with exit status 1
    assert (tmp_path / "log").read_text() == "before\nerror: x.csv: it is empty; fill it\n"


def test_an_unknown_failure_keeps_its_traceback_in_the_log(tmp_path: Path) -> None:
    def main() -> None:
        raise ZeroDivisionError("of a kind nobody foresaw")

    with pytest.raises(ZeroDivisionError):
        run(main, snakemake(tmp_path / "log"))
    assert "Traceback" in (tmp_path / "log").read_text()
    assert "of a kind nobody foresaw" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("terminal", [True, False])
def test_text_reaches_the_log_always_and_a_terminal_only_if_there_is_one(terminal: bool) -> None:
    log, screen = io.StringIO(), io.StringIO()
    screen.isatty = lambda: terminal  # type: ignore[method-assign]
    tee = Tee(log, screen)
    tee.write("abc")
    tee.flush()
    assert log.getvalue() == "abc"
    assert screen.getvalue() == ("abc" if terminal else "")
    assert tee.isatty() == terminal


# Curation and measurement as jobs


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    path = tmp_path / "samples.safetensors"
    x = np.random.default_rng(0).normal(size=(2, 30, 2)).astype(np.float32)
    write_arrays(path, {"x": x}, {})
    return path


def curated(samples: Path, seeds: list[int], generation: int = 1, **spec: Any) -> dict[str, np.ndarray]:
    path = samples.with_name("curated.safetensors")
    settings = {"data": DATA, "judge": None, "reward": REWARD, "curation": CURATION, **spec}
    call(curate.main, str(samples), str(path), settings, code="c", seeds=seeds, generation=generation, threads=1)
    return read_arrays(path)


def test_a_curated_set_holds_rewards_labels_and_rows_of_its_own_seed(samples: Path) -> None:
    found = curated(samples, [0, 1])
    x = read_arrays(samples)["x"]
    np.testing.assert_allclose(found["reward"], -np.linalg.norm(x, axis=-1), rtol=1e-6)
    assert found["index"].shape == (2, 7)
    assert found["judged_class"].shape == (2, 30)
    assert not np.array_equal(found["index"][0], found["index"][1])


def test_choices_are_the_same_alone_as_in_a_batch_and_new_in_every_generation(samples: Path) -> None:
    together, later = curated(samples, [4, 5]), curated(samples, [4, 5], generation=2)
    write_arrays(samples, {"x": read_arrays(samples)["x"][1:]}, {})
    np.testing.assert_array_equal(curated(samples, [5])["index"][0], together["index"][1])
    assert not np.array_equal(together["index"], later["index"])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return np.full(len(x), np.nan)", "gave NaN or infinite values"),
        ("return np.full(len(x), 0.5)", r"gave 0\.5, above its supremum 0"),
    ],
)
def test_a_reward_that_breaks_its_promise_ends_in_a_sentence_and_no_file(
    samples: Path, tmp_path: Path, body: str, expected: str
) -> None:
    own = tmp_path / "own.py"
    own.write_text(
        "import numpy as np\nfrom recurate.curation.rewards import Reward\n\n\nclass Own(Reward):\n"
        f"    @property\n    def supremum(self):\n        return 0.0\n\n"
        f"    def __call__(self, x, judge):\n        {body}\n"
    )
    with pytest.raises(RecurateError, match=expected):
        curated(samples, [0, 1], reward={"kind": str(own)})
    assert not samples.with_name("curated.safetensors").exists()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return np.full(len(x), 3)", r"own\.py: classify gave the class 3; there are 0 to 2; mend it"),
        ("return np.full(len(x), -1)", r"gave the class -1; there are 0 to 2; mend it"),
        ("return np.full(len(x), 0.5)", r"gave float64 of shape \(30,\); wanted is an array of whole numbers"),
        ("return np.zeros((len(x), 1), int)", r"gave int64 of shape \(30, 1\); wanted"),
        ("return np.zeros(30, int) if x[0, 0] > 0 else None", "classify tells the classes of some seeds alone"),
    ],
)
def test_classes_that_the_data_do_not_list_end_in_a_sentence_and_no_file(
    samples: Path, tmp_path: Path, body: str, expected: str
) -> None:
    own = own_data(tmp_path, f"    def classify(self, x):\n        {body}\n")
    with pytest.raises(RecurateError, match=expected):
        curated(samples, [0, 1], data={"kind": own})
    assert not samples.with_name("curated.safetensors").exists()


@pytest.mark.parametrize(
    ("dtype", "value", "expected"),
    [
        ("float32", "0.25", r"own\.py: all numbers of the training data are 0\.25, so that there is nothing to learn"),
        ("float64", "0", "training data are 0, so"),
        ("float32", "np.nan", r"own\.py: train_x holds NaN or infinite values"),
    ],
)
def test_real_data_that_are_all_alike_or_no_numbers_end_in_a_sentence_and_no_file(
    tmp_path: Path, dtype: str, value: str, expected: str
) -> None:
    body = (
        "    def load(self, generator):\n"
        f"        x = np.full((40, 2), {value}, np.{dtype})\n"
        "        return RealData(x, np.zeros(40, int), x, np.zeros(40, int))\n"
    )
    files = {name: str(tmp_path / f"real.{end}") for name, end in (("real", "safetensors"), ("card", "json"))}
    with pytest.raises(RecurateError, match=expected):
        call(prepare_real.main, **files, spec={"data": {"kind": own_data(tmp_path, body)}})
    assert not list(tmp_path.glob("real.*"))


def own_data(folder: Path, body: str) -> str:
    """Data of a user's own, of three classes, by their file."""
    path = folder / "own.py"
    path.write_text(
        "import numpy as np\nfrom recurate.data import Data, Description, RealData\n\n\nclass Own(Data):\n"
        "    @property\n    def description(self):\n        return Description(shape=(2,), classes=3)\n\n"
        "    def load(self, generator):\n        raise NotImplementedError\n\n" + body
    )
    return str(path)


def test_a_measured_table_has_a_row_for_every_seed_and_metric(samples: Path, tmp_path: Path) -> None:
    curated(samples, [3, 4])
    write_arrays(tmp_path / "real", {f"{part}_x": np.zeros((20, 2), np.float32) for part in ("train", "test")}, {})
    call(
        measure.main,
        real=str(tmp_path / "real"),
        samples=str(samples),
        curated=str(samples.with_name("curated.safetensors")),
        metrics=str(tmp_path / "metrics.csv"),
        spec={
            "reference": {"split": "test", "samples": None},
            "metrics": [{"kind": "sliced_wasserstein"}],
            "classes": 8,
            "supremum": 0.0,
            "components": [],
        },
        study="s", arm="a", seeds=[3, 4], generation=1, threads=1,
    )  # fmt: skip
    rows = read_rows(tmp_path / "metrics.csv", METRIC_COLUMNS)
    names = {row["metric"] for row in rows}
    required = {"reward_mean", "exp_reward_mean", "exp_reward_variance", "sliced_wasserstein"}
    assert required | {f"share_{number}" for number in range(8)} <= names
    assert len(rows) == 2 * len(names)
    assert {(row["study"], row["arm"], row["generation"]) for row in rows} == {("s", "a", "1")}
    assert {row["seed"] for row in rows} == {"3", "4"}
    rewards = read_arrays(samples.with_name("curated.safetensors"))["reward"].astype(np.float64)
    value = next(float(row["value"]) for row in rows if row["metric"] == "exp_reward_mean" and row["seed"] == "4")
    assert value == np.exp(rewards[1]).mean()
