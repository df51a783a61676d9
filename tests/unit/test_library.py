"""The library: what `import recurate` gives, how it is installed, and what its page says."""

from __future__ import annotations

import inspect
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from theory_setup import check_arm

import recurate
from recurate.curation import Curation
from recurate.curation.bradley_terry import BradleyTerry
from recurate.files.arrays import write_arrays
from recurate.foundation.components import component_class, load
from recurate.theory.claims import ClosedLoop

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/library.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
PUBLISHED = ROOT / "results/published"
LEVELS = np.array([-2.0, -1.0, -1.0, 0.0])
NO_TORCH = "raise ImportError('no networks here')"


# What is kept


@pytest.mark.parametrize("make", [np.array, list, tuple, pd.Series, pd.DataFrame, lambda r: np.zeros((len(r), 2, 3))])
def test_what_is_kept_is_of_the_type_of_the_samples(make: Any) -> None:
    samples = make(range(200))
    kept = recurate.curate(samples, np.zeros(200), choices=3, kept=50)
    assert type(kept) is type(samples) and len(kept) == 50


def test_tensors_stay_tensors() -> None:
    torch = pytest.importorskip("torch")
    samples = torch.arange(30)
    kept = recurate.curate(samples, samples / 10, choices=math.inf)
    assert isinstance(kept, torch.Tensor) and len(kept) == 30


@pytest.mark.parametrize("choices", [1, 2, 4, math.inf])
def test_what_is_kept_has_the_law_of_the_forecast(choices: float) -> None:
    rewards = np.repeat(LEVELS, 50)
    kept = [recurate.curate(rewards, rewards, choices, kept=50, generator=seed) for seed in range(400)]
    mean = np.concatenate(kept).mean()
    expected = recurate.forecast(rewards, choices, generations=1).reward_mean[1]
    assert abs(mean - expected) < 4 * np.std([part.mean() for part in kept]) / 20


def test_a_seed_and_its_generator_and_no_other_keep_the_same() -> None:
    first, again = (recurate.curate(np.arange(500), np.zeros(500), generator=3) for _ in range(2))
    other = recurate.curate(np.arange(500), np.zeros(500), generator=4)
    assert (first == again).all() and (first != other).any()
    own = [recurate.curate(np.arange(500), np.zeros(500), generator=np.random.default_rng(3)) for _ in range(2)]
    assert (own[0] == own[1]).all()


# Forecast and limit


def test_the_forecast_is_one_row_a_generation_with_shares_and_moments() -> None:
    table = recurate.forecast(LEVELS, choices=2, generations=3, classes=[0, 1, 1, 2], supremum=0.0)
    assert list(table.generation) == [0, 1, 2, 3]
    start = table.iloc[0]
    assert start.reward_mean == LEVELS.mean()
    assert start.exp_reward_mean == pytest.approx(np.exp(LEVELS).mean())
    assert start.exp_reward_variance == pytest.approx(np.exp(LEVELS).var())
    assert list(start[["share_0", "share_1", "share_2"]]) == [0.25, 0.5, 0.25]
    # With K = 2 the sample x is kept with probability sum over pairs of e^r(x) / (e^r(x) + e^r(y)), over n^2 / 2.
    pairs = np.exp(LEVELS)[:, None] / np.add.outer(np.exp(LEVELS), np.exp(LEVELS))
    law = 2 * pairs.mean(axis=1) / len(LEVELS)
    assert table.reward_mean[1] == pytest.approx(law @ LEVELS)
    assert table.share_2[1] == pytest.approx(law[3])


def test_seeds_stand_in_a_column_and_share_the_highest_reward() -> None:
    table = recurate.forecast(np.stack([LEVELS, LEVELS - 1]), generations=2)
    assert list(table.seed) == [0, 0, 0, 1, 1, 1]
    assert table.exp_reward_mean[3] == pytest.approx(np.exp(LEVELS - 1).mean())


@pytest.mark.parametrize("regime", [None, "replace"])
def test_the_pure_loop_ends_in_the_highest_reward(regime: Any) -> None:
    np.testing.assert_array_equal(recurate.limit(LEVELS, regime=regime), [0, 0, 0, 1])


@pytest.mark.parametrize("choices", [2, 5, math.inf])
def test_the_mixed_loop_ends_where_its_forecast_stands_still(choices: float) -> None:
    weights = recurate.limit(LEVELS, choices, real_fraction=0.3)
    last = recurate.forecast(LEVELS, choices, 100, real_fraction=0.3).iloc[-1]
    assert weights @ LEVELS == pytest.approx(last.reward_mean, abs=1e-5)


# Claims


def test_claims_on_a_forecast_are_those_of_the_study_s_own_check() -> None:
    rewards = np.random.default_rng(0).normal(size=(3, 300))
    table = recurate.forecast(rewards, choices=4, generations=4, real_fraction=0.25)
    found = recurate.claims(table, choices=4, real_fraction=0.25, exact=True)
    values = {name: table[name].to_numpy().reshape(3, 5) for name in table if name not in ("seed", "generation")}
    expected = check_arm(ClosedLoop("", "loop", 4, 0.25), values, "forecast")
    assert found[["claim", "generation", "verdict"]].to_dict("records") == [
        {key: row[key] for key in ("claim", "generation", "verdict")}
        for row in expected  # type: ignore[literal-required]
    ]
    assert set(found[found.claim == "theorem_2_3"].verdict) == {"supported"}


def loop_of_rewards(seeds: int, generations: int, count: int) -> np.ndarray:
    """Rewards (seeds, generations + 1, count) of the pure loop at K = 4 that resamples what was kept."""
    rewards = [np.random.default_rng(7).normal(size=(seeds, count))]
    for generation in range(generations):
        rewards.append(
            np.stack([recurate.curate(r, r, 4, generator=generation * seeds + s) for s, r in enumerate(rewards[-1])])
        )
    return np.stack(rewards, axis=1)  # fmt: skip


def test_claims_on_rewards_metrics_and_data_frames_agree() -> None:
    rewards = loop_of_rewards(4, 3, 2_000)
    top = float(rewards.max())
    scaled = np.exp(rewards - top)
    metrics = {
        "reward_mean": rewards.mean(axis=2),
        "exp_reward_mean": scaled.mean(axis=2),
        "exp_reward_variance": scaled.var(axis=2),
        "top_share": (rewards == top).mean(axis=2),
    }
    seeds, generations = np.indices((4, 4))
    wide = pd.DataFrame({"seed": seeds.ravel(), "generation": generations.ravel()})
    wide = wide.assign(**{name: values.ravel() for name, values in metrics.items()})
    tidy = wide.melt(["seed", "generation"], var_name="metric").sample(frac=1, random_state=0).assign(arm="one")
    found = [recurate.claims(each, names=["lemma_2_2"]) for each in (rewards, metrics, wide, tidy)]
    for other in found[1:]:
        pd.testing.assert_frame_equal(found[0], other)
    assert list(found[0].generation) == [1, 2, 3] and set(found[0].verdict) <= {"supported", "undecided"}
    assert "supported" in set(found[0].verdict)


# What cannot be is a sentence

FRAME = pd.DataFrame({"generation": [0, 1], "exp_reward_mean": [0.1, 0.2]})
REFUSED: list[tuple[Any, str]] = [
    (lambda: recurate.curate([1, 2], [0.0]), "There are 2 samples, but 1 rewards."),
    (lambda: recurate.curate([1, 2], [0.0, 1.0]), "choices is 4, but there are 2 samples"),
    (lambda: recurate.curate([1, 2], [0.0, math.nan], 1), "1 of 2 rewards are not finite"),
    (lambda: recurate.curate([1, 2], [0.0, 1.0], 1.5), "choices is 1.5"),
    (lambda: recurate.curate([1, 2], [0.0, 1.0], 0), "choices is 0"),
    (lambda: recurate.curate([1, 2], [0.0, 1.0], 1, kept=0), "kept is 0"),
    (lambda: recurate.curate([1, 2], [0.0, 1.0], 1, kept=1.5), "kept is 1.5"),  # type: ignore[arg-type]
    (lambda: recurate.curate([], []), "shape (0,)"),
    (lambda: recurate.forecast([]), "Rewards have shape (0,)"),
    (lambda: recurate.forecast(np.zeros((2, 2, 2))), "Rewards have shape (2, 2, 2)"),
    (lambda: recurate.forecast([0.0, math.inf]), "not finite"),
    (lambda: recurate.forecast(LEVELS, generations=-1), "generations is -1"),
    (lambda: recurate.forecast(LEVELS, choices=math.nan), "choices is nan"),
    (lambda: recurate.forecast(LEVELS, supremum=-1.0), "supremum is -1, but there is a reward of 0"),
    (lambda: recurate.forecast(LEVELS, real_fraction=1.5), "real_fraction is 1.5"),
    (lambda: recurate.forecast(LEVELS, real_fraction=math.nan), "real_fraction is nan"),
    (lambda: recurate.forecast(LEVELS, regime="pure"), "regime is 'pure', but must be one of replace"),  # type: ignore[arg-type]
    (lambda: recurate.forecast(LEVELS, regime="accumulate"), "accumulate needs real data"),
    (lambda: recurate.forecast(LEVELS, classes=[0, 1]), "integers of shape (4,)"),
    (lambda: recurate.forecast(LEVELS, classes=[0.5, 1, 1, 1]), "classes are float64"),
    (lambda: recurate.forecast(LEVELS, classes=[-1, 0, 1, 1]), "Classes run from -1"),
    (lambda: recurate.limit(LEVELS, real_fraction=0.5, regime="accumulate"), "slows down without end"),
    (lambda: recurate.limit(LEVELS, supremum=1.0), "No sample has the highest reward 1"),
    (lambda: recurate.claims(LEVELS), "shape (4,), but must be finite"),
    (lambda: recurate.claims(np.full((1, 2, 3), math.nan)), "must be finite"),
    (lambda: recurate.claims({"exp_reward_mean": [1.0, 2.0], "top_share": [1.0]}), "must all be"),
    (lambda: recurate.claims({}), "must all be"),
    (lambda: recurate.claims(FRAME, supremum=0.0), "supremum is for rewards"),
    (lambda: recurate.claims(FRAME, names=["lemma_9"]), "There is no claim 'lemma_9'"),
    (lambda: recurate.claims(FRAME.drop(columns="generation")), "needs the column generation"),
    (lambda: recurate.claims(FRAME[1:]), "every generation 0, 1"),
    (lambda: recurate.claims(pd.concat([FRAME, FRAME])), "twice for a seed and generation"),
    (lambda: recurate.claims(FRAME.assign(arm=["a", "b"])), "Choose one arm: table[table.arm == 'a']"),
    (lambda: recurate.tables("nosuch"), "nosuch holds no tables"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_what_cannot_be_is_a_sentence(call: Any, said: str) -> None:
    with pytest.raises(recurate.RecurateError, match=re.escape(said)) as caught:
        call()
    assert "\n" not in str(caught.value)


# Tables


@pytest.mark.parametrize(
    "study", sorted(path.parent for path in PUBLISHED.glob("*/*/config.yaml")), ids=lambda p: p.name
)
def test_every_published_study_has_tables_with_what_tells_its_arms_apart(study: Path) -> None:
    arms = yaml.safe_load((study / "config.yaml").read_text(encoding="utf-8"))["arms"]
    found = recurate.tables(study)
    assert "claims" in found
    for name, table in found.items():
        rows = sum(1 for _ in (study / f"{name}.csv").open(encoding="utf-8")) - 1
        assert len(table) == rows
        if "arm" not in table.columns:
            continue
        settings = [column for column in table.columns if "." in str(column)]
        assert len(arms) == 1 or settings
        for arm, row in table.drop_duplicates("arm").set_index("arm").iterrows():
            for column in settings:
                block: Any = arms[str(arm)]
                for key in column.split("."):
                    block = block.get(key) if isinstance(block, dict) else None
                value = row[column]
                assert (block is None and pd.isna(value)) or same(block, value), column


def same(written: object, read: object) -> bool:
    """Whether a value of a data frame is that of a YAML file, lists being tuples."""
    if isinstance(written, list):
        return isinstance(read, Sequence) and all(same(*pair) for pair in zip(written, read, strict=True))
    return bool(written == read)


def test_settings_that_differ_and_no_others_become_columns(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("study,arm,generation,seed,metric,value\ns,a,0,0,m,1.5\ns,b,0,0,m,nan\n")
    (tmp_path / "cost.csv").write_text("rule,note\ntrain,\n")
    arms = {
        "a": {"title": "one", "reward": {"kind": "x", "target": [0, 1]}, "curation": {"choices": 1}, "sampler": None},
        "b": {
            "title": "two",
            "reward": {"kind": "x", "target": [1, 1]},
            "curation": {"choices": 1.0},
            "parameters": {"choices": 1},
        },
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"arms": arms}))
    found = recurate.tables(tmp_path)
    assert list(found["cost"].columns) == ["rule", "note"]
    metrics = found["metrics"]
    assert list(metrics.columns[6:]) == ["reward.target"] and list(metrics["metric"]) == ["m", "m"]
    assert list(metrics["reward.target"]) == [(0, 1), (1, 1)]
    assert math.isnan(metrics.value[1])


@pytest.mark.parametrize("config", [None, "", "- a", "arms: 3", "arms: {a: 3}", "arms: [", b"\xff\xfe"])
def test_tables_without_settings_that_can_be_read_are_a_sentence(tmp_path: Path, config: str | bytes | None) -> None:
    (tmp_path / "metrics.csv").write_text("arm,value\na,1\n")
    if config is not None:
        (tmp_path / "config.yaml").write_bytes(config if isinstance(config, bytes) else config.encode())
    with pytest.raises(recurate.RecurateError, match=r"config\.yaml: "):
        recurate.tables(tmp_path)


# Components in Python


def test_a_component_built_in_python_knows_its_kind(tmp_path: Path) -> None:
    assert BradleyTerry(choices=4, kept=10) == load(Curation, {"kind": "bradley_terry", "choices": 4, "kept": 10})
    path = tmp_path / "first.py"
    path.write_text(
        "from recurate.curation import Choice, Curation\n\n\nclass First(Curation):\n"
        "    kept: int = 1\n\n    def keep(self, rewards, generator, prompts=None):\n        return Choice([0])\n"
    )
    built = component_class(Curation, str(path))()
    assert built.kind == str(path) and built.is_own


# Installed


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of a new environment with the library installed into it, which has no networks."""
    folder = tmp_path_factory.mktemp("installed")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, source)
    left_out = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "scripts", source / "scripts", ignore=left_out)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    python = folder / "env/bin/python"
    (site,) = folder.glob("env/lib/python*/site-packages")
    (site / "others.pth").write_text(str(Path(np.__file__).parents[1]))
    (site / "torch.py").write_text(NO_TORCH)
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--disable-pip-version-check", source], check=True)
    shutil.rmtree(source)
    return python


def run(python: Path, folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([python, "-c", code], cwd=folder, text=True, capture_output=True)


def test_the_installed_library_is_the_one_that_is_imported_with_its_types_and_templates(
    installed: Path, tmp_path: Path
) -> None:
    code = (
        "import importlib.metadata, pathlib, recurate\n"
        "folder = pathlib.Path(recurate.__file__).parent\n"
        "assert (folder / 'py.typed').exists() and (folder / 'report/report.html.j2').exists()\n"
        "print(folder, recurate.__version__, importlib.metadata.version('recurate'))"
    )
    done = run(installed, tmp_path, code)
    assert done.returncode == 0, done.stderr
    folder, *versions = done.stdout.split()
    assert Path(folder).is_relative_to(installed.parents[1]) and versions == [recurate.__version__] * 2


def test_importing_it_is_quick_for_it_imports_nothing_else(installed: Path, tmp_path: Path) -> None:
    heavy = {"numpy", "pandas", "pydantic", "scipy", "yaml"}
    code = f"import sys, recurate; print(sorted({{name.partition('.')[0] for name in sys.modules}} & {heavy}))"
    assert run(installed, tmp_path, code).stdout == "[]\n"


def test_the_ten_lines_of_its_page_run_from_another_folder_in_another_environment(
    installed: Path, tmp_path: Path
) -> None:
    lines = [line for line in BLOCKS[0].splitlines() if line]
    assert len(lines) <= 10
    done = run(installed, tmp_path, BLOCKS[0] + "assert liked[:, 0].mean() > samples[:, 0].mean() + 0.2")
    assert done.returncode == 0, done.stderr
    assert "supported" in done.stdout and "contradicted" not in done.stdout


@pytest.mark.parametrize("block", BLOCKS[1:])
def test_the_other_lines_of_its_page_run_in_the_checkout(installed: Path, block: str) -> None:
    done = run(installed, ROOT, block)
    assert done.returncode == 0, done.stderr


def test_metadata_are_read_as_the_page_on_architecture_says(installed: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "read_metadata" in block]
    (path,) = re.findall(r'read_metadata\("(.*)"\)', code)
    (tmp_path / path).parent.mkdir(parents=True)
    write_arrays(tmp_path / path, {"loss": np.zeros(3)}, {"generation": "0"})
    done = run(installed, tmp_path, code.replace("read_metadata(", "print(read_metadata(").rstrip() + ")")
    assert done.returncode == 0 and "'generation': '0'" in done.stdout, done.stderr


def test_the_page_has_every_name_with_its_arguments() -> None:
    named = dict(re.findall(r"^\| `(\w+)\((.*?)\)` \|", PAGE, re.MULTILINE))
    functions = {name for name in recurate.__all__ if inspect.isfunction(getattr(recurate, name))}
    assert set(named) == functions
    for name, arguments in named.items():
        signature = inspect.signature(getattr(recurate, name))
        bare = [part.replace(annotation=inspect.Parameter.empty) for part in signature.parameters.values()]
        assert f"({arguments})" == str(inspect.Signature(bare))


def test_a_name_that_there_is_not_is_an_error_that_lists_those_there_are() -> None:
    with pytest.raises(
        AttributeError, match="no attribute 'curat'; it gives RecurateError, __version__, claims, curate"
    ):
        recurate.curat  # type: ignore[attr-defined]  # noqa: B018
    assert dir(recurate) == recurate.__all__


def test_the_version_is_one_everywhere() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == recurate.__version__
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    released = [heading for heading in headings if heading != "Unreleased"]
    assert released[0] == f"{recurate.__version__} - {citation['date-released']}"
